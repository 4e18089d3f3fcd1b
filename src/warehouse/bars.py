"""Candles and rollups as the bars of a chart: amounts as the exact text that is stored, read fast.

Statements are compiled once for each kind of database, and values stay the bytes that it sends: Python's
strings, decimals and times would take longer to make than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, overload

from sqlalchemy import Column, Connection, Integer, Table, bindparam, case, literal, select
from sqlalchemy.sql.compiler import SQLCompiler

from src.domain import DAY_MS, Interval, SeriesKey, Window, utc_from_ms
from src.warehouse import dialects
from src.warehouse.tables import daily_klines, fact_klines, fact_klines_coarse, hourly_klines
from src.warehouse.types import ExactDecimal, sql_time

# The last year that databases know begins here; no candle opens later.
ALWAYS = Window(0, 253_370_764_800_000)

AMOUNTS = (
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "volume",
    "quote_volume",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
_FIELDS = (*AMOUNTS, "trade_count")
# The last ones may not be loaded yet.
_FEW_MISSING = 20


class _Rollup(NamedTuple):
    table: Table
    bucket: str
    full_count: int


_ROLLUPS = {
    Interval.H1: _Rollup(hourly_klines, "hour_start", 60),
    Interval.D1: _Rollup(daily_klines, "date", 1440),
}
ROLLED_UP = frozenset(_ROLLUPS)
_LABELS = tuple(f"v{number}" for number in range(len(_FIELDS) + 2))
# So many bars come in one row: they are a third of what that may hold.
_PACKED_MOST = 5_100
_new = tuple.__new__
_compiled: dict[tuple[str, str, bool], SQLCompiler] = {}


class Bar(NamedTuple):
    """One bar of a chart, amounts as the bytes of their text; complete unless a candle in it is missing."""

    open_time_ms: int
    open: bytes
    high: bytes
    low: bytes
    close: bytes
    volume: bytes
    quote_volume: bytes
    taker_buy_volume: bytes
    taker_buy_quote_volume: bytes
    trade_count: bytes
    is_complete: bool


class JsonBars(Sequence[Bar]):
    """Bars that the database has made JSON of, ``json`` with all of them, oldest first.

    They are taken apart when somebody looks at one: charts mostly send them as they are.
    """

    def __init__(self, text: bytes) -> None:
        self.json = b"[" + text + b"]"
        self._lines = text.split(b",\n") if text else []

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, index: int) -> Bar: ...
    @overload
    def __getitem__(self, index: slice) -> list[Bar]: ...
    def __getitem__(self, index: int | slice) -> Bar | list[Bar]:
        found = self._lines[index]
        return _bar(found) if isinstance(found, bytes) else list(map(_bar, found))

    @property
    def open_times(self) -> list[int]:
        return [int(line[_TIME_AT : line.index(b",", _TIME_AT)]) for line in self._lines]

    @property
    def are_complete(self) -> bool:
        return b'"complete":false' not in self.json


def open_times(bars: Sequence[Bar]) -> list[int]:
    """Return when each opens, UTC ms."""
    return bars.open_times if isinstance(bars, JsonBars) else [bar.open_time_ms for bar in bars]


def are_complete(bars: Sequence[Bar]) -> bool:
    """Whether no candle is missing within any."""
    return bars.are_complete if isinstance(bars, JsonBars) else all(bar.is_complete for bar in bars)


@dataclass(frozen=True, slots=True)
class Page:
    """Which bars: those that open in *window*, the newest *limit* of them, or the oldest."""

    window: Window
    limit: int
    is_newest: bool = True

    def cut(self, bars: Sequence[Bar]) -> Sequence[Bar]:
        """Return so many of *bars*, which are in order of time, at the end that counts."""
        return bars[-self.limit :] if self.is_newest else bars[: self.limit]


def read_stored(connection: Connection, key: SeriesKey, page: Page, first_ms: int = 0) -> Sequence[Bar]:
    """Return candles as they are stored, oldest first; the series' first one opens at *first_ms* or later.

    The newest are looked for where they are if few are missing: then few partitions are opened.
    """
    start_ms, end_ms = max(page.window.start_ms, first_ms), page.window.end_ms
    if start_ms >= end_ms:
        return []
    near_ms = max(start_ms, end_ms - (page.limit + _FEW_MISSING) * (key.interval.fixed_ms or 31 * DAY_MS))
    if not page.is_newest or near_ms == start_ms:
        return _read_facts(connection, key, replace(page, window=Window(start_ms, end_ms)))
    near = _read_facts(connection, key, replace(page, window=Window(near_ms, end_ms)))
    left = page.limit - len(near)
    if left <= 0:
        return near
    return [*_read_facts(connection, key, Page(Window(start_ms, near_ms), left)), *near]


def read_rollups(connection: Connection, key: SeriesKey, page: Page) -> Sequence[Bar]:
    """Return the hourly or daily rollups of a symbol, oldest first."""
    rollup = _ROLLUPS[key.interval]
    start, end = page.window.start_ms, page.window.end_ms
    bounds = [sql_time(start), sql_time(end)]
    if rollup.table is daily_klines:
        bounds = [utc_from_ms(-(-time_ms // DAY_MS) * DAY_MS).date().isoformat() for time_ms in (start, end)]
    return _read(connection, rollup.table, key, page, bounds)


def combine(bars: Sequence[Bar], open_time_ms: int, *, is_complete: bool) -> Bar:
    """Make one bar of those within it, in order of time; there is at least one."""
    _, opens, highs, lows, closes, *amounts, trades, _ = zip(*bars, strict=True)
    prices = (opens[0], max(highs, key=_units), min(lows, key=_units), closes[-1])
    trade_count = b"%d" % sum(map(int, trades))
    return Bar._make((open_time_ms, *prices, *map(_sum, amounts), trade_count, is_complete))


def _sum(amounts: Iterable[bytes]) -> bytes:
    whole, rest = divmod(sum(map(_units, amounts)), 10**ExactDecimal.scale)
    return b"%d.%08d" % (whole, rest)


def _units(amount: bytes) -> int:
    return int(amount.replace(b".", b""))


def _read_facts(connection: Connection, key: SeriesKey, page: Page) -> Sequence[Bar]:
    table = fact_klines_coarse if key.interval.is_coarse else fact_klines
    return _read(connection, table, key, page, [sql_time(page.window.start_ms), sql_time(page.window.end_ms)])


def _read(
    connection: Connection, table: Table, key: SeriesKey, page: Page, bounds: Sequence[str]
) -> Sequence[Bar]:
    kind = (table.name, connection.dialect.name, page.is_newest)
    if (statement := _compiled.get(kind)) is None:
        statement = _compiled[kind] = _compile(connection, table, is_newest=page.is_newest)
    values = {
        "of_exchange": key.exchange,
        "of_symbol": key.symbol,
        "of_interval": key.interval.value,
        "from_time": bounds[0],
        "until_time": bounds[1],
        "most": page.limit,
    }
    given = statement.construct_params(values)
    if dialects.is_mysql(connection) and page.limit <= _PACKED_MOST:
        return _fetch_packed(connection, statement, given)
    bars = [*map(_bar_of_row, _fetch(connection, statement, given))]
    return bars[::-1] if page.is_newest else bars


def _bar_of_row(row: Sequence[bytes]) -> Bar:
    # As _make does, in half the time.
    return _new(Bar, (int(row[0]), *row[1:10], row[10] == b"1"))


def _bar(line: bytes) -> Bar:
    """Take a bar's JSON apart: no value has a quotation mark in it."""
    parts = line.split(b'"')
    return _new(Bar, (int(parts[2][1:-1]), *parts[5:34:4], parts[36][1:-1], parts[38] == b":true}"))


def _as_json() -> str:
    """Return MySQL's expression for a bar's JSON, its fields named as those of Bar."""
    time, *amounts, trades, complete = _LABELS
    values = [f"""'","{name}":"',{value}""" for name, value in zip(Bar._fields[1:9], amounts, strict=True)]
    values[0] = values[0].replace('"', "", 1)  # before it stands a number
    ends = f"""'","trade_count":',{trades},',"complete":',IF({complete},'true','false')"""
    return f"""CONCAT('{{"open_time_ms":',{time},{",".join(values)},{ends},'}}')"""


_AS_JSON = _as_json()
_TIME_AT = len('{"open_time_ms":')


def _fetch(connection: Connection, statement: SQLCompiler, given: Any) -> list[Sequence[bytes]]:
    names = statement.positiontup  # of SQLite, whose parameters have no names
    with closing(dialects.raw_cursor(connection)) as cursor:
        cursor.execute(statement.string, [given[name] for name in names] if names else given)
        return list(cursor.fetchall())


def _fetch_packed(connection: Connection, statement: SQLCompiler, given: Any) -> JsonBars:
    """Return the bars in order of time, sent as one row."""
    with closing(dialects.raw_cursor(connection)) as cursor:
        cursor.execute(dialects.in_one_row(statement.string, _AS_JSON, _LABELS[0]), given)
        count, text = cursor.fetchall()[0]
    bars = JsonBars(bytes(text or b""))
    if len(bars) != int(count) or (text and not bars.json.endswith(b"}]")):
        raise AssertionError(f"{count} bars were packed, {len(bars)} came: group_concat_max_len is too small")
    return bars


def _compile(connection: Connection, table: Table, *, is_newest: bool) -> SQLCompiler:
    """Return the query for bars of a table of candles or rollups, its times given as text."""
    rollup = next((one for one in _ROLLUPS.values() if one.table is table), None)
    bucket: Column[Any] = table.c[rollup.bucket if rollup else "open_time"]
    is_complete = case((table.c.candle_count >= rollup.full_count, 1), else_=0) if rollup else literal(1)
    values = [dialects.epoch_ms(bucket, connection), *(table.c[name] for name in _FIELDS), is_complete]
    shown = zip(_LABELS, values, strict=True)
    query = select(*(dialects.as_bytes(value, connection).label(name) for name, value in shown)).where(
        table.c.exchange == bindparam("of_exchange"),
        table.c.symbol == bindparam("of_symbol"),
        bucket >= bindparam("from_time"),
        bucket < bindparam("until_time"),
    )
    if not rollup:
        query = query.where(table.c.interval_code == bindparam("of_interval"))
    query = query.order_by(bucket.desc() if is_newest else bucket).limit(bindparam("most", type_=Integer()))
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)
    return compiled
