"""What has changed since a moment, told by small queries: for those who watch.

A ``Mark`` says how far everything is, in numbers that the database has and that only grow. So every process
can tell what came after a mark that another has given out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass, fields

from sqlalchemy import Connection, func, or_, select, type_coerce
from sqlalchemy.types import NullType

from src.domain import Interval, SeriesKey
from src.warehouse.run_progress import now_of
from src.warehouse.run_tables import jobs, notifications, run_events, runs
from src.warehouse.runs import RunRow, RunState, list_by_ids
from src.warehouse.tables import latest, series

_VERSION = "1"
# A transaction may commit a little after the times that it wrote.
_MARGIN_MS = 5_000
# So much at once is no news but another state of things.
_MOST_RUNS = 500
_OLDEST_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Mark:
    """How far everything is: loads of all series, changes of jobs, notifications (UTC ms), events of runs.

    *at_ms* is the database's clock.
    """

    loads: int
    jobs: int
    news_ms: int
    event_id: int
    run_id: int
    at_ms: int

    def __str__(self) -> str:
        return ".".join([_VERSION, *map(str, astuple(self))])

    def is_before(self, now: Mark) -> bool:
        """Whether *now* can have come of this: else it is of another database, or too long ago."""
        grown = all(mine <= theirs for mine, theirs in zip(astuple(self), astuple(now), strict=True))
        return grown and now.at_ms - self.at_ms <= _OLDEST_MS


def parse_mark(text: str) -> Mark | None:
    """Return the mark that *text* was made of, None when it is none."""
    version, *numbers = text.split(".")
    if version != _VERSION or len(numbers) != len(fields(Mark)):
        return None
    if not all(number.isascii() and number.isdigit() and len(number) <= 18 for number in numbers):
        return None
    return Mark(*map(int, numbers))


def read_mark(connection: Connection) -> Mark:
    """Return how far everything is; the clock is read first, so that nothing falls between two marks."""
    at_ms = now_of(connection)
    loads = connection.execute(select(func.sum(series.c.load_version))).scalar()
    versions = connection.execute(select(func.sum(jobs.c.version))).scalar()
    news = connection.execute(
        select(func.max(notifications.c.last_at), func.max(notifications.c.read_at))
    ).one()
    event = connection.execute(select(func.max(run_events.c.id))).scalar()
    run = connection.execute(select(func.max(runs.c.id))).scalar()
    news_ms = max([0, *filter(None, news)])
    return Mark(int(loads or 0), int(versions or 0), news_ms, event or 0, run or 0, at_ms)


@dataclass(frozen=True, slots=True)
class SeriesVersion:
    """How often a series was loaded, and where it ends."""

    key: SeriesKey
    load_version: int
    last_open_ms: int | None


def read_versions(connection: Connection) -> dict[int, SeriesVersion]:
    """Return the versions of all series that hold or held anything, by id."""
    c = series.c
    query = select(c.id, c.exchange, c.symbol, c.interval_code, c.load_version, c.last_open_time)
    return {
        row.id: SeriesVersion(
            SeriesKey(row.exchange, row.symbol, Interval(row.interval_code)),
            row.load_version,
            row.last_open_time,
        )
        for row in connection.execute(query.where(c.load_version > 0))
    }


def read_seen(connection: Connection) -> dict[tuple[str, str, str], object]:
    """Return as of when each forming candle is, by series, as the database spells times."""
    c = latest.c
    # To be compared alone, so not read as times: there may be thousands, every other second.
    query = select(c.exchange, c.symbol, c.interval_code, type_coerce(c.exchange_time, NullType()))
    return {
        (exchange, symbol, interval): seen for exchange, symbol, interval, seen in connection.execute(query)
    }


def list_changed_runs(connection: Connection, since: Mark) -> list[RunRow] | None:
    """List the runs that are new, ended, asked something of or running since then; None where that is many.

    Runs of batches are told only while they run, and when they end.
    """
    c = runs.c
    told = select(run_events.c.run_id).where(run_events.c.id > since.event_id)
    queries = (
        select(c.id).where(c.state == RunState.RUNNING.value),
        select(c.id).where(c.finished_at >= since.at_ms - _MARGIN_MS),
        select(c.id).where(c.id > since.run_id, c.parent_id.is_(None)),
        select(c.id).where(c.id.in_(told), or_(c.parent_id.is_(None), c.state != RunState.QUEUED.value)),
    )
    ids: set[int] = set()
    for query in queries:
        ids.update(connection.scalars(query.order_by(c.id.desc()).limit(_MOST_RUNS)))
    return None if len(ids) >= _MOST_RUNS else list_by_ids(connection, sorted(ids))


def list_rows(connection: Connection, run_ids: Collection[int]) -> dict[int, RunRow]:
    """Return these runs by id."""
    return {row.id: row for row in list_by_ids(connection, list(run_ids))} if run_ids else {}
