"""What the command line draws: exact where it shows amounts, plain where nobody sees colours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.text import Text

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey
from src.services.status import PipelineStatus, SeriesStatus
from src.terminal import (
    duration_text,
    pipeline_view,
    price_text,
    series_table,
    sparkline,
    status_json,
    to_text,
)

NOW_MS = 1_767_968_430_000  # 2026-01-09T14:20:30Z
MINUTE_START_MS = Interval.M1.floor(NOW_MS)


def make_row(
    symbol: str = "BTCUSDT", *, behind_ms: int = MINUTE_MS, interval: Interval = Interval.M1
) -> SeriesStatus:
    """Return a series whose last candle opened *behind_ms* before the present minute."""
    key = SeriesKey("binance", symbol, interval)
    return SeriesStatus(key, 12_345, MINUTE_START_MS - behind_ms, Decimal("48057.24000000"), NOW_MS)


def make_status(*rows: SeriesStatus, used: int = 42, blocked_until_ms: int | None = None) -> PipelineStatus:
    return PipelineStatus(list(rows), {"loaded": 1_234, "landed": 5}, used, 6_000, blocked_until_ms)


def lines_of(what: object) -> list[str]:
    return [line.rstrip() for line in to_text(what).splitlines()]  # type: ignore[arg-type]


def has_colour(table: object, style: str) -> bool:
    """Tell whether any cell of a table is drawn in *style*."""
    cells = [cell for column in table.columns for cell in column._cells]  # type: ignore[attr-defined]
    return any(isinstance(cell, Text) and cell.style == style for cell in cells)


# --- the table ---


def test_row_says_what_is_held_and_how_far_behind() -> None:
    heading, row = lines_of(series_table([make_row()], NOW_MS))
    assert heading.split() == [
        "symbol",
        "interval",
        "candles",
        "last",
        "price",
        "lag",
        "last",
        "candle",
        "(UTC)",
    ]
    assert row.split() == ["BTCUSDT", "1m", "12,345", "48,057.24", "30", "s", "2026-01-09", "14:19"]


def test_series_without_data_says_so() -> None:
    nothing = SeriesStatus(SeriesKey("binance", "NEWUSDT", Interval.M1), 0, None, None, None)
    row = lines_of(series_table([nothing], NOW_MS))[1]
    assert row.split() == ["NEWUSDT", "1m", "0", "-", "no", "data", "yet", "-"]


def test_symbol_that_does_not_trade_shows_its_status_and_no_lag() -> None:
    halted = replace(make_row(behind_ms=DAY_MS), status="BREAK")
    trading = replace(make_row("ETHUSDT"), status="TRADING")
    table = series_table([halted, trading], NOW_MS)
    assert [line.split()[4] for line in lines_of(table)[1:]] == ["BREAK", "30"]
    assert has_colour(table, "yellow")
    assert [row["status"] for row in status_json([halted, trading], NOW_MS)] == ["BREAK", "TRADING"]


def test_table_of_nothing_is_a_heading() -> None:
    assert len(lines_of(series_table([], NOW_MS))) == 1


@pytest.mark.parametrize(
    ("interval", "behind_ms", "is_late"),
    [
        (Interval.M1, MINUTE_MS, False),
        (Interval.M1, 2 * MINUTE_MS, False),
        (Interval.M1, 3 * MINUTE_MS, True),
        (Interval.H1, 2 * HOUR_MS, False),
        (Interval.H1, 4 * HOUR_MS, True),
        (Interval.MO1, 50 * DAY_MS, False),
    ],
)
def test_lag_of_more_than_two_intervals_stands_out(interval: Interval, behind_ms: int, is_late: bool) -> None:
    table = series_table([make_row(interval=interval, behind_ms=behind_ms)], NOW_MS)
    assert has_colour(table, "yellow") == is_late
    assert has_colour(table, "green") != is_late


def test_last_closes_are_drawn_where_there_are_any() -> None:
    rows = [make_row("BTCUSDT"), make_row("ETHUSDT")]
    closes: dict[SeriesKey, Sequence[Decimal]] = {rows[0].key: [Decimal(1), Decimal(2)]}
    heading, with_closes, without = lines_of(series_table(rows, NOW_MS, closes))
    assert heading.endswith("last hour")
    assert with_closes.endswith("▁█")
    assert without.endswith("14:19")


# --- the line of blocks ---


@pytest.mark.parametrize(
    ("values", "blocks"),
    [
        ([], ""),
        ([5], "▁"),
        ([5, 5, 5], "▁▁▁"),
        ([1, 8], "▁█"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([8, 1, 4], "█▁▄"),
    ],
)
def test_line_goes_from_the_lowest_to_the_highest(values: list[int], blocks: str) -> None:
    assert sparkline([Decimal(value) for value in values]).plain == blocks


def test_line_is_red_when_the_price_fell() -> None:
    assert sparkline([Decimal(2), Decimal(3), Decimal(1)]).style == "red"
    assert sparkline([Decimal(2), Decimal(1), Decimal(2)]).style == "green"


def test_long_line_is_thinned_and_ends_with_the_newest() -> None:
    line = sparkline([Decimal(value) for value in range(1_000)]).plain
    assert len(line) == 30
    assert (line[0], line[-1]) == ("▁", "█")
    assert list(line) == sorted(line)


# --- the whole pipeline ---


def test_pipeline_shows_series_stores_and_budget() -> None:
    rows = [make_row("BTCUSDT"), make_row("ETHUSDT")]
    lines = lines_of(pipeline_view(make_status(*rows), NOW_MS))
    assert [line.split()[0] for line in lines if line] == [
        "symbol",
        "BTCUSDT",
        "ETHUSDT",
        "lake",
        "budget",
    ]
    assert "5 landed, 1,234 loaded objects" in lines[-2]
    assert "24,690 candles" in lines[-2]
    assert "42 of 6,000 weight this minute" in lines[-1]


def test_empty_pipeline_says_so() -> None:
    lines = lines_of(pipeline_view(PipelineStatus([], {}, 0, None, None), NOW_MS))
    assert "none yet" in lines[-2]
    assert "0 candles" in lines[-2]
    assert "limit not read yet" in lines[-1]


@pytest.mark.parametrize(
    ("until_ms", "told"), [(NOW_MS + 30_999, "30 s to go"), (NOW_MS + 3 * DAY_MS, "3 d to go")]
)
def test_block_takes_the_place_of_the_budget(until_ms: int, told: str) -> None:
    line = lines_of(pipeline_view(make_status(blocked_until_ms=until_ms), NOW_MS))[-1]
    assert line.endswith(f"the exchange asked us to wait: {told}")


def test_block_that_is_over_is_not_shown() -> None:
    line = lines_of(pipeline_view(make_status(blocked_until_ms=NOW_MS), NOW_MS))[-1]
    assert "weight this minute" in line


@pytest.mark.parametrize(("used", "filled"), [(0, 0), (3_000, 15), (6_000, 30), (9_000, 30)])
def test_gauge_never_grows_beyond_its_width(used: int, filled: int) -> None:
    view = pipeline_view(make_status(used=used), NOW_MS)
    budget = list(view.renderables)[-1]  # type: ignore[union-attr]
    assert isinstance(budget, Text)
    lengths = [span.end - span.start for span in budget.spans if span.style in {"green", "bright_black"}]
    assert sum(lengths) == 30
    assert [span.end - span.start for span in budget.spans if span.style == "green"] == [filled] * (
        filled > 0
    )


def test_pipes_get_no_colours() -> None:
    assert "\x1b" not in to_text(pipeline_view(make_status(make_row(behind_ms=DAY_MS)), NOW_MS))


# --- amounts and durations ---


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (None, "-"),
        ("0", "0.00"),
        ("1", "1.00"),
        ("48057.24000000", "48,057.24"),
        ("0.62340000", "0.6234"),
        ("0.00000001", "0.00000001"),
        ("999999999999.99999999", "999,999,999,999.99999999"),
        ("1000000.10000000", "1,000,000.10"),
    ],
)
def test_price_keeps_every_digit_that_says_something(price: str | None, text: str) -> None:
    assert price_text(None if price is None else Decimal(price)) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (-5_000, "0 s"),
        (0, "0 s"),
        (999, "0 s"),
        (8_000, "8 s"),
        (119_999, "119 s"),
        (120_000, "2 min"),
        (2 * HOUR_MS - 1, "119 min"),
        (2 * HOUR_MS, "2 h"),
        (2 * DAY_MS - 1, "47 h"),
        (2 * DAY_MS, "2 d"),
        (400 * DAY_MS, "400 d"),
    ],
)
def test_duration_is_said_as_people_say_it(milliseconds: int, text: str) -> None:
    assert duration_text(milliseconds) == text


# --- for programs ---


def test_json_has_times_in_milliseconds_and_prices_as_exact_text() -> None:
    tiny = SeriesStatus(
        SeriesKey("binance", "PEPEUSDT", Interval.MO1), 0, None, Decimal("0.00000001"), NOW_MS
    )
    shown = json.loads(json.dumps(status_json([make_row(), tiny], NOW_MS)))
    assert shown == [
        {
            "exchange": "binance",
            "symbol": "BTCUSDT",
            "interval": "1m",
            "candles": 12_345,
            "last_open_time_ms": MINUTE_START_MS - MINUTE_MS,
            "last_price": "48057.24000000",
            "lag_ms": 30_000,
            "status": None,
            "tier": "TIER4",
            "freshness": "fresh",
        },
        {
            "exchange": "binance",
            "symbol": "PEPEUSDT",
            "interval": "1M",
            "candles": 0,
            "last_open_time_ms": None,
            "last_price": "0.00000001",
            "lag_ms": None,
            "status": None,
            "tier": "TIER4",
            "freshness": None,
        },
    ]


def test_demo_fits_a_terminal_of_80_columns() -> None:
    key = SeriesKey("binance", "BTCUSDT", Interval.M1)
    row = SeriesStatus(key, 4_320, NOW_MS - 120_000, Decimal("97123.45"), NOW_MS)
    closes = {key: [Decimal(number) for number in range(60)]}
    drawn = to_text(series_table([row], NOW_MS, closes, is_narrow=True), width=80)
    assert len(drawn.splitlines()) == 2
    assert "█" in drawn
