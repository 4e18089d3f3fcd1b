"""Candles as files."""

from __future__ import annotations

from typing import Any

from flask import Response

from src.api.candle_schemas import CandlesQuery
from src.api.routing import Routes
from src.api.schemas import OfSymbol, parameter
from src.api.services import analytics
from src.services.export import MIMETYPES, Format, write_file

routes = Routes("export", "Candles as files.")

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES: dict[str, Any] = {
    "description": "The file, streamed",
    "content": dict.fromkeys(MIMETYPES.values(), _BINARY),
}


class ExportQuery(CandlesQuery):
    format: Format = parameter(Format.CSV, about="What kind of file.")


@routes.get("/api/export/<symbol>", responses={200: _FILES})
def export_candles(path: OfSymbol, query: ExportQuery) -> Response:
    """Return candles of any interval as a file: CSV, Parquet, or an Arrow stream.

    Closed candles alone, oldest first, however many there are. Amounts are exact: text in CSV, decimals in
    the others. `complete` is false where a candle within is missing.
    """
    wanted = query.bars(path.symbol, 1)
    pieces = write_file(analytics(), wanted, query.format)
    name = f"{path.symbol}-{query.interval.value}.{query.format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pieces, mimetype=MIMETYPES[query.format], headers=headers)
