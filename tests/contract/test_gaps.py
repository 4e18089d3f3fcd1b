"""Gaps as rows, on each engine: found in what is wanted and held, cut, filled, opened again, explained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from src.domain import DAY_MS, MINUTE_MS, DataType, Interval, SeriesKey, Window
from src.maintenance.gap_answers import take_answers
from src.maintenance.gaps import GapChanges, detect_gaps
from src.maintenance.outages import Outage
from src.warehouse.catalog import record_landed
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.evidence import LOST
from src.warehouse.gaps import (
    Evidence,
    GapFilter,
    GapReason,
    GapRow,
    GapState,
    claim_gaps,
    fail_gap,
    get_gap,
    list_gaps,
    release_gaps,
)
from src.warehouse.ledger_tables import coverage_ranges, gaps
from src.warehouse.run_tables import runs
from src.warehouse.schema import migrate
from src.warehouse.series import list_series, set_tracked
from src.warehouse.symbols import Lifetime, SymbolRow, save_lifetime, upsert_symbols
from src.warehouse.tables import lake_objects, quarantined_rows, series, symbols
from tests import servers
from tests.builders import make_kline, make_object
from tests.run_builders import claim, queue

T0 = 1_767_916_800_000
END_MIN = 1000
NOW_MS = T0 + END_MIN * MINUTE_MS + 30_000
BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)
MONTHS = SeriesKey("binance", "BTCUSDT", Interval.MO1)
XBT = SeriesKey("kraken", "XBTUSD", Interval.M1)

Pair = tuple[int, int]


@pytest.fixture(scope="module", params=["sqlite", "mariadb", "mysql"])
def _migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """Give a warehouse made once for each engine: such tests are many and small."""
    if request.param == "sqlite":
        with _open(f"sqlite:///{tmp_path_factory.mktemp('gaps')}/warehouse.db") as opened:
            yield opened
        return
    server: servers.DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    with servers.fresh_database(server) as name, _open(server.url(name)) as opened:
        yield opened


@contextmanager
def _open(url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(url)
    try:
        migrate(opened)
        yield opened
    finally:
        opened.close()


@pytest.fixture
def warehouse(_migrated: Warehouse) -> Warehouse:
    with _migrated.write() as connection:
        for table in (coverage_ranges, gaps, series, symbols, lake_objects, quarantined_rows, runs):
            connection.execute(table.delete())
    return _migrated


def minutes(first: int, end: int) -> Window:
    return Window(T0 + first * MINUTE_MS, T0 + end * MINUTE_MS)


def want(warehouse: Warehouse, *keys: SeriesKey, start_ms: int = T0) -> None:
    """Track these series and want them from then on."""

    def work(connection: Any) -> None:
        set_tracked(connection, keys, tracked=True)
        names = [key.symbol for key in keys]
        connection.execute(series.update().where(series.c.symbol.in_(names)).values(wanted_from=start_ms))

    warehouse.run(work)


def id_of(warehouse: Warehouse, key: SeriesKey) -> int:
    with warehouse.read() as connection:
        return next(row.id for row in list_series(connection, tracked_only=False) if row.key == key)


def hold(warehouse: Warehouse, *pairs: Pair, key: SeriesKey = BTC) -> None:
    """Let the ledger hold these minutes and nothing else."""
    hold_windows(warehouse, [minutes(*pair) for pair in pairs], key)


def hold_windows(warehouse: Warehouse, windows: Sequence[Window], key: SeriesKey) -> None:
    series_id = id_of(warehouse, key)
    rows = [
        {
            "series_id": series_id,
            "start_time": window.start_ms,
            "end_time": window.end_ms,
            "source": "api",
            "record_count": 1,
        }
        for window in windows
    ]

    def work(connection: Any) -> None:
        connection.execute(coverage_ranges.delete().where(coverage_ranges.c.series_id == series_id))
        connection.execute(coverage_ranges.insert(), rows)

    warehouse.run(work)


def detect(warehouse: Warehouse, now_ms: int = NOW_MS, **options: Any) -> GapChanges:
    return warehouse.run(lambda connection: detect_gaps(connection, now_ms, **options))


def rows_of(warehouse: Warehouse, **wanted: Any) -> list[GapRow]:
    """Return the gaps, oldest first."""
    with warehouse.read() as connection:
        return list_gaps(connection, GapFilter(**wanted))[::-1]


def told(warehouse: Warehouse, key: SeriesKey = BTC) -> list[tuple[int, int, str]]:
    return [
        ((row.window.start_ms - T0) // MINUTE_MS, (row.window.end_ms - T0) // MINUTE_MS, row.state.value)
        for row in rows_of(warehouse, series_ids=[id_of(warehouse, key)])
    ]


# --- finding ---


def test_start_and_inside_are_gaps_and_the_end_is_lag(warehouse: Warehouse) -> None:
    want(warehouse, BTC, ETH)
    hold(warehouse, (10, 20), (21, 500))
    hold(warehouse, (0, END_MIN), key=ETH)
    changes = detect(warehouse)
    assert told(warehouse) == [(0, 10, "detected"), (20, 21, "detected")]
    assert told(warehouse, ETH) == []
    assert (changes.detected, changes.open, changes.missing) == (2, 2, 11)
    [lag] = changes.lags
    assert (lag.row.key, lag.window, lag.follows_gap) == (BTC, minutes(500, END_MIN), False)
    [first, _] = rows_of(warehouse)
    assert (first.missing, first.detected_ms, first.attempts, first.evidence) == (10, NOW_MS, 0, ())


def test_second_look_changes_nothing(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (10, 20), (21, END_MIN))
    detect(warehouse)
    before = rows_of(warehouse)
    changes = detect(warehouse, NOW_MS + 1)
    assert (changes.detected, changes.filled, changes.reopened, changes.open) == (0, 0, 0, 2)
    assert rows_of(warehouse) == before


def test_series_that_holds_nothing_lags_as_a_whole(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    [lag] = detect(warehouse).lags
    assert (lag.window, told(warehouse)) == (minutes(0, END_MIN), [])


def test_what_is_not_wanted_is_no_gap(warehouse: Warehouse) -> None:
    want(warehouse, BTC, ETH)
    hold(warehouse, (100, 200), (210, 300))
    hold(warehouse, (100, END_MIN), key=ETH)
    about = SymbolRow("binance", "BTCUSDT", "BREAK", "BTC", "USDT", None, None)
    lifetime = Lifetime(T0 + 50 * MINUTE_MS + 1, T0 + 310 * MINUTE_MS)

    def work(connection: Any) -> None:
        upsert_symbols(connection, [about], NOW_MS)
        save_lifetime(connection, "binance", "BTCUSDT", lifetime)
        set_tracked(connection, [ETH], tracked=False)

    warehouse.run(work)
    [lag] = detect(warehouse).lags
    assert told(warehouse) == [(50, 100, "detected"), (200, 210, "detected")]
    assert told(warehouse, ETH) == []
    assert lag.window == minutes(300, 310)


def test_months_are_missed_as_months(warehouse: Warehouse) -> None:
    starts = [1_735_689_600_000]
    while len(starts) < 13:
        starts.append(Interval.MO1.next(starts[-1]))
    want(warehouse, MONTHS, start_ms=starts[0])
    hold_windows(warehouse, [Window(starts[0], starts[3]), Window(starts[5], starts[12])], MONTHS)
    detect(warehouse, starts[12])
    [row] = rows_of(warehouse)
    assert (row.window, row.missing) == (Window(starts[3], starts[5]), 2)


def test_only_the_series_named_are_looked_at(warehouse: Warehouse) -> None:
    want(warehouse, BTC, ETH)
    for key in (BTC, ETH):
        hold(warehouse, (10, END_MIN), key=key)
    detect(warehouse, series=[ETH])
    assert (told(warehouse), told(warehouse, ETH)) == ([], [(0, 10, "detected")])


def test_what_was_held_until_now_is_a_gap_wherever_it_lies(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, 900))
    lost = {id_of(warehouse, BTC): [minutes(100, 105), minutes(900, 950)]}
    [lag] = detect(warehouse, series=[BTC], lost=lost).lags
    assert (lag.window, lag.follows_gap) == (minutes(950, END_MIN), True)
    assert told(warehouse) == [(100, 110, "detected"), (900, 950, "detected")]
    assert {row.reason for row in rows_of(warehouse)} == {GapReason.FACTS_LOST}
    detect(warehouse, series=[BTC])
    assert {row.reason for row in rows_of(warehouse)} == {GapReason.FACTS_LOST}


def test_series_that_lack_nothing_are_counted_and_not_looked_at(warehouse: Warehouse) -> None:
    month_ms = Interval.MO1.floor(NOW_MS)
    want(warehouse, BTC, MONTHS, ETH, start_ms=T0)
    hold(warehouse, (0, END_MIN))
    hold_windows(warehouse, [Window(month_ms, T0 + 999 * MINUTE_MS)], MONTHS)
    hold(warehouse, (0, END_MIN - 1), key=ETH)
    changes = detect(warehouse)
    assert (changes.looked_at, [row.key for row in changes.series.values()]) == (3, [ETH])
    hold(warehouse, (0, 500), (501, END_MIN))
    detect(warehouse)
    hold(warehouse, (0, END_MIN))
    assert detect(warehouse).filled == 1


# --- changing ---


def test_gap_that_is_filled_in_part_is_split(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (50, END_MIN))
    detect(warehouse)
    [gap] = rows_of(warehouse)
    hold(warehouse, (10, 20), (50, END_MIN))
    assert detect(warehouse, NOW_MS + 1).filled == 1
    assert told(warehouse) == [(0, 10, "detected"), (10, 20, "filled"), (20, 50, "detected")]
    rows = rows_of(warehouse)
    assert [row.detected_ms for row in rows] == [NOW_MS] * 3
    assert (rows[0].id, rows[1].filled_ms) == (gap.id, NOW_MS + 1)
    hold(warehouse, (0, END_MIN))
    assert detect(warehouse, NOW_MS + 2).filled == 2
    assert {state for _, _, state in told(warehouse)} == {"filled"}


def test_filled_gap_that_is_missing_again_is_a_gap_again(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (200, END_MIN))
    detect(warehouse)
    hold(warehouse, (0, END_MIN))
    detect(warehouse)
    hold(warehouse, (0, 90), (110, 120), (130, END_MIN))
    changes = detect(warehouse, NOW_MS + 1)
    assert told(warehouse) == [
        (90, 110, "detected"),
        (110, 120, "filled"),
        (120, 130, "detected"),
        (130, 200, "filled"),
    ]
    assert (changes.detected, changes.missing) == (2, 30)


def test_gap_nobody_asked_for_grows_in_place(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, 300))
    detect(warehouse)
    [gap] = rows_of(warehouse)
    hold(warehouse, (0, 100), (120, 300))
    detect(warehouse)
    assert told(warehouse) == [(100, 120, "detected")]
    assert rows_of(warehouse)[0].id == gap.id


def test_gap_that_aged_out_is_forgotten(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (10, END_MIN))
    detect(warehouse)
    hold(warehouse, (20, END_MIN))
    later_ms = T0 + 5 * DAY_MS
    detect(warehouse, later_ms, keep_days=2)
    assert told(warehouse) == []


# --- answers ---


def land_answer(warehouse: Warehouse, number: int) -> str:
    described = make_object("BTCUSDT", [], NOW_MS + number).described()
    warehouse.run(lambda connection: record_landed(connection, described))
    return described.key


def answer(warehouse: Warehouse, number: int, window: Window, asked_ms: int, *, begins: bool = False) -> str:
    key = land_answer(warehouse, number)
    with warehouse.read() as connection:
        [row] = [row for row in list_series(connection) if row.key == BTC]
    evidence = [Evidence(key, window, asked_ms)]
    warehouse.run(lambda c: take_answers(c, row, evidence, asked_ms, 7, begins=begins))
    return key


def test_two_answers_close_a_gap_and_both_are_named(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, END_MIN))
    detect(warehouse)
    keys = [answer(warehouse, n, minutes(0, 500), NOW_MS + n * 3_600_000) for n in (0, 1)]
    assert told(warehouse) == [(100, 110, "empty_at_exchange")]
    detect(warehouse)
    [gap] = rows_of(warehouse)
    assert [one.key for one in gap.evidence] == keys
    assert gap.ask_again_ms == NOW_MS + 3_600_000 + DAY_MS


@pytest.mark.parametrize("how", ["deleted", "without a row", "lost"])
def test_closed_gap_opens_when_an_answer_is_gone(warehouse: Warehouse, how: str) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, END_MIN))
    detect(warehouse)
    keys = [answer(warehouse, n, minutes(100, 110), NOW_MS + n * 3_600_000) for n in (0, 1)]
    is_it = lake_objects.c.object_key == keys[0]
    delete = lake_objects.delete().where(is_it)
    forget = lake_objects.update().where(is_it).values(state="deleted")
    lose = lake_objects.update().where(is_it).values(state="loaded", error=LOST)
    statement = {"deleted": forget, "without a row": delete, "lost": lose}[how]
    warehouse.run(lambda c: c.execute(statement))
    assert detect(warehouse).reopened == 1
    [gap] = rows_of(warehouse)
    assert (gap.state, [one.key for one in gap.evidence]) == (GapState.DETECTED, keys[1:])


def test_answer_about_what_is_held_begins_no_gap(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 500))
    answer(warehouse, 0, minutes(400, 600), NOW_MS)
    assert told(warehouse) == []
    answer(warehouse, 1, minutes(500, END_MIN), NOW_MS, begins=True)
    assert told(warehouse) == [(500, END_MIN, "detected")]
    assert detect(warehouse, NOW_MS + DAY_MS).lags[0].follows_gap


def test_answer_and_look_at_once_leave_what_one_after_the_other_leaves(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (100, END_MIN))
    detect(warehouse)
    hold(warehouse, (0, 30), (100, END_MIN))
    with ThreadPoolExecutor(1) as threads:
        with warehouse.write() as connection:
            detect_gaps(connection, NOW_MS)
            other = threads.submit(answer, warehouse, 0, minutes(50, 100), NOW_MS)
            wait([other], timeout=0.7)
            assert not other.done()
        other.result(30)
    detect(warehouse)
    assert told(warehouse) == [(0, 30, "filled"), (30, 50, "detected"), (50, 100, "detected")]
    assert [len(gap.evidence) for gap in rows_of(warehouse)] == [0, 0, 1]


# --- runs ---


def test_gap_is_taken_by_one_run_and_given_back_when_that_has_ended(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, END_MIN))
    detect(warehouse)
    [gap] = rows_of(warehouse)
    ids = [queue(warehouse), queue(warehouse)]
    for run_id in ids:
        claim(warehouse, run_id)
    took = [warehouse.run(lambda c, r=r: claim_gaps(c, [gap.id], r, NOW_MS)) for r in ids]  # type: ignore[misc]
    assert took == [{gap.id}, set()]
    detect(warehouse)
    assert told(warehouse) == [(100, 110, "filling")]
    assert warehouse.run(lambda c: release_gaps(c, ids[1])) == 0
    assert warehouse.run(lambda c: release_gaps(c, ids[0])) == 1
    warehouse.run(lambda c: claim_gaps(c, [gap.id], 999_999, NOW_MS))
    detect(warehouse)
    [after] = rows_of(warehouse)
    assert (after.state, after.attempts, after.attempted_ms) == (GapState.DETECTED, 2, NOW_MS)


def test_failed_gap_says_why_and_when_it_is_tried_again(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, END_MIN))
    detect(warehouse)
    [gap] = rows_of(warehouse)
    run_id = queue(warehouse)
    warehouse.run(lambda c: claim_gaps(c, [gap.id], run_id, NOW_MS))
    warehouse.run(lambda c: fail_gap(c, gap.id, "status 503", NOW_MS + 5))
    detect(warehouse)
    with warehouse.read() as connection:
        after = get_gap(connection, gap.id)
    assert (after.state, after.error, after.ask_again_ms) == (GapState.FAILED, "status 503", NOW_MS + 5)


# --- reasons ---


def test_reason_is_the_nearest_that_is_known(warehouse: Warehouse) -> None:
    want(warehouse, BTC)
    hold(warehouse, (0, 100), (110, 200), (210, 300), (310, 400), (410, END_MIN))
    bad = make_kline(T0 + 105 * MINUTE_MS)
    lost = make_object("BTCUSDT", [make_kline(T0 + m * MINUTE_MS) for m in range(200, 205)]).described()

    def work(connection: Any) -> None:
        record_landed(connection, lost)
        values = {"first_open_time": T0 + 200 * MINUTE_MS, "last_open_time": T0 + 204 * MINUTE_MS}
        connection.execute(lake_objects.update().values(state="deleted", **values))
        [object_id] = connection.scalars(select(lake_objects.c.id))
        for index, raw in enumerate([json.dumps(bad), "[]", "not a row"]):
            connection.execute(
                quarantined_rows.insert().values(
                    object_id=object_id,
                    row_index=index,
                    exchange="binance",
                    symbol="BTCUSDT",
                    interval_code="1m",
                    reason="low above high",
                    raw=raw,
                )
            )

    warehouse.run(work)
    outages = [Outage("binance", minutes(302, 308), "a known one")]
    detect(warehouse, outages=outages)
    assert lost.data_type is DataType.KLINES
    assert [(row.reason, row.hint) for row in rows_of(warehouse)] == [
        (GapReason.QUARANTINED, None),
        (GapReason.OBJECT_LOST, None),
        (GapReason.OUTAGE, "a known one"),
        (GapReason.NOT_FETCHED, None),
    ]


def test_gap_beyond_reach_is_unfillable_until_a_file_fills_it(warehouse: Warehouse) -> None:
    want(warehouse, XBT)
    hold(warehouse, (0, 100), (110, 275), (285, END_MIN), key=XBT)
    detect(warehouse)
    old, half = rows_of(warehouse)
    assert (old.state, old.reason, old.beyond_reach) == (GapState.UNFILLABLE, GapReason.BEYOND_REACH, 10)
    assert old.file_hint == "XBTUSD_1.csv of Kraken's downloadable OHLCVT history"
    assert (half.state, half.reason, half.beyond_reach) == (GapState.DETECTED, GapReason.BEYOND_REACH, 5)
    hold(warehouse, (0, 275), (285, END_MIN), key=XBT)
    detect(warehouse)
    assert told(warehouse, XBT)[0] == (100, 110, "filled")


def test_gaps_of_many_series_are_found_at_once(warehouse: Warehouse) -> None:
    keys = [SeriesKey("binance", f"SIM{n:04d}USDT", Interval.M1) for n in range(600)]
    want(warehouse, *keys)
    with warehouse.read() as connection:
        ids = [row.id for row in list_series(connection)]
    ranges = [
        {
            "series_id": one,
            "start_time": T0 + first * MINUTE_MS,
            "end_time": T0 + end * MINUTE_MS,
            "source": "api",
            "record_count": end - first,
        }
        for one in ids
        for first, end in ((0, 500), (501, END_MIN))
    ]
    warehouse.run(lambda connection: connection.execute(coverage_ranges.insert(), ranges))
    changes = detect(warehouse)
    assert (len(changes.series), changes.detected, changes.missing) == (600, 600, 600)
    assert {row.window for row in rows_of(warehouse)} == {minutes(500, 501)}
    assert sorted(row.series_id for row in rows_of(warehouse)) == sorted(ids)
