"""Backfill: what fetching a window of history would take, decided first; then a batch that does it.

What is held is never asked for again, nor what runs that have not ended yet are going to fetch. What the
exchange has answered that it does not have is only asked for again when somebody says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from src.domain import MINUTE_MS, DataType, Lane, SeriesKey, Window
from src.errors import ConfigurationError
from src.extract.binance import WEIGHT_KLINES
from src.extract.budget import ASSUMED_LIMIT
from src.extract.chunks import count_requests, expected_candles, plan_chunks
from src.extract.minutes import FLOORS
from src.jobs.asking import MOST_CHILDREN, ask_windows
from src.jobs.fetching import FETCH_WINDOW
from src.warehouse.budgets import find_budget
from src.warehouse.coverage import list_held
from src.warehouse.engine import Warehouse
from src.warehouse.gaps import GapState, list_open
from src.warehouse.lacked import list_lacked
from src.warehouse.open_windows import list_open_windows
from src.warehouse.run_outcomes import find_fetching_pace
from src.warehouse.series import list_series, want_history
from src.warehouse.symbols import Lifetime
from src.warehouse.tables import lake_objects
from src.window_sets import intersect, merge, subtract

# Of a page of a thousand candles, envelope included, until the catalog tells better.
_BYTES_A_CANDLE = 180.0
_NEWEST_OBJECTS = 1_000
# Objects with fewer candles are mostly envelope.
_MANY_CANDLES = 100


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a series' windows, each list in order: held, empty at the exchange, being fetched.

    *keep_days* is for how long it is kept so far, None where nobody said.
    """

    held: Sequence[Window] = ()
    empty: Sequence[Window] = ()
    under_way: Sequence[Window] = ()
    keep_days: int | None = None


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What a backfill does for one series; *window* is what can be had of the one asked for, None of none.

    *held*, *empty* and *under_way* are candles that are not fetched; *windows* are what is. *kept_days* is
    for how long the series is kept so far, None where nobody said.
    """

    key: SeriesKey
    window: Window | None
    windows: tuple[Window, ...] = ()
    candles: int = 0
    requests: int = 0
    held: int = 0
    empty: int = 0
    under_way: int = 0
    kept_days: int | None = None


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill takes: *size_bytes* in the lake, *duration_ms* by the request budget alone.

    *expected_ms* is how long it takes at the pace of earlier ones, None where there were none.
    """

    series: tuple[SeriesPlan, ...]
    candles: int
    requests: int
    weight: int
    size_bytes: int
    weight_a_minute: int
    duration_ms: int
    expected_ms: int | None

    @property
    def windows(self) -> list[tuple[SeriesKey, Window]]:
        """Return what is fetched, series by series, oldest first."""
        return [(one.key, window) for one in self.series for window in one.windows]


def plan_series(
    key: SeriesKey, asked: Window, lifetime: Lifetime | None, known: Known, now_ms: int
) -> SeriesPlan:
    """Plan one series; *lifetime* is None when it has no candles at all, *now_ms* the exchange's time."""
    window = None if lifetime is None else _clip(key, asked, lifetime, now_ms)
    if window is None:
        return SeriesPlan(key, None, kept_days=known.keep_days)
    parts = [window]
    left_out = []
    for windows in (known.held, known.empty, known.under_way):
        left_out.append(_count(key, intersect(parts, windows)))
        parts = subtract(parts, windows)
    chunks = [chunk for part in parts for chunk in plan_chunks(key.interval, part)]
    return SeriesPlan(
        key,
        window,
        tuple(parts),
        _count(key, parts),
        sum(count_requests(key.interval, chunk) for chunk in chunks),
        held=left_out[0],
        empty=left_out[1],
        under_way=left_out[2],
        kept_days=known.keep_days,
    )


def plan_backfill(
    warehouse: Warehouse,
    asked: Window,
    lifetimes: Mapping[SeriesKey, Lifetime | None],
    now_ms: int,
    egress: str,
    share: float,
    *,
    again: bool = False,
) -> BackfillPlan:
    """Plan *asked* for these series; ConfigurationError when it would fall into too many pieces.

    *share* is the part of the exchange's limit that is ours, *now_ms* the exchange's time. With *again* what
    the exchange did not have is asked for once more.
    """
    with warehouse.read() as connection:
        known = _find_known(connection, lifetimes)
        bytes_a_candle, pace = _average_size(connection), find_fetching_pace(connection)
        limits = [find_budget(connection, name, egress) for name in {key.exchange for key in lifetimes}]
    if again:
        known = {key: replace(of, empty=()) for key, of in known.items()}
    plans = tuple(plan_series(key, asked, of, known[key], now_ms) for key, of in lifetimes.items())
    if sum(len(plan.windows) for plan in plans) > MOST_CHILDREN:
        raise ConfigurationError(
            f"more than {MOST_CHILDREN} pieces are missing in that window: let ./candlehouse gaps fill "
            "heal the small ones first, or ask for less at once"
        )
    limit = min((row.weight_limit for row in limits if row and row.weight_limit), default=ASSUMED_LIMIT)
    weight = sum(plan.requests for plan in plans) * WEIGHT_KLINES
    a_minute = _history_weight(int(limit * share))
    candles = sum(plan.candles for plan in plans)
    duration_ms = -(-weight * MINUTE_MS // a_minute)
    return BackfillPlan(
        series=plans,
        candles=candles,
        requests=sum(plan.requests for plan in plans),
        weight=weight,
        size_bytes=round(candles * bytes_a_candle),
        weight_a_minute=a_minute,
        duration_ms=duration_ms,
        expected_ms=None if pace is None else max(duration_ms, round(candles * 1000 / pace)),
    )


def ask_backfill(
    warehouse: Warehouse, plan: BackfillPlan, keep_days: int | None, requested_by: str
) -> int | None:
    """Want what was planned, for *keep_days* (0 for ever, None as the settings say), and queue its batch.

    Returns the batch's id, None when nothing is to be fetched.
    """

    def want(connection: Connection) -> None:
        for one in plan.series:
            if one.window is not None:
                want_history(connection, one.key, one.window.start_ms, keep_days)

    warehouse.run(want)
    return ask_windows(warehouse, plan.windows, requested_by) if plan.windows else None


def _clip(key: SeriesKey, asked: Window, lifetime: Lifetime, now_ms: int) -> Window | None:
    """Return the whole slots of *asked* that can hold a candle and are closed."""
    interval = key.interval
    start_ms, end_ms = asked.start_ms, min(asked.end_ms, interval.floor(now_ms))
    if lifetime.listed_ms is not None:
        start_ms = max(start_ms, interval.floor(lifetime.listed_ms))
    if lifetime.delisted_ms is not None:
        end_ms = min(end_ms, lifetime.delisted_ms)
    slots = plan_chunks(interval, Window(start_ms, max(start_ms, end_ms)))
    return Window(slots[0].start_ms, slots[-1].end_ms) if slots else None


def _count(key: SeriesKey, windows: Iterable[Window]) -> int:
    return sum(expected_candles(key.interval, window) for window in windows)


def _history_weight(allowed: int) -> int:
    """Return what history has a minute while the other lanes use all of their floors."""
    others = sum(floor for lane, floor in FLOORS.items() if lane is not Lane.HISTORY)
    return max(WEIGHT_KLINES, allowed * (100 - others) // 100)


def _find_known(connection: Connection, keys: Collection[SeriesKey]) -> dict[SeriesKey, Known]:
    rows = {row.key: row for row in list_series(connection, tracked_only=False) if row.key in keys}
    ids = [row.id for row in rows.values()]
    held, empty = list_held(connection, ids), _list_empty(connection, ids)
    lacked = list_lacked(connection, {key.symbol for key in keys})
    under_way = list_open_windows(connection, FETCH_WINDOW)
    found = {key: Known(empty=merge(lacked[key]), under_way=merge(under_way.get(key, ()))) for key in keys}
    for key, row in rows.items():
        found[key] = replace(
            found[key],
            held=held.get(row.id, ()),
            empty=merge([*found[key].empty, *empty[row.id]]),
            keep_days=row.keep_days,
        )
    return found


def _list_empty(connection: Connection, series_ids: Sequence[int]) -> dict[int, list[Window]]:
    """Return what an answer had nothing of, as far as the gaps tell."""
    found: dict[int, list[Window]] = defaultdict(list)
    for series_id, gaps in (list_open(connection, series_ids) if series_ids else {}).items():
        for gap in gaps:
            is_closed = gap.state is GapState.EMPTY_AT_EXCHANGE
            answered = [gap.window] if is_closed else merge(one.window for one in gap.evidence)
            found[series_id] += intersect([gap.window], answered)
    return found


def _average_size(connection: Connection) -> float:
    """Return the bytes of a candle in the newest objects that hold many."""
    c = lake_objects.c
    newest = (
        select(c.data_type, c.size_bytes, c.record_count)
        .order_by(c.id.desc())
        .limit(_NEWEST_OBJECTS)
        .subquery()
    )
    query = select(func.sum(newest.c.size_bytes), func.sum(newest.c.record_count)).where(
        newest.c.data_type == DataType.KLINES.value, newest.c.record_count >= _MANY_CANDLES
    )
    size, candles = connection.execute(query).one()
    return float(size) / float(candles) if candles else _BYTES_A_CANDLE
