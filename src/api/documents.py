"""The API's own description: the OpenAPI document, and a page to browse it that needs no other server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_openapi3_swagger
import orjson
from flask import Blueprint, Response, current_app, send_from_directory, url_for

from src.api.access import needs
from src.api.preparation import answers_anyway

_ASSETS = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Candlehouse API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{css}">
</head>
<body>
<div id="swagger-ui" data-document="{document}"></div>
<script src="{bundle}"></script>
<script src="{start}"></script>
</body>
</html>
"""
_START = """"use strict";
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({url: place.dataset.document, domNode: place, deepLinking: true, validatorUrl: null});
"""

documents = Blueprint("documents", __name__, url_prefix="/api")


@documents.get("/openapi.json")
@needs(None)
@answers_anyway
def document() -> Response:
    return Response(orjson.dumps(current_app.api_doc), mimetype="application/json")  # type: ignore[attr-defined]


@documents.get("/docs")
@needs(None)
@answers_anyway
def page() -> Response:
    def asset(name: str) -> str:
        return url_for("documents.asset", name=name)

    text = _PAGE.format(
        css=asset("css/swagger-ui.css"),
        bundle=asset("js/swagger-ui-bundle.js"),
        start=url_for("documents.start"),
        document=url_for("documents.document"),
    )
    return Response(text, mimetype="text/html")


@documents.get("/docs/start.js")
@needs(None)
@answers_anyway
def start() -> Response:
    return Response(_START, mimetype="text/javascript")


@documents.get("/docs/<path:name>")
@needs(None)
@answers_anyway
def asset(name: str) -> Any:
    return send_from_directory(_ASSETS, name, max_age=3600)
