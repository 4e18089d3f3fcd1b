"""What the API says when it cannot do as asked: ``application/problem+json`` (RFC 9457), always of one shape.

Errors of the project become problems here, by who has to act; what nobody foresaw is logged and told as 500
without its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from flask import Flask, Response
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from src import errors as project

log = structlog.get_logger()

MIMETYPE = "application/problem+json"
_TYPE = "urn:candlehouse:problem:"
_RETRY_S = 5


class FieldError(BaseModel):
    """One field of a request that is not as it must be."""

    field: str = Field(
        description="The parameter, or the way to it in the body, `series.0.symbol`, or the setting."
    )
    message: str = Field(description="What is wrong, for a person.")
    accepted: str | None = Field(description="What would be accepted.")


class ProblemOut(BaseModel):
    """What every answer of 400 and above holds."""

    type: str = Field(description="A URN to tell problems apart by; it stays the same.")
    title: str = Field(description="What kind of problem this is, the same for all of its type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened here, and what to do.")
    errors: list[FieldError] = Field(description="The fields that are wrong; empty for other problems.")


class Problem(Exception):
    """Raise it anywhere below a route to answer so; *kind* ends the type, like ``unknown-symbol``."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        title = self.kind.replace("-", " ").capitalize()
        out = ProblemOut(
            type=_TYPE + self.kind, title=title, status=self.status, detail=self.detail, errors=self.errors
        )
        body = orjson.dumps(out.model_dump())
        return Response(body, self.status, headers=self.headers, mimetype=MIMETYPE)


def not_found(detail: str, kind: str = "not-found") -> Problem:
    return Problem(404, kind, detail)


def conflict(detail: str, kind: str = "conflict") -> Problem:
    """Return the problem of what is asked for at the wrong moment, like the end of a run that has ended."""
    return Problem(409, kind, detail)


def invalid(field: str, message: str, accepted: str | None = None) -> Problem:
    """Return the problem of one field that only the route itself could judge."""
    return invalid_fields([FieldError(field=field, message=message, accepted=accepted)])


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    detail = "; ".join(_in_words(error) for error in errors)
    return Problem(422, "invalid-request", detail, errors)


def _in_words(error: FieldError) -> str:
    accepted = f" (accepted: {error.accepted})" if error.accepted else ""
    return f"{error.field}: {error.message}{accepted}"


# Of several that an error is, the first one counts.
_OF_PROJECT: dict[type[project.CandlehouseError], tuple[int, str]] = {
    project.NotFound: (404, "not-found"),
    project.ConfigurationError: (422, "invalid-request"),
    project.StoreUnavailable: (503, "store-unavailable"),
    project.SchemaError: (503, "schema-outdated"),
    project.SourceTransient: (503, "exchange-unavailable"),
    project.SourcePermanent: (422, "refused-by-exchange"),
    project.Stopped: (503, "shutting-down"),
}


def problem_of(error: project.CandlehouseError) -> Problem:
    """Return how an error of the project is told over HTTP."""
    for kind, (status, name) in _OF_PROJECT.items():
        if isinstance(error, kind):
            later = {"Retry-After": str(_RETRY_S)} if status == 503 else {}
            # Which command to type is of no use to who asks over HTTP.
            detail = error.what if isinstance(error, project.NotFound) else str(error)
            return Problem(status, name, detail, headers=later)
    return _unforeseen(error)


def _unforeseen(error: Exception) -> Problem:
    log.error("request failed", error=repr(error), exc_info=error)
    return Problem(500, "internal-error", "this failed; the log of the API says why")


def install(app: Flask) -> None:
    """Let every error leave *app* as a problem."""
    app.register_error_handler(Problem, lambda problem: problem.response())
    app.register_error_handler(project.CandlehouseError, lambda error: problem_of(error).response())
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, lambda error: _unforeseen(error).response())


def _of_http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:  # a redirect
        return error
    status = HTTPStatus(error.code)
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    kind = status.phrase.lower().replace(" ", "-").replace("'", "")
    return Problem(error.code, kind, error.description or status.description, headers=kept).response()
