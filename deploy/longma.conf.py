"""/srv/shop/longma.conf.py: what the files beside this one start longma with."""

wsgi_app = "shop.wsgi:application"
workers = "auto"
bind = ["0.0.0.0:8000"]
# The supervisor waits longer than this before it kills.
graceful_timeout = 30
accesslog = "-"
