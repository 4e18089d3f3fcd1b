"""Which series are tracked: begun from the settings once, validated by the exchange, changed by people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from src.domain import MINUTE_MS, Interval, SeriesKey
from src.errors import SourceError, SourceTransient
from src.extract.exchange import UnknownSymbols
from src.simulator.config import BINANCE_START_MS
from src.warehouse.series import ensure_series, list_series
from src.warehouse.tables import symbols
from tests.service.rig import BTC, NOW_MS, Rig

ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)
MINUTE = [Interval.M1]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def tracked(rig: Rig) -> list[str]:
    with rig.warehouse.read() as connection:
        return [str(row.key).removeprefix("binance:") for row in list_series(connection)]


# --- the first start ---


def test_first_start_tracks_every_symbol_at_every_interval(rig: Rig) -> None:
    rig.start().tracking.seed(["BTCUSDT", "ETHUSDT"], [Interval.M1, Interval.H1])
    assert tracked(rig) == ["BTCUSDT:1h", "BTCUSDT:1m", "ETHUSDT:1h", "ETHUSDT:1m"]


def test_what_the_exchange_says_of_a_symbol_is_kept(rig: Rig) -> None:
    rig.start().tracking.seed(["BTCUSDT"], MINUTE)
    [row] = rig.rows(symbols)
    assert (row.exchange, row.symbol, row.status) == ("binance", "BTCUSDT", "TRADING")
    assert (row.base_asset, row.quote_asset) == ("BTC", "USDT")
    assert (row.tick_size, row.step_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert row.updated_at == NOW_MS


def test_unknown_symbol_is_left_out_with_a_word_and_the_others_are_tracked(rig: Rig) -> None:
    with capture_logs() as logs:
        rig.start().tracking.seed(["BTCUSDT", "BTCUSD", "ETHUSDT", "NOPEUSDT"], MINUTE)
    assert tracked(rig) == ["BTCUSDT:1m", "ETHUSDT:1m"]
    assert {row.symbol for row in rig.rows(symbols)} == {"BTCUSDT", "ETHUSDT"}
    [told] = [line["error"] for line in logs if line["event"] == "symbols left out"]
    assert "no such symbol: BTCUSD, NOPEUSDT" in told


def test_start_with_unknown_symbols_alone_tracks_nothing_and_the_next_tries_again(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["NOPEUSDT"], MINUTE)
    assert tracked(rig) == []
    tracking.seed(["BTCUSDT"], MINUTE)
    assert tracked(rig) == ["BTCUSDT:1m"]


@pytest.mark.parametrize("fault", ["5xx", "html:status=403", "451", "truncated", "429:retry_after=30"])
def test_exchange_that_cannot_be_asked_does_not_keep_us_from_starting(rig: Rig, fault: str) -> None:
    rig.simulator.add_fault(fault)
    with capture_logs() as logs:
        rig.start().tracking.seed(["BTCUSDT", "NOPEUSDT"], MINUTE)
    assert tracked(rig) == ["BTCUSDT:1m", "NOPEUSDT:1m"]
    assert "symbols not checked" in {line["event"] for line in logs}


def test_later_starts_leave_alone_what_people_have_chosen(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], MINUTE)
    tracking.remove(["BTCUSDT", "ETHUSDT"])
    rig.simulator.clear_requests()
    rig.start().tracking.seed(["BTCUSDT", "ETHUSDT", "XRPUSDT"], MINUTE)
    assert tracked(rig) == []
    assert rig.asked("exchangeInfo") == []


def test_series_that_were_only_loaded_from_the_lake_are_no_beginning(
    rig: Rig,
) -> None:
    """So it is after a restore: the lake is there, and a new warehouse was loaded from it."""
    loaded = SeriesKey("binance", "XRPUSDT", Interval.M1)
    rig.warehouse.run(lambda connection: ensure_series(connection, [BTC, loaded], tracked=False))
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], MINUTE)
    assert tracked(rig) == ["BTCUSDT:1m", "ETHUSDT:1m"]
    tracking.remove(["BTCUSDT", "ETHUSDT"])
    tracking.seed(["BTCUSDT", "ETHUSDT"], MINUTE)
    assert tracked(rig) == [], "who removed them meant it"


def test_series_whose_candles_were_fetched_is_not_tracked_again_by_itself(rig: Rig) -> None:
    process = rig.start()
    rig.simulator.add_fault("5xx")
    process.tracking.seed(["BTCUSDT"], MINUTE)
    rig.simulator.faults.clear()
    process.extraction.run_once()
    process.tracking.remove(["BTCUSDT"])
    assert rig.rows(symbols) == []
    process.tracking.seed(["BTCUSDT"], MINUTE)
    assert tracked(rig) == []


# --- add and remove ---


def test_added_symbol_is_tracked_from_now_on(rig: Rig) -> None:
    process = rig.start()
    process.tracking.seed(["BTCUSDT"], MINUTE)
    process.tracking.add(["ETHUSDT", "XRPUSDT"], [Interval.M1, Interval.MO1])
    assert tracked(rig) == ["BTCUSDT:1m", "ETHUSDT:1M", "ETHUSDT:1m", "XRPUSDT:1M", "XRPUSDT:1m"]


def test_adding_what_is_tracked_changes_nothing(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT"], MINUTE)
    tracking.add(["BTCUSDT"], MINUTE)
    assert tracked(rig) == ["BTCUSDT:1m"]


def test_adding_an_unknown_symbol_fails_names_it_and_tracks_none(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT"], MINUTE)
    with pytest.raises(UnknownSymbols, match=r"no such symbol: NOPEUSDT, XBT\. Check the spelling") as caught:
        tracking.add(["ETHUSDT", "NOPEUSDT", "XBT"], MINUTE)
    assert caught.value.unknown == ("NOPEUSDT", "XBT")
    assert [info.symbol for info in caught.value.known] == ["ETHUSDT"]
    assert tracked(rig) == ["BTCUSDT:1m"]


def test_adding_fails_when_the_exchange_cannot_be_asked(rig: Rig) -> None:
    """Unlike at the first start there is somebody to read the error, and to try again."""
    process = rig.start()
    rig.simulator.add_fault("5xx")
    with pytest.raises(SourceTransient):
        process.tracking.add(["ETHUSDT"], MINUTE)
    assert tracked(rig) == []


def test_remove_says_which_series_it_ended(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], [Interval.M1, Interval.H1])
    removed = tracking.remove(["BTCUSDT", "NOPEUSDT"])
    assert sorted(map(str, removed)) == ["binance:BTCUSDT:1h", "binance:BTCUSDT:1m"]
    assert tracked(rig) == ["ETHUSDT:1h", "ETHUSDT:1m"]
    assert tracking.remove(["BTCUSDT"]) == []


def test_symbol_removed_and_added_again_goes_on_from_its_watermark(rig: Rig) -> None:
    process = rig.start()
    process.tracking.seed(["BTCUSDT", "ETHUSDT"], MINUTE)
    process.extraction.run_once()
    process.tracking.remove(["BTCUSDT"])
    stopped_at = rig.watermark(BTC)
    rig.clock.advance(10 * MINUTE_MS)
    process.extraction.run_once()
    assert rig.watermark(BTC) == stopped_at
    assert rig.watermark(ETH) == Interval.M1.floor(NOW_MS) + 9 * MINUTE_MS
    process.tracking.add(["BTCUSDT"], MINUTE)
    rig.simulator.clear_requests()
    assert process.extraction.run_once().candles == 10
    assert stopped_at is not None
    [asked] = [query for query in rig.asked("klines") if query["symbol"] == "BTCUSDT"]
    assert asked["startTime"] == str(stopped_at + MINUTE_MS)


def test_symbol_in_small_letters_is_unknown(rig: Rig) -> None:
    with pytest.raises(SourceError, match="btcusdt"):
        rig.start().tracking.add(["btcusdt"], MINUTE)
    assert tracked(rig) == []


# --- since and until when a symbol trades ---

_LISTED_MS = Interval.M1.floor(NOW_MS) - 180 * MINUTE_MS


def lifetimes(rig: Rig) -> dict[str, tuple[int | None, int | None]]:
    return {row.symbol: (row.listed_at, row.delisted_at) for row in rig.rows(symbols)}


def test_refresh_finds_when_a_symbol_was_listed_and_asks_that_once(rig: Rig) -> None:
    rig.simulator.change_market("listing:symbol=ETHUSDT,from=-3h")
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], [Interval.M1, Interval.H1])
    tracking.refresh()
    assert lifetimes(rig) == {"BTCUSDT": (BINANCE_START_MS, None), "ETHUSDT": (_LISTED_MS, None)}
    assert len(rig.asked("klines")) == 2
    rig.simulator.clear_requests()
    tracking.refresh()
    assert rig.asked("klines") == []
    assert lifetimes(rig)["ETHUSDT"] == (_LISTED_MS, None)


def test_refresh_finds_when_trading_ended_and_takes_it_back_when_it_goes_on(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], MINUTE)
    rig.simulator.change_market("delisting:symbol=BTCUSDT,from=-3h")
    tracking.refresh()
    assert lifetimes(rig)["BTCUSDT"] == (BINANCE_START_MS, _LISTED_MS + MINUTE_MS)
    assert lifetimes(rig)["ETHUSDT"] == (BINANCE_START_MS, None)
    rig.simulator.change_market("delisting:symbol=BTCUSDT,from=+3h")
    tracking.refresh()
    assert lifetimes(rig)["BTCUSDT"] == (BINANCE_START_MS, None)


def test_one_symbol_whose_candles_are_refused_does_not_hide_the_others(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], MINUTE)
    rig.simulator.add_fault("451:path=klines,symbol=BTCUSDT")
    tracking.refresh()
    assert lifetimes(rig) == {"BTCUSDT": (None, None), "ETHUSDT": (BINANCE_START_MS, None)}
