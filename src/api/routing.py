"""How routes are made: blueprints whose functions say by their annotations what they take.

``path``, ``query`` and ``body`` of a function are models; flask-openapi3 describes them in the OpenAPI
document, and here requests are checked against them, once and without asking for a schema each time.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import orjson
from flask import Response, current_app, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from src.api.field_errors import validate
from src.api.problems import MIMETYPE, FieldError, Problem, invalid_fields
from src.api.schemas import In

VALIDATE = "VALIDATE_RESPONSES"
"""Key of the application's configuration: whether answers are checked against what is documented."""

View = Callable[..., Any]
_PROBLEM = {MIMETYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
_USUAL = {
    "304": "Not changed since the ETag that the request names in If-None-Match",
    "400": "The request cannot be read",
    "401": "A token is needed, or it is not valid (any more)",
    "403": "Not with this token, from this origin or under this host name",
    "404": "Not there",
    "405": "Not with this method",
    "409": "Not at the moment",
    "413": "Too large",
    "415": "Not JSON",
    "422": "Fields that are not accepted, each named in `errors`",
    "429": "Too many failed attempts",
    "503": "A store cannot be reached; try again later",
}


def _documented(status: str, text: str) -> dict[str, Any]:
    return {"description": text} if status == "304" else {"description": text, "content": _PROBLEM}


def _name_of_function(*, name: str, **_: str) -> str:
    """Call an operation as its function, so that generated clients have short names."""
    return name


class Routes(APIBlueprint):
    """A blueprint of the API; its name is the tag under which the document shows it."""

    def __init__(self, name: str, about: str) -> None:
        documented: dict[Any, Any] = {status: _documented(status, text) for status, text in _USUAL.items()}
        super().__init__(
            name,
            __name__,
            abp_tags=[Tag(name=name, description=about)],
            abp_responses=documented,
            operation_id_callback=_name_of_function,
        )

    @staticmethod
    def create_view_func(func: View, *models: Any, responses: Any = None, **_: Any) -> View:
        """Return what Flask calls; flask-openapi3's own would build each model's schema for each request."""
        _header, _cookie, path, query, _form, body = models[:6]
        read_query = _Query.of(query or _NoQuery)
        outs = {str(status): model for status, model in (responses or {}).items()}

        @wraps(func)
        def view(**in_path: Any) -> Response:
            arguments: dict[str, Any] = {}
            if path:
                arguments["path"] = validate(path, in_path)
            asked = read_query(request.args)
            if query:
                arguments["query"] = asked
            if body:
                arguments["body"] = validate(body, _read_body())
            response = _respond(func(**arguments))
            if current_app.config.get(VALIDATE):
                _check_response(response, outs)
            return response

        return view


class _NoQuery(In):
    """The query of a route that takes none."""


@dataclass(frozen=True, slots=True)
class _Query:
    """Reads a query string: lists are those parameters that may be given several times."""

    model: type[BaseModel]
    lists: frozenset[str]

    @classmethod
    def of(cls, model: type[BaseModel]) -> _Query:
        properties = model.model_json_schema().get("properties", {})
        return cls(model, frozenset(name for name, schema in properties.items() if _is_list(schema)))

    def __call__(self, given: MultiDict[str, str]) -> BaseModel:
        values: dict[str, Any] = {}
        for name, texts in given.lists():
            if name not in self.lists and len(texts) > 1:
                error = FieldError(field=name, message="given more than once", accepted="one value")
                raise invalid_fields([error])
            values[name] = texts if name in self.lists else texts[0]
        return validate(self.model, values)


def _is_list(schema: Mapping[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", [])))


def _read_body() -> Any:
    """Return the body's JSON; nothing at all counts as an empty object."""
    content = request.get_data(cache=True)
    if not content.strip():
        return {}
    if request.mimetype != "application/json":
        raise Problem(415, "unsupported-media-type", "send the body as JSON, Content-Type: application/json")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Problem(400, "malformed-json", f"the body is not JSON: {error}") from None


def _respond(result: Any) -> Response:
    """Make a response of what a route returns: a model or JSON, either with a status, or a response."""
    if isinstance(result, Response):
        return result
    value, status = result if isinstance(result, tuple) else (result, 200)
    content = value.model_dump_json(by_alias=True) if isinstance(value, BaseModel) else value
    return Response(content, status, mimetype="application/json")


def _check_response(response: Response, outs: Mapping[str, Any]) -> None:
    """Raise what a test shall see: an answer that is not as documented."""
    if not outs:  # a route that the document does not show
        return
    assert str(response.status_code) in outs or response.status_code == 304, "an undocumented status"
    model = outs.get(str(response.status_code))
    if isinstance(model, type) and issubclass(model, BaseModel) and response.mimetype == "application/json":
        content = response.get_data()
        is_packed = response.headers.get("Content-Encoding") == "gzip"
        model.model_validate_json(gzip.decompress(content) if is_packed else content, by_alias=True)
