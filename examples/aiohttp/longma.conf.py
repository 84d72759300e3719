# longma -c longma.conf.py hello:create_app
worker_class = "aiohttp.GunicornWebWorker"
workers = 2
accesslog = "-"
# This is aiohttp's own language, not Gunicorn's.
access_log_format = '%a "%r" %s %Tf'
