"""Gaps found, asked for, closed and opened again: the simulated exchange, on a clock that a test holds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from src.commands.fill_views import fill_text
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey, Window
from src.errors import Stopped
from src.extract.gap_fetching import GapFetcher
from src.extract.landing import Landing
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.filling import FillGaps
from src.jobs.job_registry import FillParameters
from src.jobs.progress import Progress
from src.jobs.recounting import recount_kind
from src.jobs.reloading import RELOADED
from src.lake.envelope import decode_envelope
from src.lake.store import Bucket
from src.maintenance.evidence import EvidenceCheck
from src.maintenance.reloading import Reloader, in_spans
from src.stopping import Stop
from src.warehouse.candles import fact_table
from src.warehouse.gaps import GapFilter, GapReason, GapRow, GapState, list_gaps
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.run_tables import runs
from src.warehouse.runs import NewRun, RunState, create_run, get_run
from src.warehouse.series import list_series, set_tracked
from src.warehouse.tables import (
    daily_klines,
    fact_klines,
    fact_klines_coarse,
    hourly_klines,
    lake_objects,
)
from tests.builders import as_kline, read_table
from tests.run_builders import claim
from tests.service.rig import BTC, NOW_MS, EverLater, Rig

MINUTE_START_MS = Interval.M1.floor(NOW_MS)
ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)
BTC_HOURS = SeriesKey("binance", "BTCUSDT", Interval.H1)
# Eighty minutes without a candle, five hours ago.
HOLE = "hole:symbol=BTCUSDT,from=-5h,minutes=80"
HOLE_WINDOW = Window(MINUTE_START_MS - 299 * MINUTE_MS, MINUTE_START_MS - 219 * MINUTE_MS)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


class Filler:
    """What a worker does with a run of ``fill_gaps``."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.process = rig.start()
        landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
        fetcher = GapFetcher(self.process.exchange, landing, rig.clock)
        reloader = Reloader(rig.lake, rig.warehouse, rig.clock)
        self.stop = Stop()
        self.kind = FillGaps(fetcher, reloader, EvidenceCheck(rig.lake, rig.warehouse), rig.clock, self.load)

    def load(self) -> None:
        self.rig.load()

    def cycle(self) -> None:
        assert self.process.extraction.run_once().failures == {}
        self.load()

    def run(self, **parameters: Any) -> Outcome:
        wanted = FillParameters(**parameters).model_dump(mode="json")
        outcome, self.progress = execute(self.rig, self.kind.kind(), self.stop, **wanted)
        return outcome


def execute(rig: Rig, kind: Kind, stop: Stop | None = None, **parameters: Any) -> tuple[Outcome, Progress]:
    """Do what a worker does with a run of this kind."""
    new = NewRun(kind.name, Lane.REPAIR, "manual", "anna@pi", parameters)
    run_id = rig.warehouse.run(lambda c: create_run(c, new))
    claim(rig.warehouse, run_id)
    with rig.warehouse.read() as connection:
        run = get_run(connection, run_id)
    progress = Progress(run.id, run.token, rig.clock)
    context = RunContext(run, stop or Stop(), rig.clock, rig.warehouse, progress)
    return kind.execute(context), progress


def begin(rig: Rig, *keys: SeriesKey) -> Filler:
    """Track these series and fetch a day of them."""
    rig.warehouse.run(lambda connection: set_tracked(connection, keys or [BTC], tracked=True))
    filler = Filler(rig)
    filler.cycle()
    return filler


def listed(rig: Rig, **wanted: Any) -> list[GapRow]:
    with rig.warehouse.read() as connection:
        return list_gaps(connection, GapFilter(**wanted))


def told(rig: Rig) -> list[tuple[int, int, str]]:
    """Return the gaps, oldest first: first and last minute before now, and state."""
    rows = reversed(listed(rig))
    return [
        (
            (MINUTE_START_MS - row.window.start_ms) // MINUTE_MS,
            (MINUTE_START_MS - row.window.end_ms) // MINUTE_MS,
            row.state.value,
        )
        for row in rows
    ]


def stored(rig: Rig, symbol: str = "BTCUSDT") -> list[list[Any]]:
    return [list(as_kline(row)) for row in read_table(rig.warehouse, fact_klines, symbol=symbol)]


def truth(rig: Rig, symbol: str = "BTCUSDT") -> list[list[Any]]:
    """Return the exchange's own rows, up to the last that has closed."""
    now_ms = Interval.M1.floor(rig.clock.now_ms())
    return rig.truth(symbol, MINUTE_START_MS - DAY_MS, now_ms)


# --- holes of the exchange ---


def test_hole_is_asked_for_twice_an_hour_apart_and_closed_with_both_answers(rig: Rig) -> None:
    rig.simulator.change_market(HOLE)
    filler = begin(rig)
    first = filler.run()
    assert fill_text(first.result) == "1 gap asked, 0 filled, 1 had nothing there"
    assert first.result["detected"] == first.result["gaps_asked"] == first.result["answers_without"] == 1
    assert told(rig) == [(299, 219, "detected")]
    rig.clock.advance(HOUR_MS - 5 * MINUTE_MS)
    assert filler.run().result["gaps_asked"] == 0  # too early
    assert told(rig) == [(299, 219, "detected")]
    rig.clock.advance(10 * MINUTE_MS)
    filler.cycle()
    assert filler.run().result["gaps_asked"] == 1
    [gap] = listed(rig)
    assert (gap.state, gap.window, gap.missing) == (GapState.EMPTY_AT_EXCHANGE, HOLE_WINDOW, 80)
    assert (gap.attempts, gap.reason) == (2, GapReason.NOTHING_THERE)
    assert len({one.key for one in gap.evidence}) == 2
    assert gap.evidence[1].asked_ms - gap.evidence[0].asked_ms >= HOUR_MS


def test_evidence_is_an_object_that_can_be_opened_and_waits_for_no_load(rig: Rig) -> None:
    rig.simulator.change_market(HOLE)
    filler = begin(rig)
    filler.run()
    [gap] = listed(rig)
    [proof] = gap.evidence
    envelope = decode_envelope(rig.lake.get(Bucket.RAW, proof.key))
    assert envelope.body == b"[]"
    assert envelope.header.request.params["startTime"] == HOLE_WINDOW.start_ms
    [row] = [row for row in rig.objects("klines") if row.object_key == proof.key]
    assert (row.state, row.record_count, row.lane) == ("loaded", 0, "repair")
    assert rig.load().loaded.objects == 0


def test_closed_gap_is_asked_for_again_after_a_day_and_then_monthly(rig: Rig) -> None:
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=-10h,minutes=300")
    filler = begin(rig, BTC_HOURS)
    asked = []
    for days in (0, 0, 0.9, 1, 1, 25, 4):
        rig.clock.advance(HOUR_MS + round(days * DAY_MS))
        filler.cycle()
        asked.append(filler.run().result["gaps_asked"])
    assert asked == [1, 1, 0, 1, 0, 0, 1]
    [gap] = listed(rig)
    assert (gap.state, len(gap.evidence)) == (GapState.EMPTY_AT_EXCHANGE, 3)


@pytest.mark.parametrize(("which", "how"), [(0, "file"), (1, "file"), (0, "row")])
def test_gap_whose_evidence_is_gone_is_open_again(rig: Rig, which: int, how: str) -> None:
    rig.simulator.change_market(HOLE)
    filler = begin(rig)
    for _ in range(2):
        filler.run()
        rig.clock.advance(HOUR_MS)
    [gap] = listed(rig, states=[GapState.EMPTY_AT_EXCHANGE])
    gone = gap.evidence[which].key
    if how == "file":
        rig.lake.delete(Bucket.RAW, gone)
    else:
        is_it = lake_objects.c.object_key == gone
        rig.warehouse.run(lambda c: c.execute(delete(lake_objects).where(is_it)))
    filler.cycle()
    result = filler.run().result
    assert (result["reopened"], result["gaps_asked"]) == (1, 1)  # the other answer is over an hour old
    [gap] = listed(rig)
    assert gap.state is GapState.EMPTY_AT_EXCHANGE
    assert gone not in {one.key for one in gap.evidence}


def test_half_an_outage_that_is_restored_is_filled_and_the_rest_closed(rig: Rig) -> None:
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=-5h,minutes=40,restored=+1d")
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=-260m,minutes=40")
    filler = begin(rig)
    for _ in range(2):
        filler.run()
        rig.clock.advance(HOUR_MS)
    assert told(rig) == [(299, 219, "empty_at_exchange")]
    rig.clock.advance(DAY_MS)
    filler.cycle()
    assert filler.run().result["candles"] == 40
    assert told(rig) == [(299, 259, "filled"), (259, 219, "empty_at_exchange")]
    filled, empty = sorted(listed(rig), key=lambda gap: gap.window)
    assert filled.filled_ms == rig.clock.now_ms()
    assert (filled.missing, empty.missing) == (40, 40)
    assert stored(rig) == truth(rig)


def test_candles_without_a_trade_are_no_gap(rig: Rig) -> None:
    rig.simulator.change_market("zero_trades:symbol=BTCUSDT,from=-5h,minutes=72")
    filler = begin(rig)
    assert filler.run().result["detected"] == 0
    assert listed(rig) == []


# --- facts that are lost here ---


def test_facts_that_are_gone_are_reloaded_from_the_lake_without_asking(rig: Rig) -> None:
    filler = begin(rig, BTC, BTC_HOURS)
    rig.clock.advance(5 * MINUTE_MS)
    filler.cycle()
    before = everything(rig)
    forget(rig, *minutes_of(HOLE_WINDOW), MINUTE_START_MS + 2 * MINUTE_MS)
    forget(rig, Interval.H1.floor(NOW_MS - 5 * HOUR_MS), key=BTC_HOURS)
    rig.simulator.clear_requests()
    assert {gap.reason for gap in listed(rig)} == {GapReason.FACTS_LOST}
    result = filler.run().result
    assert (result["reloaded"], result["gaps_asked"], result["filled"]) == (82, 0, 3)
    assert rig.asked("klines") == []
    assert fill_text(result) == "3 gaps filled from the lake; 82 candles reloaded from the lake"
    assert everything(rig) == before
    assert {(gap.state, gap.reason, gap.hint) for gap in listed(rig)} == {
        (GapState.FILLED, GapReason.FACTS_LOST, RELOADED)
    }


def test_reloading_tells_how_far_it_is_gap_by_gap(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    filler = begin(rig)
    for minutes_ago in (30, 60, 1200):  # the last one lies on the day before
        start_ms = MINUTE_START_MS - minutes_ago * MINUTE_MS
        forget(rig, *minutes_of(Window(start_ms, start_ms + MINUTE_MS)))
    seen: list[tuple[int, int]] = []

    def advance(progress: Progress, done: int = 0, **_: int) -> None:
        seen.append((done, progress.snapshot()["total"]))

    monkeypatch.setattr(Progress, "advance", advance)
    assert filler.run().result["reloaded"] == 3
    assert [one for one in seen if one[0]] == [(1, 3), (2, 3)]


def test_what_the_lake_lacks_is_asked_for_and_the_rest_is_not(rig: Rig) -> None:
    filler = begin(rig)
    before = stored(rig)
    gone, kept = rig.objects("klines")  # a thousand minutes, then the rest
    rig.lake.delete(Bucket.RAW, gone.object_key)
    rig.clock.advance(1000)
    edge_ms = gone.last_open_time
    forget(rig, *minutes_of(Window(edge_ms - 20 * MINUTE_MS, edge_ms + 11 * MINUTE_MS)))
    result = filler.run().result
    assert (result["reloaded"], result["answers"], result["candles"]) == (10, 1, 21)
    assert fill_text(result).startswith(
        "1 gap filled from the lake, 1 gap asked, 1 filled; 10 candles reloaded"
    )
    assert stored(rig) == before
    later, earlier = listed(rig)
    assert (later.window.start_ms, later.hint) == (kept.first_open_time, RELOADED)
    assert (earlier.state, earlier.hint, earlier.attempts) == (GapState.FILLED, None, 1)


def test_candle_whose_newer_answer_is_lost_is_asked_for(rig: Rig) -> None:
    filler = begin(rig)
    at_ms = MINUTE_START_MS - HOUR_MS
    [older] = [one for one in rig.objects("klines") if one.first_open_time <= at_ms <= one.last_open_time]
    content = rig.lake.get(Bucket.RAW, older.object_key)
    rig.lake.delete(Bucket.RAW, older.object_key)
    forget(rig, at_ms)
    rig.clock.advance(1000)
    assert filler.run().result["candles"] == 1  # a newer answer holds it now
    [newer] = [one for one in rig.objects("klines") if one.run_id]
    rig.lake.put_new(Bucket.RAW, older.object_key, content)
    forget(rig, at_ms, at_ms + MINUTE_MS)
    rig.lake.delete(Bucket.RAW, newer.object_key)
    rig.clock.advance(1000)
    result = filler.run().result
    assert (result["reloaded"], result["candles"]) == (1, 1)


def test_facts_at_the_end_of_a_series_are_no_lag(rig: Rig) -> None:
    filler = begin(rig)
    before = stored(rig)
    forget(rig, MINUTE_START_MS - MINUTE_MS, MINUTE_START_MS - 2 * MINUTE_MS)
    assert told(rig) == [(2, 0, "detected")]
    assert filler.run().result["reloaded"] == 2
    assert stored(rig) == before


def test_what_is_held_otherwise_than_in_the_lake_is_left_as_it_is(rig: Rig) -> None:
    filler = begin(rig)
    with rig.warehouse.write() as connection:
        connection.execute(fact_klines.update().values(trade_count=7))
    forget(rig, MINUTE_START_MS - HOUR_MS)
    assert filler.run().result["reloaded"] == 1
    assert sum(row.trade_count != 7 for row in rig.rows(fact_klines)) == 1


def test_facts_that_only_the_ledger_lacks_are_entered_there(rig: Rig) -> None:
    filler = begin(rig)
    before = everything(rig)
    rig.warehouse.run(lambda c: c.execute(coverage_ranges.delete()))
    with rig.warehouse.read() as connection:
        [row] = list_series(connection)
    reloader = Reloader(rig.lake, rig.warehouse, rig.clock)
    windows = in_spans(Interval.M1, [Window(MINUTE_START_MS - DAY_MS, MINUTE_START_MS)])
    assert [len(reloader.reload(row, span)) for span in windows] == [0, 0]
    assert everything(rig) == before
    assert filler.run().result["detected"] == 0


def test_reloading_ends_between_two_days_when_it_is_asked_to(rig: Rig) -> None:
    filler = begin(rig)
    forget(rig, MINUTE_START_MS - HOUR_MS)
    filler.stop.set("cancel")
    with pytest.raises(Stopped, match="filling gaps was ended"):
        filler.run()
    assert [gap.state for gap in listed(rig)] == [GapState.DETECTED]


@pytest.mark.parametrize("minutes", [300])
def test_minutes_deleted_at_random_are_all_found_and_come_back(rig: Rig, minutes: int) -> None:
    filler = begin(rig, BTC, ETH)
    before = everything(rig)
    chosen = random.Random(7).sample(range(1, 1439), minutes)
    for key in (BTC, ETH):
        forget(rig, *[MINUTE_START_MS - DAY_MS + minute * MINUTE_MS for minute in chosen], key=key)
    lose_lake(rig, every=2)
    result = filler.run().result
    rows = listed(rig)
    assert {row.state for row in rows} == {GapState.FILLED}
    assert sum(row.missing for row in rows) == 2 * minutes
    assert 0 < result["reloaded"] < 2 * minutes
    assert result["answers"] == 2  # a page reaches over many
    assert result["filled"] == len(rows)
    assert stored(rig) == truth(rig)
    assert everything(rig) == before


def test_newest_gaps_come_first_and_only_so_many(rig: Rig) -> None:
    filler = begin(rig)
    lose_lake(rig)
    for hours in (5, 10, 15):
        forget(rig, MINUTE_START_MS - hours * HOUR_MS)
    rig.simulator.clear_requests()
    assert filler.run(max_gaps=2).result["answers"] == 1
    assert len(rig.asked("klines")) == 1
    states = [row.state for row in listed(rig)]
    assert states == [GapState.FILLED, GapState.FILLED, GapState.DETECTED]
    rig.clock.advance(DAY_MS)
    filler.cycle()
    filler.run(lookback_days=1)
    assert listed(rig)[2].state is GapState.DETECTED
    filler.run()
    assert {row.state for row in listed(rig)} == {GapState.FILLED}


def test_gap_that_a_backfill_is_to_fetch_is_left_to_it_even_while_that_is_paused(rig: Rig) -> None:
    filler = begin(rig)
    lose_lake(rig)
    for hours in (5, 15):
        forget(rig, MINUTE_START_MS - hours * HOUR_MS)
    window = Window(MINUTE_START_MS - 16 * HOUR_MS, MINUTE_START_MS - 14 * HOUR_MS)
    new = NewRun("fetch_window", Lane.HISTORY, "manual", "tester", series=BTC, window=window)
    run_id = rig.warehouse.run(lambda connection: create_run(connection, new))
    filler.run()
    assert [row.state for row in listed(rig)] == [GapState.FILLED, GapState.DETECTED]
    with rig.warehouse.write() as connection:
        connection.execute(runs.update().where(runs.c.id == run_id).values(state=RunState.PAUSED.value))
    filler.run()
    assert [row.state for row in listed(rig)] == [GapState.FILLED, GapState.DETECTED]
    filler.run(ids=(listed(rig)[1].id,))
    assert {row.state for row in listed(rig)} == {GapState.FILLED}


def test_only_gaps_of_the_intervals_that_are_named_are_asked_for(rig: Rig) -> None:
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=-9h,minutes=240")
    filler = begin(rig, BTC, BTC_HOURS)
    assert filler.run(intervals=(Interval.H1,)).result["gaps_asked"] == 1
    assert {row.attempts for row in listed(rig, intervals=[Interval.M1])} == {0}
    assert {row.attempts for row in listed(rig, intervals=[Interval.H1])} == {1}


def test_gap_that_is_missing_once_more_has_a_row_of_its_own_time(rig: Rig) -> None:
    filler = begin(rig)
    forget(rig, *minutes_of(HOLE_WINDOW))
    filler.run()
    assert told(rig) == [(299, 219, "filled")]
    forget(rig, HOLE_WINDOW.start_ms)
    assert filler.run(max_gaps=1).result["reloaded"] == 1
    assert told(rig) == [(299, 298, "filled"), (298, 219, "filled")]


def forget(rig: Rig, *opens_ms: int, key: SeriesKey = BTC) -> None:
    """Delete the facts of these slots, and let a recount find that."""
    table = fact_table(key)
    is_lost = table.c.open_time.in_(opens_ms) & (table.c.symbol == key.symbol)
    rig.warehouse.run(lambda connection: connection.execute(delete(table).where(is_lost)))
    outcome, _ = execute(rig, recount_kind(), fix=True)
    assert outcome.state is RunState.PARTLY_FAILED


def lose_lake(rig: Rig, every: int = 1) -> None:
    """Delete all objects of candles, or every second, by hand."""
    for one in rig.objects("klines")[::every]:
        rig.lake.delete(Bucket.RAW, one.object_key)
    rig.clock.advance(1000)  # no object gets the key of one that is gone


def everything(rig: Rig) -> list[list[Any]]:
    """Return facts, rollups and ledger, without what says when they were written or from which object."""
    ours = {"object_key", "captured_at", "created_at", "updated_at", "verified_at"}
    tables = (fact_klines, fact_klines_coarse, hourly_klines, daily_klines, coverage_ranges)
    return [
        [{name: row[name] for name in row if name not in ours} for row in read_table(rig.warehouse, table)]
        for table in tables
    ]


def minutes_of(window: Window) -> range:
    return range(window.start_ms, window.end_ms, MINUTE_MS)


# --- ends of series ---


def test_lag_is_no_gap_and_is_left_to_live_fetching(rig: Rig) -> None:
    filler = begin(rig)
    rig.clock.advance(10 * MINUTE_MS)
    rig.simulator.clear_requests()
    assert filler.run().result["ends_asked"] == 0
    assert (listed(rig), rig.asked("klines")) == ([], [])


def test_late_series_with_more_to_come_gets_no_row(rig: Rig) -> None:
    filler = begin(rig)
    rig.clock.advance(HOUR_MS)
    objects = len(rig.objects("klines"))
    result = filler.run().result
    assert (result["ends_asked"], result["answers"]) == (1, 0)
    assert listed(rig) == []
    assert len(rig.objects("klines")) == objects


def test_series_that_ended_gets_one_gap_that_grows_in_place(rig: Rig) -> None:
    filler = begin(rig)
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=+1m,minutes=100000")
    filler.cycle()
    rig.clock.advance(HOUR_MS)
    filler.cycle()
    assert filler.run().result["ends_asked"] == 1
    assert told(rig) == [(-2, -60, "detected")]
    rig.clock.advance(HOUR_MS)
    assert filler.run().result["gaps_asked"] == 1
    assert told(rig) == [(-2, -60, "empty_at_exchange")]
    rig.clock.advance(DAY_MS)
    filler.run()
    assert told(rig) == [(-2, -60, "empty_at_exchange"), (-60, -1560, "detected")]
    rig.clock.advance(HOUR_MS)
    filler.run()
    assert told(rig) == [(-2, -1560, "empty_at_exchange")]
    [gap] = listed(rig)
    assert gap.missing == 1558


# --- what goes wrong ---


def test_gap_that_cannot_be_asked_for_says_why_and_stops_no_other(rig: Rig) -> None:
    filler = begin(rig, BTC, ETH)
    lose_lake(rig)
    for key in (BTC, ETH):
        forget(rig, *minutes_of(HOLE_WINDOW), key=key)
    rig.simulator.add_fault("5xx:status=503,path=klines,symbol=BTCUSDT")
    outcome = filler.run()
    assert outcome.state is RunState.PARTLY_FAILED
    assert "BTCUSDT" in (outcome.problem or "")
    states = {row.series_id: (row.state, bool(row.error)) for row in listed(rig)}
    assert sorted(states.values()) == [(GapState.FAILED, True), (GapState.FILLED, False)]
    failed = next(row for row in listed(rig) if row.state is GapState.FAILED)
    assert failed.ask_again_ms is not None
    assert failed.ask_again_ms > rig.clock.now_ms()
