"""What charts of a symbol can be made of: its series, each with the candle that is forming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, select

from src.domain import Interval, Window
from src.errors import NotFound
from src.warehouse.ageing_tables import aged_ranges
from src.warehouse.bars import AMOUNTS, Bar
from src.warehouse.gaps import GapReason, GapState
from src.warehouse.ledger_tables import gaps, restatements
from src.warehouse.tables import latest, series
from src.warehouse.types import UtcMs

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Forming:
    """The candle of a series that had not closed yet at *seen_ms* (the exchange's time)."""

    bar: Bar
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Source:
    """One series of a symbol; times in UTC ms, None while it holds nothing or nothing is wanted."""

    id: int
    interval: Interval
    record_count: int
    first_open_ms: int | None
    last_open_ms: int | None
    wanted_from_ms: int | None
    load_version: int
    forming: Forming | None

    @property
    def version(self) -> str:
        """What changes with every load, and with every new price."""
        seen = (self.forming.seen_ms, self.forming.bar.close) if self.forming else ()
        return f"{self.id}:{self.load_version}:{self.record_count}:{seen}"


@dataclass(frozen=True, slots=True)
class Look:
    """What there is of a symbol: *gaps* changes with its open gaps and what is known of them, "" for none.

    Of what seldom is there it says whether anything is, so that charts need not ask.
    """

    sources: dict[Interval, Source]
    gaps: str
    has_restated: bool
    has_aged: bool

    @property
    def versions(self) -> list[str]:
        """All that a chart depends on besides the time."""
        return [*(source.version for source in self.sources.values()), self.gaps]


@dataclass(frozen=True, slots=True)
class ChartGap:
    """An open gap, as a chart shows it; *missing* are candles of the series."""

    id: int
    series_id: int
    window: Window
    missing: int
    state: GapState
    reason: GapReason
    hint: str | None


_same = and_(
    latest.c.exchange == series.c.exchange,
    latest.c.symbol == series.c.symbol,
    latest.c.interval_code == series.c.interval_code,
)
_columns = [latest.c[name] for name in ("open_time", *AMOUNTS, "trade_count", "exchange_time")]
_of_symbol = (
    select(series, *(column.label(f"latest_{column.name}") for column in _columns))
    .select_from(series.outerjoin(latest, _same))
    .where(series.c.exchange == bindparam("of_exchange"), series.c.symbol == bindparam("of_symbol"))
)


# Made once: to build them would take longer than to execute them.
_of_series: Any = bindparam("of_series", expanding=True)
_from_time, _until_time = bindparam("from_time", type_=UtcMs()), bindparam("until_time", type_=UtcMs())
_counted_gaps = (
    select(gaps.c.state, gaps.c.reason, func.count(), func.sum(gaps.c.missing), func.max(gaps.c.attempted_at))
    .where(gaps.c.series_id.in_(_of_series), gaps.c.state != GapState.FILLED.value)
    .group_by(gaps.c.state, gaps.c.reason)
)
_open_gaps = (
    select(
        *(gaps.c[name] for name in ("id", "series_id", "start_time", "end_time")),
        *(gaps.c[name] for name in ("missing", "state", "reason", "hint")),
    )
    .where(
        gaps.c.series_id.in_(_of_series),
        gaps.c.start_time < _until_time,
        gaps.c.end_time > _from_time,
        gaps.c.state != GapState.FILLED.value,
    )
    .order_by(gaps.c.start_time, gaps.c.id)
)
_marks = select(
    exists().where(restatements.c.series_id.in_(_of_series)).label("restated"),
    exists().where(aged_ranges.c.series_id.in_(_of_series)).label("aged"),
)
_restated = select(restatements.c.open_time).where(
    restatements.c.series_id.in_(_of_series),
    restatements.c.open_time >= _from_time,
    restatements.c.open_time < _until_time,
)


def get_sources(connection: Connection, exchange: str, symbol: str) -> dict[Interval, Source]:
    """Return the series of a symbol by interval; NotFound names some symbols that there are."""
    rows = connection.execute(_of_symbol, {"of_exchange": exchange, "of_symbol": symbol})
    found = {source.interval: source for source in map(_from_row, rows)}
    if not found:
        known = list_symbols(connection, exchange)[:_NAMED]
        raise NotFound(f"nothing is kept of {symbol} at {exchange}; known are {', '.join(known) or 'none'}")
    return found


def list_symbols(connection: Connection, exchange: str) -> list[str]:
    """Return the symbols that have a series, by name."""
    query = select(series.c.symbol).where(series.c.exchange == exchange).distinct()
    return list(connection.scalars(query.order_by(series.c.symbol)))


def list_chart_gaps(connection: Connection, series_ids: Sequence[int], window: Window) -> list[ChartGap]:
    """List the open gaps of these series that reach into *window*, in order of time."""
    asked = {"of_series": list(series_ids), "from_time": window.start_ms, "until_time": window.end_ms}
    return [
        ChartGap(
            row.id,
            row.series_id,
            Window(row.start_time, row.end_time),
            row.missing,
            GapState(row.state),
            GapReason(row.reason),
            row.hint,
        )
        for row in connection.execute(_open_gaps, asked)
    ]


def list_restated(connection: Connection, series_ids: Sequence[int], window: Window) -> list[int]:
    """Return the open times in *window* of candles that the exchange amended after they were loaded."""
    asked = {"of_series": list(series_ids), "from_time": window.start_ms, "until_time": window.end_ms}
    return sorted(set(connection.scalars(_restated, asked)))


def look_at(connection: Connection, exchange: str, symbol: str) -> Look:
    """Return what there is of a symbol; NotFound names some symbols that there are."""
    sources = get_sources(connection, exchange, symbol)
    asked = {"of_series": [source.id for source in sources.values()]}
    counted = sorted(str(tuple(row)) for row in connection.execute(_counted_gaps, asked))
    marks = connection.execute(_marks, asked).one()
    return Look(sources, ";".join(counted), bool(marks.restated), bool(marks.aged))


def _from_row(row: Row[Any]) -> Source:
    return Source(
        id=row.id,
        interval=Interval(row.interval_code),
        record_count=row.record_count,
        first_open_ms=row.first_open_time,
        last_open_ms=row.last_open_time,
        wanted_from_ms=row.wanted_from,
        load_version=row.load_version,
        forming=_forming(row),
    )


def _forming(row: Row[Any]) -> Forming | None:
    if row.latest_open_time is None:
        return None
    amounts = [f"{getattr(row, f'latest_{name}'):f}".encode() for name in AMOUNTS]
    bar = Bar._make((row.latest_open_time, *amounts, b"%d" % row.latest_trade_count, False))
    return Forming(bar, row.latest_exchange_time)
