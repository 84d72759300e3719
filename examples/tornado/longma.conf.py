# longma -c longma.conf.py hello:app
#
# Tornado's own applications need Tornado's own loop. A WSGI application is better off with the default class.
worker_class = "tornado"
workers = 2
