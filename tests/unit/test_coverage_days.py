"""Days of a heatmap."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey, Window
from src.services.coverage import SeriesCoverage
from src.services.coverage_days import list_days
from src.warehouse.coverage import CoverageRow
from src.warehouse.series import SeriesRow
from src.warehouse.slots import count_slots
from src.window_sets import intersect
from tests.builders import DAY_START_MS


def make_coverage(
    wanted: Window | None, held: list[Window], interval: Interval = Interval.H1
) -> SeriesCoverage:
    row = SeriesRow(1, SeriesKey("binance", "BTCUSDT", interval), True, 0, None, None, 0)
    return SeriesCoverage(row, wanted, [], [CoverageRow(1, window, "api", 0) for window in held])


def test_each_day_counts_what_is_wanted_held_and_missing() -> None:
    wanted = Window(DAY_START_MS + 12 * HOUR_MS, DAY_START_MS + 2 * DAY_MS)
    held = [
        Window(DAY_START_MS, DAY_START_MS + 20 * HOUR_MS),
        Window(DAY_START_MS + 22 * HOUR_MS, DAY_START_MS + 25 * HOUR_MS),
    ]
    days = list_days(make_coverage(wanted, held), DAY_START_MS - 1, DAY_START_MS + 2 * DAY_MS)
    assert [tuple(cell) for cell in days] == [
        (date(2026, 1, 8), 0, 0, 0, 0),
        (date(2026, 1, 9), 12, 22, 2, 0),
        (date(2026, 1, 10), 24, 1, 23, 23),
    ]


@given(
    st.sampled_from([Interval.M1, Interval.H1, Interval.D1, Interval.W1, Interval.MO1]),
    st.lists(st.integers(-30 * HOUR_MS, 90 * DAY_MS), max_size=12, unique=True),
    st.integers(-2 * DAY_MS, 60 * DAY_MS),
    st.integers(1, 40 * DAY_MS),
)
def test_days_count_as_slots_counted_one_window_after_the_other(
    interval: Interval, times: list[int], start: int, length: int
) -> None:
    ordered = sorted(DAY_START_MS + offset for offset in times)
    held = [Window(*pair) for pair in zip(ordered[::2], ordered[1::2], strict=False)]
    start_ms = DAY_START_MS + start
    for cell in list_days(make_coverage(None, held, interval), start_ms, start_ms + length):
        day_ms = int(datetime.combine(cell.day, time(), UTC).timestamp()) * 1000
        day = Window(day_ms, day_ms + DAY_MS)
        assert cell.held == sum(count_slots(interval, part) for part in intersect(held, [day]))
