"""What a request for history comes to: which series, which window, and what fetching it would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from src.api.asking import asking_exchange, settings_now
from src.api.context import clock, parts, warehouse
from src.api.problems import invalid
from src.api.schemas import check_window
from src.domain import MINUTE_MS, Interval, SeriesKey, Window, format_utc
from src.errors import SourceError, Stopped
from src.jobs.backfilling import BackfillPlan, plan_backfill
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.symbols import Lifetime, list_lifetimes


def list_tracked(exchange: str) -> list[SeriesRow]:
    with warehouse().read() as connection:
        return [row for row in list_series(connection) if row.key.exchange == exchange]


def choose_series(exchange: str, symbols: Sequence[str], intervals: Sequence[Interval]) -> list[SeriesKey]:
    """Return each symbol at each interval; the tracked symbols where none is named."""
    if exchange != parts().exchange.name:
        raise invalid("exchange", f"{exchange!r} is not asked for data here", parts().exchange.name)
    names = list(dict.fromkeys(symbols or (row.key.symbol for row in list_tracked(exchange))))
    if not names:
        raise invalid("symbols", "nothing is tracked, so name some", "symbols like BTCUSDT")
    return [SeriesKey(exchange, name, interval) for name in names for interval in dict.fromkeys(intervals)]


def choose_window(start_ms: int, end_ms: int | None) -> Window:
    """Return the window up to now at most; 422 where nothing is in it."""
    now_ms = clock().now_ms()
    if start_ms >= now_ms:
        raise invalid(
            "start", f"nothing has happened then yet, it is {format_utc(now_ms)}", "a time before now"
        )
    check_window(start_ms, end_ms)
    return Window(start_ms, min(end_ms or now_ms, now_ms))


def make_plan(series: Sequence[SeriesKey], window: Window, *, again: bool) -> BackfillPlan:
    """Plan a backfill; the exchange is asked since when symbols trade, where that is not known."""
    with warehouse().read() as connection:
        settings = settings_now(connection)
    lifetimes = _lifetimes(series)
    now_ms = _exchange_now_ms()
    return plan_backfill(
        warehouse(), window, lifetimes, now_ms, settings.egress, settings.budget_share, again=again
    )


def check_exist(series: Sequence[SeriesKey]) -> None:
    """Refuse symbols that the exchange does not have; it is asked about those that nothing is known of."""
    _lifetimes(series)


def _lifetimes(series: Sequence[SeriesKey]) -> Mapping[SeriesKey, Lifetime | None]:
    exchange, tracking = parts().exchange.name, parts().prompt_tracking
    with warehouse().read() as connection:
        known = list_lifetimes(connection)
    found: dict[str, Lifetime | None] = {}
    for symbol in dict.fromkeys(key.symbol for key in series):
        with asking_exchange(symbol):
            listed_ms = tracking.find_listed_ms(symbol)
        ended_ms = known.get((exchange, symbol), Lifetime()).delisted_ms
        found[symbol] = None if listed_ms is None else Lifetime(listed_ms, ended_ms)
    return {key: found[key.symbol] for key in series}


def _exchange_now_ms() -> int:
    """Return the exchange's time at the least; a minute less than ours while it cannot be asked."""
    try:
        return parts().prompt_exchange.exchange_now_ms()
    except (SourceError, Stopped):
        return clock().now_ms() - MINUTE_MS
