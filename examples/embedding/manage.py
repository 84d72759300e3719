"""A Django site in a file, and its `manage.py`: `python manage.py serve 127.0.0.1:8000 --workers 4`."""

import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path


def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello from a management command\n")


urlpatterns = [path("", index)]

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["shop"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not a secret",
    USE_TZ=True,
)
django.setup()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
