"""Serves one of the APIs that ``bench.api`` compares: ``python -m bench.api_server KIND PORT [BYTES]``.

``bare`` is a Flask route that returns that many bytes from memory; ``ours`` is the API as it is, ``uncached``
the API without its cache of answers. All three run in the default server.
"""

from __future__ import annotations

import sys

from flask import Flask, Response

from src.api.answers import CACHE, BodyCache
from src.api.app import create_app
from src.api.serving import bind, run_gunicorn
from src.logs import configure_logging
from src.settings import load_settings


def main(kind: str, port: str, size: str = "0") -> None:
    configure_logging("warning")
    run_gunicorn(lambda: _make(kind, int(size)), bind("127.0.0.1", int(port)))


def _make(kind: str, size: int) -> Flask:
    if kind == "bare":
        return _bare(size)
    app = create_app(load_settings())
    if kind == "uncached":
        app.extensions[CACHE] = BodyCache(limit=0)
    return app


def _bare(size: int) -> Flask:
    app = Flask("bare")
    content = b"x" * size
    app.add_url_rule("/", view_func=lambda: Response(content, mimetype="application/json"))
    return app


if __name__ == "__main__":
    main(*sys.argv[1:])
