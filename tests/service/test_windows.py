"""Chunks of history fetched from the simulated exchange: each candle once, and only what was asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey, Window
from src.errors import LakeUnavailable, NoRoom, SourceBlocked, SourcePermanent, Stopped, WarehouseUnavailable
from src.extract.chunks import plan_chunks
from src.extract.exchange import KlinesAnswer, KlineSpan, Request
from src.extract.helping import Helpers
from src.extract.landing import Landing
from src.extract.lanes import current_lane
from src.extract.windows import ChunkReport, PageReport, WindowFetcher
from src.lake.store import Bucket
from src.stopping import Stop, stopping_by
from src.warehouse.catalog import NewObject
from src.warehouse.series import set_tracked
from src.warehouse.tables import fact_klines, fact_klines_coarse, series
from tests.builders import as_kline, make_kline, read_table
from tests.service.rig import BTC, NOW_MS, EverLater, Rig

RUN = 7
MINUTE_START_MS = Interval.M1.floor(NOW_MS)
# A whole week, long closed.
WEEK = plan_chunks(Interval.M1, Window(NOW_MS - 30 * DAY_MS, NOW_MS))[1]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


@dataclass
class Fetch:
    """A fetcher and what it told."""

    fetcher: WindowFetcher
    landing: Landing
    pages: list[PageReport] = field(default_factory=list)
    waits: list[str | None] = field(default_factory=list)

    def chunk(self, chunk: Window, key: SeriesKey = BTC, lane: Lane = Lane.HISTORY) -> ChunkReport:
        return self.fetcher.fetch_chunk(key, chunk, lane, RUN, self.pages.append)

    def patiently(self, chunk: Window) -> ChunkReport:
        return self.fetcher.fetch_chunk(BTC, chunk, Lane.HISTORY, RUN, self.pages.append, self.waits.append)


def fetch_from(rig: Rig, exchange: Any = None, helpers: int = 0) -> Fetch:
    landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
    exchange = exchange or rig.start().exchange
    return Fetch(WindowFetcher(exchange, landing, rig.clock, helpers=Helpers(helpers)), landing)


class Scripted:
    """An exchange that answers with these open times, page after page, whatever it is asked."""

    name = "binance"

    def __init__(self, *pages: Sequence[int]) -> None:
        self._pages = list(pages)
        self.starts: list[int] = []
        self.lanes: list[Lane] = []

    def fetch_klines(
        self, symbol: str, interval: Interval, start_ms: int, end_ms: int, limit: int
    ) -> KlinesAnswer:
        self.starts.append(start_ms)
        self.lanes.append(current_lane())
        opens = tuple(self._pages.pop(0)) if self._pages else ()
        return KlinesAnswer(
            body=msgspec.json.encode([make_kline(open_ms, interval) for open_ms in opens]),
            request=Request("GET", "http://127.0.0.1/api/v3/klines", {"symbol": symbol}, 2),
            sent_at_ms=NOW_MS,
            exchange_time_ms=NOW_MS,
            closed=KlineSpan(opens) if opens else None,
            forming=None,
            row_count=len(opens),
            is_full=len(opens) >= limit,
        )


def minutes_before_now(first: int, last: int = 0) -> Window:
    return Window(MINUTE_START_MS - first * MINUTE_MS, MINUTE_START_MS - last * MINUTE_MS)


def stored(rig: Rig, table: Any = fact_klines) -> list[list[Any]]:
    return [list(as_kline(row)) for row in read_table(rig.warehouse, table)]


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def asked_windows(rig: Rig) -> list[tuple[int, int]]:
    return [(int(query["startTime"]), int(query["endTime"])) for query in rig.asked("klines")]


# --- what is fetched ---


def test_chunk_is_fetched_in_full_pages_each_asked_for_once(rig: Rig) -> None:
    fetch = fetch_from(rig)
    assert fetch.chunk(WEEK) == ChunkReport(10_080, 11, missing=[], reached_forming=False)
    first, second, *others, last = asked_windows(rig)
    starts = [WEEK.start_ms + page * 1_000 * MINUTE_MS for page in range(11)]
    assert first == (WEEK.start_ms, WEEK.end_ms - 1)
    # From right after the last candle on: one off the grid may open before the next slot.
    assert second == (starts[1] - MINUTE_MS + 1, starts[2] - 1)
    assert others == [(start_ms, start_ms + 1_000 * MINUTE_MS - 1) for start_ms in starts[2:10]]
    assert last == (starts[10], WEEK.end_ms - 1)
    assert [page.candles for page in fetch.pages] == [1_000] * 10 + [80]
    assert fetch.pages[0].last_open_ms == WEEK.start_ms + 999 * MINUTE_MS
    assert fetch.pages[-1].last_open_ms == WEEK.end_ms - MINUTE_MS


def test_what_landed_is_loaded_as_always_and_bears_its_run_and_lane(rig: Rig) -> None:
    window = minutes_before_now(2_500, 500)
    fetch_from(rig).chunk(window, lane=Lane.REPAIR)
    described = [(row.run_id, row.lane, row.record_count, row.state) for row in rig.objects("klines")]
    assert described == [(RUN, "repair", 1_000, "landed")] * 2
    assert rig.load().quarantined == []
    assert stored(rig) == rig.truth("BTCUSDT", window.start_ms, window.end_ms)


def test_neither_watermark_nor_wanted_history_moves(rig: Rig) -> None:
    rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    fetch_from(rig).chunk(minutes_before_now(100))
    rig.load()
    assert rig.watermark() is None
    [row] = rig.rows(series)
    assert (row.wanted_from, row.record_count) == (None, 100)


def test_live_fetching_goes_on_from_its_own_watermark(rig: Rig) -> None:
    rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    process = rig.start(lookback_days=1)
    process.extraction.run_once()
    rig.clock.advance(HOUR_MS)
    fetch_from(rig, process.exchange).chunk(Window(MINUTE_START_MS + 30 * MINUTE_MS, NOW_MS + HOUR_MS))
    assert process.extraction.run_once().candles == 60
    rig.load()
    assert stored(rig) == rig.truth("BTCUSDT", MINUTE_START_MS - DAY_MS, MINUTE_START_MS + HOUR_MS)


@pytest.mark.parametrize("interval", ["5m", "1h", "1d", "3d", "1w", "1M"])
def test_every_interval_is_fetched_whole(rig: Rig, interval: str) -> None:
    key = SeriesKey("binance", "BTCUSDT", Interval(interval))
    end_ms = key.interval.floor(NOW_MS - 10 * DAY_MS)
    window = Window(end_ms - 200 * DAY_MS if interval == "1M" else end_ms - 20 * DAY_MS, end_ms)
    fetch = fetch_from(rig)
    for chunk in plan_chunks(key.interval, window):
        assert fetch.chunk(chunk, key).missing == []
    rig.load()
    table = fact_klines_coarse if key.interval.is_coarse else fact_klines
    assert stored(rig, table) == rig.truth("BTCUSDT", window.start_ms, window.end_ms, key.interval)


def test_requests_go_out_in_the_lane_of_the_run(rig: Rig) -> None:
    exchange = Scripted([MINUTE_START_MS - MINUTE_MS])
    fetch_from(rig, exchange).chunk(minutes_before_now(1), lane=Lane.REPAIR)
    assert (exchange.lanes, current_lane()) == ([Lane.REPAIR], Lane.LIVE)


# --- where it ends ---


def test_forming_candle_ends_it_and_is_never_landed(rig: Rig) -> None:
    fetch = fetch_from(rig)
    ahead = Window(MINUTE_START_MS - 10 * MINUTE_MS, MINUTE_START_MS + 10 * MINUTE_MS)
    assert fetch.chunk(ahead) == ChunkReport(10, 1, missing=[], reached_forming=True)
    rig.load()
    assert stored(rig) == rig.truth("BTCUSDT", ahead.start_ms, MINUTE_START_MS)


def test_window_in_the_future_has_nothing_and_misses_nothing(rig: Rig) -> None:
    fetch = fetch_from(rig)
    ahead = Window(MINUTE_START_MS + HOUR_MS, MINUTE_START_MS + 2 * HOUR_MS)
    assert fetch.chunk(ahead) == ChunkReport(0, 1, missing=[], reached_forming=True)
    assert (fetch.pages, rig.objects("klines")) == ([], [])


def test_hole_at_the_exchange_is_reported_as_missing(rig: Rig) -> None:
    hole = minutes_before_now(299, 219)
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=-5h,minutes=80")
    report = fetch_from(rig).chunk(minutes_before_now(600))
    assert report == ChunkReport(520, 1, missing=[hole], reached_forming=False)


def test_window_before_the_listing_is_missing_as_a_whole(rig: Rig) -> None:
    rig.simulator.change_market("listing:symbol=BTCUSDT,from=-3h")
    fetch = fetch_from(rig)
    before = Window(MINUTE_START_MS - 2 * DAY_MS, MINUTE_START_MS - DAY_MS)
    assert fetch.chunk(before) == ChunkReport(0, 1, missing=[before], reached_forming=False)
    assert fetch.chunk(minutes_before_now(600)).missing == [minutes_before_now(600, 180)]
    assert rig.objects("klines")[0].record_count == 180


def test_series_that_ends_within_the_chunk_takes_one_empty_page_more(rig: Rig) -> None:
    rig.simulator.change_market("delisting:symbol=BTCUSDT,from=-5h")
    report = fetch_from(rig).chunk(minutes_before_now(600))
    assert report == ChunkReport(301, 2, missing=[minutes_before_now(299)], reached_forming=False)


def test_stop_after_a_page_leaves_what_has_landed(rig: Rig) -> None:
    fetch = fetch_from(rig)

    def stop(_: PageReport) -> None:
        raise Stopped("cancelled")

    with pytest.raises(Stopped):
        fetch.fetcher.fetch_chunk(BTC, WEEK, Lane.HISTORY, RUN, stop)
    assert len(rig.asked("klines")) == 1
    rig.load()
    assert len(stored(rig)) == 1_000


# --- pages at once ---


def test_pages_asked_for_at_once_are_those_asked_for_one_by_one(rig: Rig) -> None:
    report = fetch_from(rig).chunk(WEEK)
    one_by_one = asked_windows(rig)
    rig.simulator.clear_requests()
    fetch = fetch_from(rig, helpers=3)
    assert fetch.chunk(WEEK) == report
    assert sorted(asked_windows(rig)) == one_by_one
    assert sum(page.candles for page in fetch.pages) == 10_080
    rig.load()
    assert stored(rig) == rig.truth("BTCUSDT", WEEK.start_ms, WEEK.end_ms)


def test_page_is_in_the_catalog_when_it_is_told_of(rig: Rig) -> None:
    fetch, catalogued = fetch_from(rig, helpers=3), []

    def look(_: PageReport) -> None:
        catalogued.append(len(rig.objects("klines")))

    fetch.fetcher.fetch_chunk(BTC, WEEK, Lane.HISTORY, RUN, look)
    assert all(there >= told for told, there in enumerate(catalogued, 1))
    assert catalogued[-1] == 11


def test_pages_that_land_meanwhile_go_into_one_transaction(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch, sizes = fetch_from(rig, helpers=3), []
    catalogue_pages = fetch.landing.catalogue_pages

    def wait_for_the_others(pages: Sequence[NewObject]) -> None:
        sizes.append(len(pages))
        if len(sizes) == 2:  # the first page of a chunk is fetched alone, the next ones at once
            wait_until(lambda: len(list(rig.lake.list_keys(Bucket.RAW))) == 5)
        catalogue_pages(pages)

    monkeypatch.setattr(fetch.landing, "catalogue_pages", wait_for_the_others)
    fetch.chunk(WEEK)
    assert (sum(sizes), sizes[0]) == (11, 1)
    assert sum(sizes[1:3]) >= 4


def test_no_page_is_asked_for_after_a_block_before_it_is_over(rig: Rig) -> None:
    rig.simulator.add_fault("429:path=klines,after=2,count=1,retry_after=60")
    fetch = fetch_from(rig, helpers=3)
    assert fetch.patiently(WEEK) == ChunkReport(10_080, 11, missing=[], reached_forming=False)
    assert sum(row.record_count for row in rig.objects("klines")) == 10_080
    [blocked] = [one for one in rig.simulator.requests if one.status == 429]
    assert blocked.retry_after_s == 60
    # Three at most were on their way when it was answered.
    soon = [one for one in rig.simulator.requests if 0 <= one.at_ms - blocked.at_ms < 60_000]
    assert len([one for one in soon if one.n > blocked.n]) <= 3
    rig.load()
    assert stored(rig) == rig.truth("BTCUSDT", WEEK.start_ms, WEEK.end_ms)


def test_stop_ends_the_requests_of_helpers(rig: Rig) -> None:
    rig.simulator.add_fault("slow:path=klines,after=1,delay=15")
    fetch, stop = fetch_from(rig, helpers=3), Stop()
    threading.Timer(0.5, stop.set).start()
    started = time.monotonic()
    with stopping_by(stop), pytest.raises(Stopped):
        fetch.chunk(WEEK)
    assert time.monotonic() - started < 10
    assert len(rig.objects("klines")) == len(fetch.pages) == 1


def test_future_is_not_cut_into_pages(rig: Rig) -> None:
    ahead = Window(MINUTE_START_MS - DAY_MS, MINUTE_START_MS + 6 * DAY_MS)
    report = fetch_from(rig, helpers=3).chunk(ahead)
    assert report == ChunkReport(1_440, 2, missing=[], reached_forming=True)


def test_hole_longer_than_a_page_is_missing_as_a_whole(rig: Rig) -> None:
    rig.simulator.change_market("hole:symbol=BTCUSDT,from=-3d,minutes=2500")
    start_ms = MINUTE_START_MS - 3 * DAY_MS
    hole = Window(start_ms, start_ms + 2_500 * MINUTE_MS)
    chunk = Window(MINUTE_START_MS - 5 * DAY_MS, MINUTE_START_MS - HOUR_MS)
    report = fetch_from(rig, helpers=3).chunk(chunk)
    assert [(gap.end_ms - gap.start_ms) // MINUTE_MS for gap in report.missing] == [2_500]
    assert abs(report.missing[0].start_ms - hole.start_ms) <= MINUTE_MS
    assert report.candles == 5 * 1_440 - 60 - 2_500


# --- odd answers ---


@pytest.mark.parametrize("outside", [-1, 10], ids=["before", "behind"])
def test_page_with_nothing_of_the_chunk_ends_it_and_is_not_landed(rig: Rig, outside: int) -> None:
    chunk = minutes_before_now(20, 10)
    nothing_of_it = [chunk.start_ms + outside * MINUTE_MS]
    exchange = Scripted(*[nothing_of_it] * 9)
    fetch = fetch_from(rig, exchange)
    assert fetch.chunk(chunk) == ChunkReport(0, 1, missing=[chunk], reached_forming=False)
    assert (fetch.pages, rig.objects("klines")) == ([], [])


def test_candles_outside_the_chunk_are_not_counted(rig: Rig) -> None:
    chunk = minutes_before_now(20, 18)
    exchange = Scripted([chunk.start_ms + minute * MINUTE_MS for minute in range(-1, 3)])
    fetch = fetch_from(rig, exchange)
    assert fetch.chunk(chunk) == ChunkReport(2, 1, missing=[], reached_forming=False)
    assert fetch.pages == [PageReport(2, chunk.end_ms - MINUTE_MS)]


def test_same_page_again_and_again_ends_the_chunk(rig: Rig) -> None:
    """An exchange that ignores where the page should begin must not be asked for ever."""
    chunk = minutes_before_now(20, 10)
    exchange = Scripted(*[[chunk.start_ms]] * 9)
    assert fetch_from(rig, exchange).chunk(chunk).candles == 1
    assert exchange.starts == [chunk.start_ms, chunk.start_ms + 1]


def test_no_candle_off_the_grid_is_lost_between_two_pages(rig: Rig) -> None:
    chunk = minutes_before_now(3)
    off_grid = [chunk.start_ms + shift for shift in (30_000, 60_000, 59_999 + 60_000, 120_500)]
    report = fetch_from(rig, Scripted(*([open_ms] for open_ms in off_grid))).chunk(chunk)
    assert (report.candles, report.missing) == (4, [])


# --- when something is away ---


def test_block_passes_through_and_what_came_before_has_landed(rig: Rig) -> None:
    rig.simulator.add_fault("429:path=klines,after=2,count=1,retry_after=60")
    fetch = fetch_from(rig)
    with pytest.raises(SourceBlocked):
        fetch.chunk(WEEK)
    assert len(rig.objects("klines")) == len(fetch.pages) == 2


def test_block_is_waited_out_where_someone_hears_of_it_and_no_page_is_asked_for_twice(rig: Rig) -> None:
    rig.simulator.add_fault("429:path=klines,after=2,count=1,retry_after=60")
    fetch = fetch_from(rig)
    assert fetch.patiently(WEEK) == ChunkReport(10_080, 11, missing=[], reached_forming=False)
    assert len(asked_windows(rig)) == 12
    assert len(set(asked_windows(rig))) == 11
    assert len(fetch.pages) == 11
    assert (fetch.waits[0] or "").startswith("binance asked us to wait until ")
    assert fetch.waits[1:] == [None]


def test_refusal_passes_through(rig: Rig) -> None:
    nobody = SeriesKey("binance", "NOBODYUSDT", Interval.M1)
    with pytest.raises(SourcePermanent, match="NOBODYUSDT"):
        fetch_from(rig).chunk(minutes_before_now(10), nobody)


def test_nothing_is_asked_for_while_the_lake_is_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LakeUnavailable("the disk is gone")

    fetch = fetch_from(rig)
    with monkeypatch.context() as away:
        for name in ("put_new", "ensure_buckets"):
            away.setattr(rig.lake, name, fail)
        with pytest.raises(LakeUnavailable, match="the disk is gone"):
            fetch.chunk(minutes_before_now(10))
        rig.simulator.clear_requests()
        with pytest.raises(LakeUnavailable, match="nothing is lost"):
            fetch.chunk(minutes_before_now(10))
        assert rig.asked("klines") == []
    assert fetch.chunk(minutes_before_now(10)).candles == 10


def test_page_that_the_warehouse_did_not_take_is_catalogued_when_it_is_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise WarehouseUnavailable("it is down")

    fetch = fetch_from(rig)
    fetch.chunk(minutes_before_now(20, 10))
    with monkeypatch.context() as away:
        away.setattr("src.extract.landing.record_landed", fail)
        with pytest.raises(WarehouseUnavailable):
            fetch.chunk(minutes_before_now(10))
    assert len(rig.objects("klines")) == 1
    assert fetch.chunk(Window(MINUTE_START_MS, MINUTE_START_MS)).requests == 0
    assert [(row.run_id, row.record_count) for row in rig.objects("klines")] == [(RUN, 10)] * 2


def test_two_threads_that_recover_at_once_lose_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise WarehouseUnavailable("it is down")

    fetch = fetch_from(rig)
    with monkeypatch.context() as away:
        away.setattr("src.extract.landing.record_landed", fail)
        away.setattr(fetch.landing, "check_stores", lambda: None)
        for _ in range(2):
            with pytest.raises(WarehouseUnavailable):
                fetch.chunk(minutes_before_now(10))
    run = rig.warehouse.run

    def run_while_another_recovers(work: Any) -> Any:
        monkeypatch.setattr(rig.warehouse, "run", run)
        other = threading.Thread(target=fetch.landing.recover)
        other.start()
        other.join(20)
        return run(work)

    monkeypatch.setattr(rig.warehouse, "run", run_while_another_recovers)
    fetch.landing.recover()
    assert len(rig.objects("klines")) == 2


# --- a disk that is nearly full ---


def on_a_full_disk(rig: Rig, looks: int) -> Fetch:
    """Return a fetcher that finds no room so often, before the disk has room again."""
    answers = iter(["disk of /data: 1.0 GB free"] * looks)
    landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
    exchange = rig.start().exchange
    return Fetch(WindowFetcher(exchange, landing, rig.clock, lambda: next(answers, None)), landing)


def test_history_waits_while_the_disk_is_nearly_full(rig: Rig) -> None:
    fetch = on_a_full_disk(rig, 3)
    report = fetch.patiently(WEEK)
    assert report.candles == 7 * 24 * 60
    assert fetch.waits == ["disk of /data: 1.0 GB free"] * 3 + [None]


def test_repairs_on_a_full_disk_ask_the_exchange_for_nothing(rig: Rig) -> None:
    fetch = on_a_full_disk(rig, 1)
    with pytest.raises(NoRoom, match="disk of /data"):
        fetch.chunk(WEEK, lane=Lane.REPAIR)
    assert fetch.pages == []
