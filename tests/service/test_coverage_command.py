"""``coverage`` on the command line: what is held, missing and not wanted, and what a recount finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.domain import DAY_MS, MINUTE_MS
from src.lake.local_store import LocalStore
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.series import list_series, set_tracked, want_history
from src.warehouse.symbols import Lifetime, SymbolRow, save_lifetime, upsert_symbols
from src.warehouse.tables import fact_klines, series
from tests.builders import DAY_START_MS, Pipeline, make_kline, make_object, open_pipeline
from tests.unit.test_cli import environment, run, succeed, succeed_json  # noqa: F401  environment is a fixture

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Hold two days of BTCUSDT but for ten minutes, wanted from a day before, listed in between."""
    url, lake = f"sqlite:///{tmp_path}/data/warehouse.db", LocalStore(tmp_path / "data" / "data_lake")
    with open_pipeline(url, lake) as opened:
        opens = [DAY_START_MS + minute * MINUTE_MS for minute in range(2 * 1440) if not 100 <= minute < 110]
        opened.land(make_object("BTCUSDT", [make_kline(open_ms) for open_ms in opens]))
        opened.load()
        _describe(opened)
        yield opened


def _describe(pipeline: Pipeline) -> None:
    known = SymbolRow("binance", "BTCUSDT", "BREAK", "BTC", "USDT", None, None)
    life = Lifetime(DAY_START_MS, DAY_START_MS + 3 * DAY_MS)
    with pipeline.warehouse.write() as connection:
        (row,) = list_series(connection, tracked_only=False)
        set_tracked(connection, [row.key], tracked=True)
        want_history(connection, row.key, DAY_START_MS - DAY_MS, 0)
        upsert_symbols(connection, [known], DAY_START_MS)
        save_lifetime(connection, "binance", "BTCUSDT", life)


def only(*arguments: str) -> dict[str, Any]:
    (found,) = succeed_json("coverage", *arguments)
    return dict(found)


def window(start_minute: int, end_minute: int) -> dict[str, int]:
    return {
        "start_ms": DAY_START_MS + start_minute * MINUTE_MS,
        "end_ms": DAY_START_MS + end_minute * MINUTE_MS,
    }


@pytest.mark.usefixtures("pipeline")
def test_series_is_told_with_what_of_it_is_wanted_and_held() -> None:
    found = only()
    assert (found["symbol"], found["interval"], found["ranges"]) == ("BTCUSDT", "1m", 2)
    assert found["wanted"] == window(0, 3 * 1440)
    assert (found["held_from_ms"], found["held_to_ms"]) == tuple(window(0, 2 * 1440).values())
    assert found["missing_candles"] == 1440 + 10
    assert found["share"] == 1 - 1450 / (3 * 1440)
    assert "held" not in found


@pytest.mark.usefixtures("pipeline")
def test_one_symbol_is_told_with_its_ranges_and_what_is_not_wanted() -> None:
    found = only("btcusdt", "--interval", "1m")
    assert [(each["start_ms"], each["candles"], each["source"]) for each in found["held"]] == [
        (DAY_START_MS, 100, "api"),
        (DAY_START_MS + 110 * MINUTE_MS, 2 * 1440 - 110, "api"),
    ]
    assert found["missing"] == [window(100, 110), window(2 * 1440, 3 * 1440)]
    before, after = found["not_wanted"]
    assert before == {**window(-1440, 0), "reason": "before listing"}
    assert (after["start_ms"], after["reason"]) == (DAY_START_MS + 3 * DAY_MS, "after delisting")


@pytest.mark.usefixtures("pipeline")
def test_table_names_each_part_for_people() -> None:
    text = [" ".join(line.split()) for line in succeed("coverage", "BTCUSDT").splitlines()]
    assert text[1] == "BTCUSDT 1m 2026-01-09 00:00 2026-01-09 00:00 2026-01-11 00:00 2 66.43 % 1,450 1,440"
    assert "wanted 2026-01-09 00:00 to 2026-01-12 00:00, asked for from 2026-01-08 00:00 on" in text
    assert "missing 2026-01-09 01:40 to 2026-01-09 01:50" in text
    assert "not wanted 2026-01-08 00:00 to 2026-01-09 00:00 before listing" in text


def test_minutes_that_may_have_aged_out_are_not_wanted(pipeline: Pipeline) -> None:
    with pipeline.warehouse.write() as connection:
        connection.execute(series.update().values(keep_days=30))
    assert [each["reason"] for each in only("BTCUSDT")["not_wanted"]] == [
        "before listing",
        "ages out next",
        "older than it is kept",
        "ages out next",
        "older than it is kept",
        "after delisting",
    ]
    assert only("BTCUSDT")["share"] is None


def test_recount_finds_a_lost_candle_and_fix_corrects_the_ledger(pipeline: Pipeline) -> None:
    assert succeed("coverage", "--recount") == "1 series counted: the ledger says what the facts hold\n"
    lost_ms = DAY_START_MS + 500 * MINUTE_MS
    with pipeline.warehouse.write() as connection:
        connection.execute(fact_klines.delete().where(fact_klines.c.open_time == lost_ms))

    for arguments in (("--recount",), ("--recount", "--fix")):
        found = run("coverage", *arguments)
        assert found.exit_code == 1
        told = "[2026-01-09T08:20:00.000Z, 2026-01-09T08:21:00.000Z): in the ledger but not held"
        assert told in found.stdout

    assert succeed_json("coverage", "--recount")["differences"] == 0
    assert only("BTCUSDT")["missing"][1] == window(500, 501)


def test_warehouse_from_before_the_ledger_is_counted_at_the_next_start(pipeline: Pipeline) -> None:
    before = only("BTCUSDT")["held"]
    with pipeline.warehouse.write() as connection:
        connection.execute(coverage_ranges.delete())

    after = only("BTCUSDT")["held"]

    assert [{**each, "verified_ms": None} for each in after] == before


@pytest.mark.usefixtures("pipeline")
def test_what_cannot_be_is_refused() -> None:
    assert run("coverage", "--fix").exit_code == 2
    unknown = run("coverage", "NOSUCH")
    assert unknown.exit_code == 1
    assert "nothing is held of NOSUCH" in unknown.stderr
    assert run("coverage", "NOSUCH", "--recount").exit_code == 1
