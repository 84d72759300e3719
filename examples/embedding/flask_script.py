"""A program that serves itself: `BIND=127.0.0.1:8000 python flask_script.py`."""

import os

from flask import Flask

import longma

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "Hello from a script\n"


if __name__ == "__main__":
    longma.serve(app, bind=os.environ.get("BIND", "127.0.0.1:8000"), workers=2, timeout=60)
    print("The server has stopped; the script goes on.")
