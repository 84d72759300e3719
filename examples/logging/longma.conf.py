"""Logs for a machine that collects standard output: JSON lines, one for each request, with the trace they belong to."""

bind = "127.0.0.1:8000"
workers = 2
accesslog = "-"
errorlog = "-"
log_format = "json"
loglevel = "info"
capture_output = True
