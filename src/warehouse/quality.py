"""What is noticed about a series, a row for each UTC day and kind; people acknowledge what they have seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, and_, case, or_, select

from src.domain import Interval, SeriesKey, Window
from src.errors import NotFound
from src.warehouse.columns import utc_now
from src.warehouse.ledger_tables import quality_findings
from src.warehouse.series import SeriesRow
from src.warehouse.tables import (
    fact_klines,
    fact_klines_coarse,
    quarantined_rows,
    series,
    symbols,
)


class FindingKind(StrEnum):
    """What can be noticed."""

    OHLC = "ohlc"
    PRICE_JUMP = "price_jump"
    ZERO_VOLUME = "zero_volume"
    VOLUME_OUTLIER = "volume_outlier"
    OFF_GRID = "off_grid"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    RESTATEMENT = "restatement"
    STALE = "stale"


class Severity(StrEnum):
    """Error: cannot be true. Warning: look at it. Info: happens."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing noticed on one UTC day, *count* times; *detail* is for people."""

    date: date
    kind: FindingKind
    severity: Severity
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as it is kept; times in UTC ms."""

    id: int
    series: SeriesKey
    finding: Finding
    found_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings to list; what is empty or None leaves a question open."""

    symbols: Sequence[str] = ()
    kinds: Sequence[FindingKind] = ()
    severities: Sequence[Severity] = ()
    since: date | None = None
    open_only: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class CandleColumns:
    """Candles in order of time as columns; *is_impossible* marks a high below a low and the like."""

    open_times_ms: NDArray[np.int64]
    closes: NDArray[np.float64]
    volumes: NDArray[np.float64]
    is_impossible: NDArray[np.bool_]


def read_columns(connection: Connection, key: SeriesKey, window: Window) -> CandleColumns:
    """Read the candles of *window*; whether one is possible is decided on exact numbers, by SQL."""
    c = (fact_klines_coarse if key.interval.is_coarse else fact_klines).c
    opened, high, low, closed = c.open_price, c.high_price, c.low_price, c.close_price
    impossible = or_(high < opened, high < closed, low > opened, low > closed, low <= Decimal(0))
    query = (
        select(c.open_time, closed, c.volume, case((impossible, 1), else_=0))
        .where(
            c.exchange == key.exchange,
            c.symbol == key.symbol,
            c.interval_code == key.interval.value,
            c.open_time >= window.start_ms,
            c.open_time < window.end_ms,
        )
        .order_by(c.open_time)
    )
    rows = connection.execute(query).all()
    times, closes, volumes, marks = zip(*rows, strict=True) if rows else ((), (), (), ())
    return CandleColumns(
        np.array(times, dtype=np.int64),
        np.array([*map(float, closes)], dtype=np.float64),
        np.array([*map(float, volumes)], dtype=np.float64),
        np.array(marks, dtype=np.bool_),
    )


def list_bad_rows(connection: Connection, key: SeriesKey) -> Iterator[tuple[str, str]]:
    """Yield reason and text of each row of this series that was set aside."""
    c = quarantined_rows.c
    of_series = and_(
        c.exchange == key.exchange, c.symbol == key.symbol, c.interval_code == key.interval.value
    )
    for row in connection.execute(select(c.reason, c.raw).where(of_series).order_by(c.id)):
        yield row.reason, row.raw


def find_status(connection: Connection, key: SeriesKey) -> str | None:
    """Return the exchange's last word on the symbol, None where it was never asked."""
    is_it = and_(symbols.c.exchange == key.exchange, symbols.c.symbol == key.symbol)
    return connection.execute(select(symbols.c.status).where(is_it)).scalar()


def save_findings(
    connection: Connection,
    row: SeriesRow,
    days: Sequence[date],
    kinds: Mapping[date, Collection[FindingKind]],
    findings: Iterable[Finding],
) -> None:
    """Keep *findings* as all that there is on those successive *days* of the *kinds* that were looked for.

    What is there no more is dropped. An acknowledgement holds until there is more of the same than it saw.
    The caller holds the series' lock.
    """
    c = quality_findings.c
    of_days = and_(c.series_id == row.id, c.date.between(days[0], days[-1]))
    query = select(c.id, c.date, c.kind, c.findings).where(of_days)
    held = {(one.date, one.kind): one for one in connection.execute(query)}
    for finding in findings:
        before = held.pop((finding.date, finding.kind.value), None)
        if before is None:
            new = {"series_id": row.id, "date": finding.date, "kind": finding.kind.value}
            connection.execute(quality_findings.insert().values(**new, **_told(finding)))
            continue
        changed = quality_findings.update().where(c.id == before.id)
        connection.execute(changed.values(**_told(finding), **_reopened(finding.count > before.findings)))
    gone = [one.id for one in held.values() if one.kind in kinds.get(one.date, ())]
    if gone:
        connection.execute(quality_findings.delete().where(c.id.in_(gone)))


def list_findings(connection: Connection, wanted: FindingFilter, limit: int = 200) -> list[FindingRow]:
    """List findings, the newest day first."""
    c = quality_findings.c
    query = select(quality_findings, series.c.exchange, series.c.symbol, series.c.interval_code)
    query = query.join_from(quality_findings, series, series.c.id == c.series_id)
    if wanted.symbols:
        query = query.where(series.c.symbol.in_(wanted.symbols))
    if wanted.kinds:
        query = query.where(c.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.severities:
        query = query.where(c.severity.in_([severity.value for severity in wanted.severities]))
    if wanted.since:
        query = query.where(c.date >= wanted.since)
    if wanted.open_only:
        query = query.where(c.acknowledged_at.is_(None))
    newest = query.order_by(c.date.desc(), series.c.symbol, series.c.interval_code, c.kind).limit(limit)
    return [_from_row(row) for row in connection.execute(newest)]


def acknowledge(connection: Connection, ids: Sequence[int], by: str) -> int:
    """Note that somebody has seen these findings; return how many nobody had. NotFound names unknown ones."""
    c = quality_findings.c
    known = set(connection.scalars(select(c.id).where(c.id.in_(ids))))
    if missing := [one for one in ids if one not in known]:
        raise NotFound(
            f"there is no finding {', '.join(map(str, missing))}", "see ./candlehouse quality list"
        )
    changed = quality_findings.update().where(c.id.in_(ids), c.acknowledged_at.is_(None))
    return connection.execute(changed.values(acknowledged_at=utc_now(), acknowledged_by=by)).rowcount


def _told(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "findings": finding.count,
        "detail": finding.detail,
        "found_at": utc_now(),
    }


def _reopened(is_more: bool) -> dict[str, Any]:
    return {"acknowledged_at": None, "acknowledged_by": None} if is_more else {}


def _from_row(row: Row[Any]) -> FindingRow:
    finding = Finding(row.date, FindingKind(row.kind), Severity(row.severity), row.findings, row.detail)
    return FindingRow(
        row.id,
        SeriesKey(row.exchange, row.symbol, Interval(row.interval_code)),
        finding,
        row.found_at,
        row.acknowledged_at,
        row.acknowledged_by,
    )
