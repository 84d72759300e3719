"""A Flask site with what such sites do: forms, uploads, cookies, sessions, redirects, streams, files, errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from flask import Flask, Response, abort, jsonify, redirect, request, send_file, session, stream_with_context
from werkzeug.wrappers import Response as BaseResponse

from tests.apps.gate import stop

app = Flask(__name__)
app.secret_key = "only for tests"


@app.get("/")
def index() -> str:
    return "Hello from Flask"


@app.get("/json")
def as_json() -> Response:
    return jsonify(host=request.host, path=request.path, args=request.args.to_dict(), scheme=request.scheme)


@app.post("/form")
def form() -> Response:
    return jsonify(request.form.to_dict(flat=False))


@app.post("/upload")
def upload() -> Response:
    files = {name: [file.filename, hashlib.sha256(file.read()).hexdigest()] for name, file in request.files.items()}
    return jsonify(files=files, form=request.form.to_dict())


@app.post("/raw")
def raw() -> Response:
    return Response(request.get_data(), content_type="application/octet-stream")


@app.get("/count")
def count() -> Response:
    session["visits"] = session.get("visits", 0) + 1
    return jsonify(session["visits"])


@app.get("/cookies")
def cookies() -> Response:
    response = jsonify(request.cookies.to_dict())
    response.set_cookie("first", "1")
    response.set_cookie("second", "2", httponly=True)
    return response


@app.get("/redirect")
def elsewhere() -> BaseResponse:
    return redirect("/json?from=redirect")


@app.get("/stream")
def stream() -> Response:
    def blocks() -> Iterator[str]:
        for index in range(3):
            yield f"{request.path} {index}\n"
            stop(f"after block {index}")

    return Response(stream_with_context(blocks()), content_type="text/plain")


@app.get("/file/<path:path>")
def file(path: str) -> BaseResponse:
    return send_file(f"/{path}", mimetype="application/octet-stream", conditional=True)


@app.get("/teapot")
def teapot() -> str:
    abort(418)


@app.get("/fault")
def fault() -> str:
    raise RuntimeError("a fault in a view")
