"""A Django site in one file: middleware, forms, uploads, sessions, streams. One with a database is in django_shop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from tests.apps.gate import stop

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    USE_TZ=True,
    LOGGING={
        "version": 1,
        "handlers": {"stderr": {"class": "logging.StreamHandler"}},
        "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}},
    },
)


def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello from Django", content_type="text/plain")


def as_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {"host": request.get_host(), "path": request.path, "args": request.GET.dict(), "scheme": request.scheme}
    )


def form(request: HttpRequest) -> HttpResponse:
    return JsonResponse(dict(request.POST.lists()))


def upload(request: HttpRequest) -> HttpResponse:
    files = {name: [file.name, hashlib.sha256(file.read()).hexdigest()] for name, file in request.FILES.items()}
    return JsonResponse({"files": files, "form": request.POST.dict()})


def raw(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/octet-stream")


def count(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse(request.session["visits"], safe=False)


def cookies(request: HttpRequest) -> HttpResponse:
    response = JsonResponse(dict(request.COOKIES))
    response.set_cookie("first", "1")
    response.set_cookie("second", "2", httponly=True)
    return response


def elsewhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=302, headers={"Location": "/json?from=redirect"})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def blocks() -> Iterator[str]:
        for index in range(3):
            yield f"{request.path} {index}\n"
            stop(f"after block {index}")

    return StreamingHttpResponse(blocks(), content_type="text/plain")


def file(request: HttpRequest, path: str) -> FileResponse:
    return FileResponse(open(f"/{path}", "rb"), content_type="application/octet-stream")


def teapot(request: HttpRequest) -> HttpResponse:
    return HttpResponse("I'm a teapot", status=418)


def fault(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault in a view")


urlpatterns: list[Any] = [
    path("", index),
    path("json", as_json),
    path("form", form),
    path("upload", upload),
    path("raw", raw),
    path("count", count),
    path("cookies", cookies),
    path("redirect", elsewhere),
    path("stream", stream),
    path("file/<path:path>", file),
    path("teapot", teapot),
    path("fault", fault),
]

django.setup()
application = get_wsgi_application()
