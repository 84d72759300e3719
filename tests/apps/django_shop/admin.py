"""The articles in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from tests.apps.django_shop.models import Article

admin.site.register(Article)
