# longma -c longma.conf.py plain:application
worker_class = "plain.Plain"
workers = 2
