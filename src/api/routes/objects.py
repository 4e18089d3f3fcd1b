"""Raw objects of the lake: what each is, and the exchange's answer in it, byte for byte."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import AfterValidator, Field

from src.api.context import parts, warehouse
from src.api.object_schemas import SourceOut, source_fields
from src.api.problems import invalid, not_found
from src.api.routing import Routes
from src.api.schemas import In, Spelling, parameter
from src.domain import DataType, Interval, Lane
from src.maintenance.lineage import open_source
from src.warehouse.lineage import count_held_from
from src.warehouse.objects import ObjectRow, find_object, get_object

routes = Routes("objects", "Raw objects of the lake, and the exchange's answers in them.")

_LAST_ID = 2**63 - 1
_ANSWER: dict[str, Any] = {
    "description": "What the exchange sent, byte for byte",
    "content": {"application/json": {}},
}


_KEY = Spelling("[!-~]{1,160}", "the key of an object, like 2026-01-09/BTCUSDT_klines_1767968400123.json")
_KeyName = Annotated[str, AfterValidator(_KEY.check), _KEY.schema]


class ObjectQuery(In):
    key: _KeyName | None = parameter(None, about="The object's key, as lineage and gaps tell it.")
    id: int | None = parameter(
        None, about="Or its number in the catalog, as candles carry it.", example=1, ge=1, le=_LAST_ID
    )


class LakeObjectOut(SourceOut):
    """An object with all that the catalog knows of it."""

    exchange: str
    symbol: str
    data_type: DataType
    interval: Interval | None = Field(description="Null for depth.")
    lane: Lane
    record_count: int | None = Field(description="How many closed candles are in it.")
    candles_held: int = Field(description="How many facts of the warehouse came from it.")
    pack: str | None = Field(description="The pack that it lies in, where it has no file of its own.")
    code_version: str | None = Field(description="The version of Candlehouse that loaded it.")
    deleted_ms: int | None


@routes.get("/api/objects", responses={200: LakeObjectOut})
def lake_object(query: ObjectQuery) -> LakeObjectOut:
    """Return what an object is, where it lies, what was asked for it, and what is held from it."""
    row = _find(query)
    with warehouse().read() as connection:
        held = count_held_from(connection, row)
    return LakeObjectOut(
        **source_fields(row, open_source(parts().lake, row)),
        exchange=row.exchange,
        symbol=row.symbol,
        data_type=row.data_type,
        interval=row.interval,
        lane=row.lane,
        record_count=row.record_count,
        candles_held=held,
        pack=row.pack,
        code_version=row.code_version,
        deleted_ms=row.deleted_ms,
    )


@routes.get("/api/objects/answer", responses={200: _ANSWER})
def lake_object_answer(query: ObjectQuery) -> Response:
    """Return what the exchange answered, byte for byte; 404 says why it cannot be opened."""
    row = _find(query)
    opened = open_source(parts().lake, row)
    if opened.body is None:
        raise not_found(f"object {row.key}: {opened.problem}", "object-not-readable")
    return Response(opened.body, mimetype="application/json")


def _find(query: ObjectQuery) -> ObjectRow:
    if (query.key is None) == (query.id is None):
        raise invalid("key", "one of key and id names the object", "either of them, not both")
    with warehouse().read() as connection:
        if query.key is not None:
            return get_object(connection, query.key)
        found = find_object(connection, query.id or 0)
    if found is None:
        raise not_found(f"the catalog has no object {query.id} (any more)", "unknown-object")
    return found
