"""What is told of a raw object: where it lies, what was asked, and whether it can be opened."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from src.api.schemas import Out
from src.domain import format_utc
from src.lake.store import Bucket
from src.maintenance.lineage import Opened
from src.warehouse.catalog import ObjectState
from src.warehouse.objects import ObjectRow


class RequestOut(Out):
    url: str
    params: dict[str, Any]
    weight: int


class SourceOut(Out):
    """The object that a candle came from; only its id where the catalog has it no more."""

    id: int
    key: str | None
    bucket: Bucket | None
    state: ObjectState | None
    sha256: str | None
    size_bytes: int | None
    captured_ms: int | None
    captured: str | None
    exchange_time_ms: int | None = Field(description="When it was asked for, by the exchange's clock.")
    loaded_ms: int | None
    run_id: int | None = Field(description="The run that fetched it; null for a cycle's.")
    request: RequestOut | None
    row: int | None = Field(description="The candle's place in the answer, counted from 0.")
    problem: str | None = Field(description="Why the object cannot be opened.")


_ALIKE = ("id", "key", "bucket", "state", "sha256", "size_bytes", "exchange_time_ms", "loaded_ms", "run_id")
_UNKNOWN = dict.fromkeys(name for name in SourceOut.model_fields if name not in {"id", "problem"})


def gone(object_id: int, problem: str) -> SourceOut:
    """Tell of an object that the catalog has no more."""
    return SourceOut(id=object_id, problem=problem, **_UNKNOWN)


def source_fields(row: ObjectRow, opened: Opened) -> dict[str, Any]:
    """Return the fields of a SourceOut for what the catalog says and what opening it brought."""
    request = opened.request
    return {
        **{name: getattr(row, name) for name in _ALIKE},
        "captured_ms": row.captured_at_ms,
        "captured": format_utc(row.captured_at_ms),
        "request": request
        and RequestOut(url=request.url, params=dict(request.params), weight=request.weight),
        "row": opened.place,
        "problem": opened.problem,
    }
