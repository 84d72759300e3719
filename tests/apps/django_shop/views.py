"""Its pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import F
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tests.apps.django_shop.models import Article, Order


@login_required
def basket(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"user": request.user.username, "basket": request.session.get("basket", [])})


@require_POST
@login_required
def add(request: HttpRequest, name: str) -> HttpResponse:
    """Needs the token of the form that it is for."""
    request.session["basket"] = [*request.session.get("basket", []), get_object_or_404(Article, name=name).name]
    return redirect("/basket")


def articles(request: HttpRequest) -> HttpResponse:
    sold = {article.name: [article.stock, article.orders.count()] for article in Article.objects.order_by("name")}
    return JsonResponse({"articles": sold, "pid": os.getpid()})


def sell(name: str) -> bool:
    with transaction.atomic():
        if not Article.objects.filter(name=name, stock__gt=0).update(stock=F("stock") - 1):
            return False
        Order.objects.create(article=Article.objects.get(name=name))
    return True


@csrf_exempt
@require_POST
def buy(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(status=201 if sell(name) else 409)


@csrf_exempt
@require_POST
def buy_and_fail(request: HttpRequest, name: str) -> HttpResponse:
    sell(name)
    raise RuntimeError("a fault behind a sale")


@csrf_exempt
def sheet(request: HttpRequest, name: str) -> HttpResponse:
    article = get_object_or_404(Article, name=name)
    if request.method == "POST":
        article.sheet = request.FILES["sheet"]
        article.save()
        return redirect(request.path)
    return FileResponse(article.sheet.open(), as_attachment=True, filename=f"{name}.bin")


def export(request: HttpRequest) -> StreamingHttpResponse:
    """Every order, a line each, read while it is sent."""

    def lines() -> Iterator[str]:
        yield "number,article\n"
        for number, name in Order.objects.order_by("id").values_list("id", "article__name").iterator():
            yield f"{number},{name}\n"

    return StreamingHttpResponse(lines(), content_type="text/csv")
