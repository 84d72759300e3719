"""`manage.py serve`: the site by longma, in place of `runserver`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.wsgi import get_wsgi_application

import longma


class Command(BaseCommand):
    help = "Serve the site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", nargs="?", default="127.0.0.1:8000")
        parser.add_argument("--workers", default="auto")

    def handle(self, *arguments: Any, **options: Any) -> None:
        longma.serve(get_wsgi_application(), bind=options["address"], workers=options["workers"], proc_name="shop")
