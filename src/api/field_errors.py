"""What is wrong with a request's fields, in words for a person instead of pydantic's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from src.api.problems import FieldError, invalid_fields

Model = TypeVar("Model", bound=BaseModel)

# By the beginning of pydantic's type of error; {} stands for what its context says.
_PLAIN = {
    "bool_": "true or false",
    "date_": "a day like 2026-01-31",
    "dict_": "a JSON object",
    "float_": "a number",
    "int_": "a whole number",
    "list_": "a list",
    "model_": "a JSON object",
    "string_too_long": "{max_length} characters at most",
    "string_too_short": "{min_length} characters at least",
    "string_type": "text",
    "too_long": "{max_length} of them at most",
    "too_short": "{min_length} of them at least",
}


def validate(model: type[Model], values: Any) -> Model:
    """Return *values* as a *model*; 422 names each field that is wrong and what is accepted."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = [_field_error(model, one) for one in error.errors(include_url=False)]
    # Not within "except": what was sent may be a secret, and would be chained to the problem.
    raise invalid_fields(found)


def _field_error(model: type[BaseModel], detail: Mapping[str, Any]) -> FieldError:
    field = _name(detail["loc"])
    if detail["type"] == "missing":
        return FieldError(field=field, message="is missing", accepted=_about(model, field))
    if detail["type"] == "extra_forbidden":
        return FieldError(field=field, message="is not known here", accepted=_known(model, detail["loc"]))
    message = f"{_short(detail['input'])} is not accepted"
    return FieldError(field=field, message=message, accepted=_accepted(detail))


def _name(place: tuple[Any, ...]) -> str:
    """Return the way to a field; of a list of plain values that of the list: the message says which one."""
    named = place[:-1] if place and isinstance(place[-1], int) else place
    return ".".join(map(str, named)) or "body"


def _accepted(detail: Mapping[str, Any]) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    if "accepted" in context:
        return str(context["accepted"])
    for kind, words in _PLAIN.items():
        if detail["type"].startswith(kind):
            return words.format(**context)
    return str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")


def _about(model: type[BaseModel], field: str) -> str | None:
    """Return what the document says of a field, with its example; None for one further down."""
    known = model.model_fields.get(field)
    if known is None or known.description is None:
        return None
    about, extra = known.description.rstrip("."), known.json_schema_extra
    example = extra.get("example") if isinstance(extra, dict) else None
    return about if example is None else f"{about}, like {example}"


def _known(model: type[BaseModel], place: tuple[Any, ...]) -> str | None:
    """Name the fields that there are; of objects further down nobody knows here."""
    return (", ".join(model.model_fields) or "none") if len(place) == 1 else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 64 else text[:61] + "..."
