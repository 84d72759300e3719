# longma -c longma.conf.py hello:app
worker_class = "uvicorn_worker.UvicornWorker"
workers = 2
accesslog = "-"
