"""Its paths."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import path

from tests.apps.django_shop import views

urlpatterns: list[Any] = [
    path("admin/", admin.site.urls),
    path("login", LoginView.as_view(template_name="admin/login.html")),
    path("basket", views.basket),
    path("basket/add/<str:name>", views.add),
    path("articles", views.articles),
    path("buy/<str:name>", views.buy),
    path("buy-and-fail/<str:name>", views.buy_and_fail),
    path("sheet/<str:name>", views.sheet),
    path("export", views.export),
]
