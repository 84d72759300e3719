"""A Flask site that keeps what is uploaded: log in, add pictures, see and fetch them; its folder is in ALBUM."""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    flash,
    g,
    get_flashed_messages,
    redirect,
    request,
    send_from_directory,
    session,
    url_for,
)
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response

from tests.apps.gate import report

FOLDER = Path(os.environ["ALBUM"])
FIVE_MB = 5_000_000

album = Blueprint("album", __name__)


def for_members(view: Any) -> Any:
    """Let those in who are logged in, and send the others to the door."""

    @wraps(view)
    def checked(**parts: str) -> Any:
        return view(**parts) if "member" in session else redirect(url_for("album.enter"))

    return checked


@album.route("/enter", methods=["GET", "POST"])
def enter() -> Response | str:
    if request.method == "GET":
        return "Who are you?"
    session["member"] = request.form["name"]
    flash(f"Welcome, {request.form['name']}")
    return redirect(url_for("album.pictures"))


@album.get("/")
@for_members
def pictures() -> dict[str, Any]:
    names = sorted(path.name for path in FOLDER.iterdir())
    return {"member": session["member"], "said": get_flashed_messages(), "pictures": names, "pid": os.getpid()}


@album.post("/add")
@for_members
def add() -> Response:
    for picture in request.files.getlist("picture"):
        picture.save(FOLDER / secure_filename(picture.filename or "picture"))
    flash("Added")
    return redirect(url_for("album.pictures", _external=True))


@album.get("/picture/<name>")
@for_members
def picture(name: str) -> Response:
    g.fetched = name
    return send_from_directory(FOLDER, name)


@album.teardown_request
def teardown(error: BaseException | None) -> None:
    if "fetched" in g:
        report(f"torn down {g.fetched}")


def too_large(error: RequestEntityTooLarge) -> tuple[str, int]:
    return "Too large for this album", 413


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="only for tests", MAX_CONTENT_LENGTH=FIVE_MB, SESSION_COOKIE_SAMESITE="Lax")
    app.register_blueprint(album)
    app.register_error_handler(RequestEntityTooLarge, too_large)
    return app
