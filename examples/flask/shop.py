"""A Flask site with a command that serves it: `flask --app shop serve-longma --bind 127.0.0.1:8000 --workers 4`."""

import click
from flask import Flask

import longma

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "Hello from a Flask command\n"


@app.cli.command("serve-longma")
@click.option("--bind", default="127.0.0.1:8000", help="Where to listen.")
@click.option("--workers", default="auto", help="How many processes serve.")
@click.option("--threads", default=1, help="How many requests each of them serves at once.")
def serve_longma(bind: str, workers: str, threads: int) -> None:
    """Serve the site as in production."""
    # By its name: each worker imports it anew, so that HUP reloads it.
    longma.serve("shop:app", bind=bind, workers=workers, threads=threads)
