"""Candles as files, written piece by piece: however many there are, a few thousand are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from io import BytesIO
from typing import Any

import pyarrow as pa
from pyarrow import ipc, parquet

from src.domain import format_utc
from src.services.analytics import AnalyticsService, BarQuery
from src.warehouse.bars import Bar

_ROWS_A_PIECE = 10_000
_PRICE, _VOLUME = pa.decimal128(20, 8), pa.decimal128(38, 8)
_SCHEMA = pa.schema(
    [
        ("open_time", pa.timestamp("ms", tz="UTC")),
        *[(name, _PRICE) for name in ("open", "high", "low", "close")],
        *[(name, _VOLUME) for name in ("volume", "quote_volume")],
        *[(name, _VOLUME) for name in ("taker_buy_volume", "taker_buy_quote_volume")],
        ("trade_count", pa.int64()),
        ("complete", pa.bool_()),
    ]
)


class Format(StrEnum):
    """What a file can be: amounts are exact in all of them."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MIMETYPES = {
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}


def write_file(service: AnalyticsService, query: BarQuery, kind: Format) -> Iterator[bytes]:
    """Return a file of closed candles in pieces, oldest first; *limit* of the query does not count.

    What can be wrong with the query is raised before this returns.
    """
    query = replace(query, limit=_ROWS_A_PIECE, start_ms=query.start_ms or 0)
    first = service.bars(query)
    return _WRITERS[kind](_pieces(service, query, first))


def _pieces(service: AnalyticsService, query: BarQuery, piece: Sequence[Bar]) -> Iterator[Sequence[Bar]]:
    """Yield the candles in pieces, each read in a transaction of its own."""
    while piece:
        yield piece
        if len(piece) < _ROWS_A_PIECE:
            return
        query = replace(query, start_ms=piece[-1].open_time_ms + 1)
        if query.end_ms is not None and query.end_ms <= query.start_ms:  # type: ignore[operator]
            return
        piece = service.bars(query)


def _as_csv(pieces: Iterator[Sequence[Bar]]) -> Iterator[bytes]:
    yield ",".join(_SCHEMA.names).encode() + b"\n"
    for piece in pieces:
        yield b"".join(map(_line, piece))


def _line(bar: Bar) -> bytes:
    complete = b"true" if bar.is_complete else b"false"
    return b",".join((format_utc(bar.open_time_ms).encode(), *bar[1:10], complete)) + b"\n"


def _as_parquet(pieces: Iterator[Sequence[Bar]]) -> Iterator[bytes]:
    return _as_batches(pieces, lambda sink: parquet.ParquetWriter(sink, _SCHEMA, compression="zstd"))


def _as_arrow(pieces: Iterator[Sequence[Bar]]) -> Iterator[bytes]:
    return _as_batches(pieces, lambda sink: ipc.new_stream(sink, _SCHEMA))


def _as_batches(pieces: Iterator[Sequence[Bar]], make_writer: Callable[[Any], Any]) -> Iterator[bytes]:
    sink = _Sink()
    writer = make_writer(pa.PythonFile(sink, mode="w"))
    for piece in pieces:
        writer.write_batch(_batch(piece))
        yield sink.take()
    writer.close()
    yield sink.take()


def _batch(bars: Sequence[Bar]) -> pa.RecordBatch:
    columns = list(zip(*bars, strict=True))
    texts = [pa.array(column, pa.binary()).cast(pa.string()) for column in columns[1:9]]
    amounts = [text.cast(field.type) for text, field in zip(texts, list(_SCHEMA)[1:9], strict=True)]
    times = pa.array(columns[0], pa.int64()).cast(_SCHEMA.field("open_time").type)
    trades = pa.array(map(int, columns[9]), pa.int64())
    return pa.record_batch([times, *amounts, trades, pa.array(columns[10])], schema=_SCHEMA)


class _Sink(BytesIO):
    """A file whose beginning is taken away while its end is written."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    def tell(self) -> int:
        return self._taken + super().tell()

    def take(self) -> bytes:
        """Return what was written since the last time."""
        content = self.getvalue()
        self._taken += len(content)
        self.seek(0)
        self.truncate()
        return content

    def close(self) -> None:
        """Stay open: what was written last is yet to be taken."""


_WRITERS: dict[Format, Callable[[Iterator[Sequence[Bar]]], Iterator[bytes]]] = {
    Format.CSV: _as_csv,
    Format.PARQUET: _as_parquet,
    Format.ARROW: _as_arrow,
}
