"""``create_app``: the HTTP side of everything that can be known or done.

Nothing is connected before the first request, so that the API starts while a store is away and says so.
"""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask
from flask_cors import CORS
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from src.api import access, answers, metrics, preparation, problems, web
from src.api.context import EXTENSION
from src.api.documents import documents
from src.api.hosts import TrustedProxies
from src.api.problems import ProblemOut
from src.api.routes import blueprints
from src.api.security import SecurityHeaders
from src.settings import Settings
from src.web.place import FRONTEND, WebPlace
from src.wiring import App, build

log = structlog.get_logger()

VERSION = "1"
_MOST_BODY_BYTES = 1_000_000
# A warehouse that hangs must not take all threads with it.
_ANSWER_S = 30
_ABOUT = """Everything that can be known or done. Times come in as ISO 8601 or epoch milliseconds; they leave
as epoch milliseconds in fields that end in `_ms`, and in ISO 8601 beside them where it is not one row of
many. All are UTC. Amounts are decimal strings, exact. Errors are `application/problem+json`. Answers carry an
ETag where they can be asked for again; lists with `next_cursor` go on with `?cursor=`."""
_SECURITY: dict[str, Any] = {"token": {"type": "http", "scheme": "bearer"}}
# Without a token where reading is open, or with the cookie of a session.
_EXTENSIONS: dict[str, Any] = {"security": [{"token": []}, {}]}


def create_app(settings: Settings, made: App | None = None, place: WebPlace = FRONTEND) -> Flask:
    """Return the API of *settings*, around *made* if there is one already, and the web app of *place*."""
    app = OpenAPI(
        "candlehouse",
        info=Info(title="Candlehouse", version=VERSION, description=_ABOUT),
        security_schemes=_SECURITY,
        openapi_extensions=_EXTENSIONS,
        validation_error_model=ProblemOut,
        doc_ui=False,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.extensions[EXTENSION] = made or build(settings, _ANSWER_S)
    _install(app, settings, place)
    for blueprint in blueprints():
        app.register_api(blueprint)
    app.register_blueprint(documents)
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _install(app: Flask, settings: Settings, place: WebPlace) -> None:
    app.wsgi_app = SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign]
    if settings.cors_origins:
        CORS(app, origins=list(settings.cors_origins), expose_headers=["ETag", "Retry-After"])
    metrics.install(app)
    answers.install(app)
    web.install(app, place)
    preparation.install(app, settings)
    access.install(app, settings)
    problems.install(app)
