"""Why a gap is there and what would fill it: known outages, the API's reach, files of the exchange."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.errors import ConfigurationError
from src.maintenance.outages import find_outage, read_outages
from src.maintenance.reach import count_beyond, find_file

SOL = SeriesKey("binance", "SOLUSDT", Interval.M1)
XBT = SeriesKey("kraken", "XBTUSD", Interval.M1)
# 2023-03-24T13:00Z and 2026-01-09T00:00Z.
SUSPENDED_MS, NOW_MS = 1_679_662_800_000, 1_767_916_800_000
_ARCHIVE = "https://data.binance.vision/data/spot"


def test_outages_that_are_known_of_an_exchange_hint_at_its_gaps_alone() -> None:
    window = Window(SUSPENDED_MS, SUSPENDED_MS + 80 * MINUTE_MS)
    found = find_outage(read_outages(), SOL, window)
    assert found is not None
    assert "80 minutes" in found.text
    assert find_outage(read_outages(), XBT, window) is None
    year = Window(SUSPENDED_MS - 365 * DAY_MS, SUSPENDED_MS + HOUR_MS)
    assert find_outage(read_outages(), SOL, year) is None, "a day's trouble does not explain a year"
    assert find_outage(read_outages(), SOL, Window(NOW_MS, NOW_MS + 1)) is None


def test_outages_of_ones_own_are_added_and_go_first(tmp_path: Path) -> None:
    own = tmp_path / "outages.yaml"
    own.write_text(
        "outages:\n"
        "- {exchange: binance, start: 2023-03-24T13:00, end: 2023-03-24T15:00+01:00, text: mine}\n"
        "- {exchange: binance, start: 2026-01-01, end: 2026-02-01, text: of one, symbols: [SOLUSDT]}\n"
    )
    outages = read_outages(own)
    found = find_outage(outages, SOL, Window(SUSPENDED_MS, SUSPENDED_MS + 1))
    assert found is not None
    assert (found.text, found.window) == ("mine", Window(SUSPENDED_MS, SUSPENDED_MS + HOUR_MS))
    after = find_outage(outages, SOL, Window(SUSPENDED_MS + HOUR_MS, SUSPENDED_MS + 2 * HOUR_MS))
    assert after is not None
    assert after.text != "mine"
    btc = SeriesKey("binance", "BTCUSDT", Interval.M1)
    names = [find_outage(outages, key, Window(NOW_MS, NOW_MS + 1)) for key in (SOL, btc)]
    assert [bool(found) for found in names] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "outages: 3",
        "outages: [{exchange: binance}]",
        "outages: [{exchange: binance, start: soon, end: 2026-01-01, text: x}]",
        "outages: [{exchange: binance, start: 2026-01-02, end: 2026-01-01, text: x}]",
        "{",
    ],
)
def test_outages_that_cannot_be_read_are_told_with_what_is_accepted(tmp_path: Path, text: str) -> None:
    own = tmp_path / "outages.yaml"
    own.write_text(text)
    with pytest.raises(ConfigurationError, match=r"outages\.yaml: .*accepted is a list 'outages'"):
        read_outages(own)


def test_binance_gives_all_of_its_history() -> None:
    assert count_beyond(SOL, Window(0, NOW_MS), NOW_MS) == 0


def test_kraken_gives_720_candles_and_no_more() -> None:
    reached_ms = NOW_MS - 720 * MINUTE_MS
    assert count_beyond(XBT, Window(reached_ms, NOW_MS), NOW_MS + 59_999) == 0
    assert count_beyond(XBT, Window(reached_ms - 5 * MINUTE_MS, NOW_MS), NOW_MS) == 5
    assert count_beyond(XBT, Window(reached_ms - DAY_MS, reached_ms - HOUR_MS), NOW_MS) == 1380


@pytest.mark.parametrize(
    ("key", "start_ms", "length_ms", "file"),
    [
        (SOL, SUSPENDED_MS, HOUR_MS, f"{_ARCHIVE}/daily/klines/SOLUSDT/1m/SOLUSDT-1m-2023-03-24.zip"),
        (SOL, SUSPENDED_MS, DAY_MS, f"{_ARCHIVE}/monthly/klines/SOLUSDT/1m/SOLUSDT-1m-2023-03.zip"),
        (SOL, NOW_MS - DAY_MS, DAY_MS, f"{_ARCHIVE}/daily/klines/SOLUSDT/1m/SOLUSDT-1m-2026-01-08.zip"),
        (SOL, NOW_MS, HOUR_MS, None),
        (XBT, SUSPENDED_MS, HOUR_MS, "XBTUSD_1.csv of Kraken's downloadable OHLCVT history"),
    ],
)
def test_file_that_would_fill_a_gap_is_named(
    key: SeriesKey, start_ms: int, length_ms: int, file: str | None
) -> None:
    assert find_file(key, Window(start_ms, start_ms + length_ms), NOW_MS + HOUR_MS) == file


def test_months_are_spelled_as_the_archives_spell_them() -> None:
    months = SeriesKey("binance", "SOLUSDT", Interval.MO1)
    found = find_file(months, Window(SUSPENDED_MS, SUSPENDED_MS + DAY_MS), NOW_MS)
    assert found == f"{_ARCHIVE}/monthly/klines/SOLUSDT/1mo/SOLUSDT-1mo-2023-03.zip"
