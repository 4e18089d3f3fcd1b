"""Candles asked for again: an amended one is noticed and both versions kept; what is held lands no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Connection, delete, update

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey, Window
from src.extract.exchange import Exchange, KlinesAnswer
from src.extract.landing import Landing
from src.extract.windows import WindowFetcher
from src.jobs.context import Outcome, RunContext
from src.jobs.job_registry import REFETCH_RECENT, RefetchParameters
from src.jobs.progress import Progress
from src.jobs.refetching import RefetchRecent, recent_window
from src.lake.store import Bucket
from src.stopping import Stop
from src.warehouse.facts import CANDLE_COLUMNS
from src.warehouse.restatements import Version, list_versions
from src.warehouse.runs import NewRun, RunState, create_run, get_run
from src.warehouse.series import SeriesRow, list_series, set_tracked
from src.warehouse.tables import fact_klines, fact_klines_coarse, hourly_klines
from src.warehouse.types import ExactDecimal
from tests.builders import as_kline, read_rollup, read_table, roll_up
from tests.run_builders import claim
from tests.service.rig import BTC, NOW_MS, EverLater, Rig

MINUTE_START_MS = Interval.M1.floor(NOW_MS)
ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)
# One candle, two hours old.
AMENDED = "amended:symbol=BTCUSDT,from=-2h,minutes=1"
AMENDED_MS = MINUTE_START_MS - 2 * HOUR_MS


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


class Refetcher:
    """What a worker does with a run of ``refetch_recent``; *progress* is that of the last one."""

    progress: Progress

    def __init__(self, rig: Rig, *keys: SeriesKey, days: int = 1) -> None:
        rig.warehouse.run(lambda connection: set_tracked(connection, keys or [BTC], tracked=True))
        self.rig = rig
        self.process = rig.start(lookback_days=days)
        landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
        self.kind = RefetchRecent(WindowFetcher(self.process.exchange, landing, rig.clock), self.load)
        self.cycle()

    def load(self) -> None:
        self.rig.load()

    def cycle(self) -> None:
        assert self.process.extraction.run_once().failures == {}
        self.load()

    def run(self, **parameters: Any) -> Outcome:
        rig, wanted = self.rig, RefetchParameters(**parameters).model_dump(mode="json")
        rig.clock.advance(5_000)  # what was captured later wins
        new = NewRun(REFETCH_RECENT, Lane.REPAIR, "manual", "anna@pi", wanted)
        run_id = rig.warehouse.run(lambda connection: create_run(connection, new))
        claim(rig.warehouse, run_id)
        with rig.warehouse.read() as connection:
            run = get_run(connection, run_id)
        self.progress = Progress(run.id, run.token, rig.clock)
        return self.kind.execute(RunContext(run, Stop(), rig.clock, rig.warehouse, self.progress))


def series_row(rig: Rig, key: SeriesKey = BTC) -> SeriesRow:
    with rig.warehouse.read() as connection:
        return next(row for row in list_series(connection) if row.key == key)


def versions(rig: Rig, open_ms: int, key: SeriesKey = BTC) -> list[Version]:
    with rig.warehouse.read() as connection:
        return list_versions(connection, series_row(rig, key), open_ms)


def stored(rig: Rig, symbol: str = "BTCUSDT") -> list[list[Any]]:
    return [list(as_kline(row)) for row in read_table(rig.warehouse, fact_klines, symbol=symbol)]


def truth(rig: Rig, symbol: str = "BTCUSDT") -> list[list[Any]]:
    return rig.truth(symbol, MINUTE_START_MS - DAY_MS, MINUTE_START_MS)


def counts(outcome: Outcome) -> dict[str, int]:
    return {name: outcome.result[name] for name in ("noted", "landed", "amended", "missing")}


# --- what an answer says ---


def test_amended_candle_two_hours_old_is_noticed_and_both_versions_can_be_read(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    before = truth(rig)
    rig.simulator.change_market(AMENDED)
    assert truth(rig) != before == stored(rig)
    outcome = refetcher.run()
    assert outcome.state is RunState.SUCCEEDED
    assert counts(outcome) == {"noted": 0, "landed": 1, "amended": 1, "missing": 0}
    assert stored(rig) == truth(rig)
    earlier, present = versions(rig, AMENDED_MS)
    assert (earlier.known_until_ms, present.known_until_ms) == (present.known_from_ms, None)
    closes = [str(version.candle.close_price) for version in (earlier, present)]
    at = [row[0] for row in before].index(AMENDED_MS)
    assert closes == [before[at][4], truth(rig)[at][4]]
    neighbour = versions(rig, AMENDED_MS - MINUTE_MS)
    assert len(neighbour) == 1


def test_rollup_follows_an_amended_candle(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    rig.simulator.change_market(AMENDED)
    refetcher.run()
    facts = [as_kline(row) for row in read_table(rig.warehouse, fact_klines, symbol="BTCUSDT")]
    assert read_rollup(rig.warehouse, hourly_klines, "BTCUSDT") == roll_up(facts, HOUR_MS)


def test_what_was_amended_once_is_landed_once(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    rig.simulator.change_market(AMENDED)
    refetcher.run()
    objects = rig.objects("klines")
    assert counts(refetcher.run()) == {"noted": 1, "landed": 0, "amended": 0, "missing": 0}
    assert rig.objects("klines") == objects
    assert len(versions(rig, AMENDED_MS)) == 2


def test_answer_that_says_what_is_held_leaves_lake_and_facts_alone(rig: Rig) -> None:
    refetcher = Refetcher(rig, BTC, ETH)
    objects, facts, files = rig.objects("klines"), rig.rows(fact_klines), list(rig.lake.list_keys(Bucket.RAW))
    outcome = refetcher.run()
    assert counts(outcome) == {"noted": 2, "landed": 0, "amended": 0, "missing": 0}
    assert (rig.objects("klines"), rig.rows(fact_klines)) == (objects, facts)
    assert list(rig.lake.list_keys(Bucket.RAW)) == files


def test_any_value_that_differs_is_noticed(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    names = [name for name in CANDLE_COLUMNS if name != "open_time"]

    def change(connection: Connection) -> None:
        for number, name in enumerate(names):
            cell, open_ms = fact_klines.c[name], AMENDED_MS + number * MINUTE_MS
            value = Decimal("0.00000001") if isinstance(cell.type, ExactDecimal) else 1
            connection.execute(
                update(fact_klines).where(fact_klines.c.open_time == open_ms).values({cell: value})
            )

    rig.warehouse.run(change)
    assert counts(refetcher.run())["amended"] == len(names)
    assert stored(rig) == truth(rig)


def test_candle_that_is_not_held_is_taken_in(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    lose = delete(fact_klines).where(fact_klines.c.open_time == AMENDED_MS)
    rig.warehouse.run(lambda connection: connection.execute(lose))
    assert counts(refetcher.run()) == {"noted": 0, "landed": 1, "amended": 0, "missing": 1}
    assert stored(rig) == truth(rig)


def test_pages_are_judged_one_by_one_and_landed_in_the_repair_lane_of_the_run(rig: Rig) -> None:
    refetcher = Refetcher(rig, days=2)
    before = {row.object_key for row in rig.objects("klines")}
    rig.simulator.change_market(AMENDED)
    rig.simulator.clear_requests()
    outcome = refetcher.run(hours=48)
    assert counts(outcome) == {"noted": 2, "landed": 1, "amended": 1, "missing": 0}
    assert len(rig.asked("klines")) == 3
    [landed] = [row for row in rig.objects("klines") if row.object_key not in before]
    assert (landed.state, landed.lane, landed.run_id) == ("loaded", "repair", refetcher.progress.run_id)


def test_times_in_microseconds_are_no_amendment(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    rig.simulator.add_fault("microseconds")
    assert counts(refetcher.run()) == {"noted": 1, "landed": 0, "amended": 0, "missing": 0}


# --- what is asked for ---


def test_only_the_last_hours_are_asked_for_up_to_the_last_candle_held(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    rig.clock.advance(10 * MINUTE_MS)  # what has closed since is left to live fetching
    rig.simulator.clear_requests()
    refetcher.run(hours=2)
    [asked] = rig.asked("klines")
    start_ms, last_ms = MINUTE_START_MS + 10 * MINUTE_MS - 2 * HOUR_MS, MINUTE_START_MS - 1
    assert (int(asked["startTime"]), int(asked["endTime"])) == (start_ms, last_ms)


def test_coarse_candle_that_reaches_into_the_last_hours_is_asked_for(rig: Rig) -> None:
    hours = SeriesKey("binance", "BTCUSDT", Interval.H4)
    refetcher = Refetcher(rig, hours)
    open_ms = Interval.H4.floor(NOW_MS) - 4 * HOUR_MS  # closed at 12:00, it is 14:20 now
    change = update(fact_klines_coarse).where(fact_klines_coarse.c.open_time == open_ms).values(trade_count=0)
    rig.warehouse.run(lambda connection: connection.execute(change))
    assert counts(refetcher.run())["amended"] == 1
    assert len(versions(rig, open_ms, hours)) == 2


def test_series_that_is_new_untracked_or_of_weeks_is_not_asked_for(rig: Rig) -> None:
    weeks = SeriesKey("binance", "BTCUSDT", Interval.W1)
    refetcher = Refetcher(rig, ETH, weeks)
    rig.warehouse.run(lambda connection: set_tracked(connection, [ETH], tracked=False))
    rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    rig.simulator.clear_requests()
    assert refetcher.run().result["series"] == 0
    assert rig.asked("klines") == []


def row(interval: Interval, last_open_ms: int | None, wanted_from_ms: int | None) -> SeriesRow:
    key = SeriesKey("binance", "BTCUSDT", interval)
    return SeriesRow(1, key, True, 9, None, last_open_ms, 1, wanted_from_ms)


@pytest.mark.parametrize(
    ("interval", "last_ago_ms", "wanted_ago_ms", "window"),
    [
        (Interval.M1, MINUTE_MS, DAY_MS, (180, 0)),
        (Interval.M1, MINUTE_MS, HOUR_MS, (60, 0)),  # what lies before is not wanted
        (Interval.M1, 30 * MINUTE_MS, DAY_MS, (180, 29)),
        (Interval.M1, MINUTE_MS + 17_123, DAY_MS, (180, 1)),  # off the grid
        (Interval.M1, 4 * HOUR_MS, DAY_MS, None),
        (Interval.M1, None, DAY_MS, None),
        (Interval.M1, MINUTE_MS, None, None),
        (Interval.MO1, 40 * DAY_MS, 90 * DAY_MS, None),
    ],
)
def test_window_is_what_is_held_and_wanted_of_the_last_hours(
    interval: Interval, last_ago_ms: int | None, wanted_ago_ms: int | None, window: tuple[int, int] | None
) -> None:
    last_ms, wanted_ms = (
        None if ago is None else MINUTE_START_MS - ago for ago in (last_ago_ms, wanted_ago_ms)
    )
    expected = window and Window(*[MINUTE_START_MS - minutes * MINUTE_MS for minutes in window])
    assert recent_window(row(interval, last_ms, wanted_ms), MINUTE_START_MS, 3) == expected


# --- what goes wrong ---


class Garbling:
    """The exchange, but the high of each answer's second candle is below its low."""

    name = "binance"

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def fetch_klines(self, *asked: Any) -> KlinesAnswer:
        answer = self._exchange.fetch_klines(*asked)
        rows = msgspec.json.decode(answer.body)
        rows[1][2] = "0.00000001"
        return replace(answer, body=msgspec.json.encode(rows))


def test_series_that_fails_is_told_and_stops_no_other(rig: Rig) -> None:
    refetcher = Refetcher(rig, BTC, ETH)
    rig.simulator.change_market(AMENDED.replace("BTCUSDT", "ETHUSDT"))
    rig.simulator.add_fault("5xx:status=503,path=klines,symbol=BTCUSDT")
    outcome = refetcher.run()
    assert outcome.state is RunState.PARTLY_FAILED
    assert (outcome.problem or "").startswith("binance:BTCUSDT:1m [2026-01-09")
    assert list(outcome.result["failures"]) == [(outcome.problem or "").split("): ")[0] + ")"]
    assert stored(rig, "ETHUSDT") == truth(rig, "ETHUSDT")
    assert len(versions(rig, AMENDED_MS, ETH)) == 2
    told = refetcher.progress.snapshot()
    assert (told["unit"], told["done"], told["total"]) == ("series", 2, 2)


def test_row_that_cannot_be_loaded_is_not_landed_each_time(rig: Rig) -> None:
    refetcher = Refetcher(rig)
    landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
    fetcher = WindowFetcher(cast("Exchange", Garbling(refetcher.process.exchange)), landing, rig.clock)
    refetcher.kind = RefetchRecent(fetcher, refetcher.load)
    objects = rig.objects("klines")
    assert counts(refetcher.run())["landed"] == 0
    assert rig.objects("klines") == objects
