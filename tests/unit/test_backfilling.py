"""The plan of a backfill: exactly what is missing of what can be had, piece by piece."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.commands.backfill import parse_keep
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.errors import ConfigurationError
from src.extract.chunks import expected_candles
from src.jobs.backfilling import Known, SeriesPlan, plan_series
from src.warehouse.symbols import Lifetime
from src.window_sets import intersect, merge
from tests.builders import DAY_START_MS

MINUTES = SeriesKey("binance", "BTCUSDT", Interval.M1)
HOURS = SeriesKey("binance", "BTCUSDT", Interval.H1)
DAY = Window(DAY_START_MS, DAY_START_MS + DAY_MS)
LATER_MS = DAY_START_MS + 100 * DAY_MS
ALWAYS = Lifetime()


def minutes(first: int, end: int) -> Window:
    return Window(DAY_START_MS + first * MINUTE_MS, DAY_START_MS + end * MINUTE_MS)


def plan(window: Window = DAY, lifetime: Lifetime | None = ALWAYS, **known: Any) -> SeriesPlan:
    return plan_series(MINUTES, window, lifetime, Known(**known), LATER_MS)


def test_nothing_held_is_fetched_whole() -> None:
    assert plan() == SeriesPlan(MINUTES, DAY, (DAY,), candles=1_440, requests=2)


def test_what_is_held_empty_or_under_way_is_left_out_and_told_apart() -> None:
    found = plan(
        held=[minutes(-60, 100), minutes(200, 300)],
        empty=[minutes(300, 302)],
        under_way=[minutes(290, 310), minutes(1_400, 1_500)],
    )
    assert found.windows == (minutes(100, 200), minutes(310, 1_400))
    assert (found.held, found.empty, found.under_way, found.candles) == (200, 2, 48, 1_190)
    assert found.requests == 1 + 2


def test_all_held_asks_for_nothing() -> None:
    found = plan(held=[minutes(-60, 1_500)])
    assert (found.windows, found.requests, found.held, found.window) == ((), 0, 1_440, DAY)


def test_it_starts_at_the_listing_and_ends_with_the_delisting() -> None:
    lifetime = Lifetime(DAY_START_MS + HOUR_MS, DAY_START_MS + 2 * HOUR_MS)
    assert plan(lifetime=lifetime).window == minutes(60, 120)
    hours = plan_series(HOURS, DAY, Lifetime(lifetime.listed_ms), Known(), LATER_MS)
    assert hours.window == Window(DAY_START_MS + HOUR_MS, DAY.end_ms)


def test_hours_in_which_trading_began_and_ended_are_fetched() -> None:
    half_past = Lifetime(DAY_START_MS + 90 * MINUTE_MS, DAY_START_MS + 150 * MINUTE_MS)
    found = plan_series(HOURS, DAY, half_past, Known(), LATER_MS)
    assert found.window == Window(DAY_START_MS + HOUR_MS, DAY_START_MS + 3 * HOUR_MS)


def test_candle_that_is_forming_is_not_planned() -> None:
    found = plan_series(MINUTES, DAY, ALWAYS, Known(), DAY_START_MS + 10 * MINUTE_MS + 59_999)
    assert found.window == minutes(0, 10)


@pytest.mark.parametrize(
    "lifetime",
    [None, Lifetime(DAY.end_ms), Lifetime(0, DAY_START_MS)],
    ids=["no candle ever", "listed later", "delisted before"],
)
def test_where_nothing_can_be_had_nothing_is_planned(lifetime: Lifetime | None) -> None:
    assert plan(lifetime=lifetime) == SeriesPlan(MINUTES, None)


def test_requests_are_counted_by_chunk() -> None:
    month = Window(DAY_START_MS, DAY_START_MS + 28 * DAY_MS)
    assert plan(month).requests == 5 + 3 * 11 + 6  # three days until Monday, three weeks, four days


_windows = st.lists(
    st.tuples(st.integers(-50, 200), st.integers(1, 80)).map(lambda pair: minutes(pair[0], sum(pair))),
    max_size=8,
).map(merge)


@given(_windows, _windows, _windows)
def test_every_slot_is_either_fetched_or_left_out_for_one_reason(
    held: list[Window], empty: list[Window], under_way: list[Window]
) -> None:
    window = minutes(0, 150)
    found = plan(window, held=held, empty=empty, under_way=under_way)
    assert found.candles + found.held + found.empty + found.under_way == 150
    assert found.candles == sum(expected_candles(Interval.M1, one) for one in found.windows)
    for known in (held, empty, under_way):
        assert intersect(found.windows, known) == []


@pytest.mark.parametrize(("text", "days"), [(None, 0), ("90d", 90), ("1 d", 1)])
def test_how_long_it_is_kept(text: str | None, days: int) -> None:
    assert parse_keep(text) == days


@pytest.mark.parametrize("text", ["0d", "90", "2h", "-3d", "for ever"])
def test_other_ways_to_say_it_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="whole days like 90d"):
        parse_keep(text)
