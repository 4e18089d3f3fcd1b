"""Days of a heatmap."""

from __future__ import annotations

from datetime import date

from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey, Window
from src.services.coverage import SeriesCoverage
from src.services.coverage_days import list_days
from src.warehouse.coverage import CoverageRow
from src.warehouse.series import SeriesRow
from tests.builders import DAY_START_MS


def make_coverage(wanted: Window | None, held: list[Window]) -> SeriesCoverage:
    row = SeriesRow(1, SeriesKey("binance", "BTCUSDT", Interval.H1), True, 0, None, None, 0)
    return SeriesCoverage(row, wanted, [], [CoverageRow(1, window, "api", 0) for window in held])


def test_each_day_counts_what_is_wanted_held_and_missing() -> None:
    wanted = Window(DAY_START_MS + 12 * HOUR_MS, DAY_START_MS + 2 * DAY_MS)
    held = [
        Window(DAY_START_MS, DAY_START_MS + 20 * HOUR_MS),
        Window(DAY_START_MS + 22 * HOUR_MS, DAY_START_MS + 25 * HOUR_MS),
    ]
    days = list_days(make_coverage(wanted, held), DAY_START_MS - 1, DAY_START_MS + 2 * DAY_MS)
    assert [tuple(cell) for cell in days] == [
        (date(2026, 1, 8), 0, 0, 0),
        (date(2026, 1, 9), 12, 22, 2),
        (date(2026, 1, 10), 24, 1, 23),
    ]
