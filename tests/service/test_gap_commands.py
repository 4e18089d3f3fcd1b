"""``gaps`` on the command line: what it shows, looks for, queues and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.domain import Interval, Lane, SeriesKey, Window
from src.warehouse.coverage import Addition, extend_coverage
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.gaps import Evidence, GapReason, GapRow, GapState, GapWrites, write_gaps
from src.warehouse.runs import RunFilter, list_runs
from src.warehouse.series import SeriesRow, list_series, set_tracked, want_from
from tests.unit.test_cli import environment, fail, succeed, succeed_json  # noqa: F401  environment is a fixture

pytestmark = pytest.mark.usefixtures("environment")

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
T0, MINUTE_MS = 1_767_916_800_000, 60_000


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Return the warehouse that the commands work on, with one tracked series."""
    succeed("migrate")
    opened = open_warehouse(f"sqlite:///{tmp_path}/data/warehouse.db")
    opened.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    yield opened
    opened.close()


def series_row(warehouse: Warehouse) -> SeriesRow:
    with warehouse.read() as connection:
        [row] = list_series(connection)
    return row


def add_gap(warehouse: Warehouse, length: int = 80, **changes: object) -> None:
    values: dict[str, object] = {"detected_ms": T0 + 3_600_000, **changes}
    window = Window(T0, T0 + length * MINUTE_MS)
    row = GapRow(0, series_row(warehouse).id, window, length, **values)  # type: ignore[arg-type]
    warehouse.run(lambda connection: write_gaps(connection, GapWrites(added=[row])))


def test_list_shows_open_gaps_with_state_and_reason(warehouse: Warehouse) -> None:
    assert succeed("gaps", "list") == "no gaps\n"
    add_gap(warehouse, hint="spot trading was suspended")
    heading, line, *_ = succeed("gaps", "list").splitlines()
    assert heading.split() == ["gap", "series", "window", "(UTC)", "missing", "state", "why", "asked"]
    assert line.split()[:10] == [
        "1", "BTCUSDT", "1m", "2026-01-09", "00:00", "–", "2026-01-09", "01:20", "80", "detected",
    ]  # fmt: skip
    assert "not fetched" in line
    assert line.endswith("never")
    assert succeed_json("gaps", "list", "--symbol", "ETHUSDT") == []
    assert succeed_json("gaps", "list", "--state", "filled") == []
    [told] = succeed_json("gaps", "list", "--symbol", "btcusdt", "--state", "detected")
    assert (told["id"], told["start_ms"], told["end_ms"], told["missing"]) == (1, T0, T0 + 4_800_000, 80)


def test_show_names_the_answers_that_prove_it_empty(warehouse: Warehouse) -> None:
    window = Window(T0, T0 + 80 * MINUTE_MS)
    proofs = tuple(Evidence(f"2026-01-09/BTCUSDT_klines_{n}.json", window, T0 + n) for n in (1, 2))
    reason = GapReason.NOTHING_THERE
    add_gap(
        warehouse,
        state=GapState.EMPTY_AT_EXCHANGE,
        reason=reason,
        evidence=proofs,
        attempts=2,
        attempted_ms=T0,
    )
    text = succeed("gaps", "show", "1")
    assert "empty at exchange" in text
    assert "asked (UTC)" in text
    assert all(proof.key in text for proof in proofs)
    assert "nothing there" in text
    evidence = succeed_json("gaps", "show", "1")["evidence"]
    assert [one["key"] for one in evidence] == [proof.key for proof in proofs]


def test_address_of_a_file_is_shown_whole_on_a_line_of_its_own(warehouse: Warehouse) -> None:
    address = "https://data.example/" + "x" * 200
    add_gap(warehouse, file_hint=address)
    assert succeed("gaps", "show", "1").splitlines()[-2:] == ["file that would fill it", address]


@pytest.mark.parametrize(
    ("address", "last"),
    [
        ("https://data.example/daily/klines/BTCUSDT-1m-2026-01-09.zip", "2026-01-11"),
        ("https://data.example/monthly/klines/BTCUSDT-1m-2025-12.zip", "2026-01"),
    ],
)
def test_gap_that_one_file_does_not_fill_says_up_to_when_they_go_on(
    warehouse: Warehouse, address: str, last: str
) -> None:
    add_gap(warehouse, length=3 * 1440, file_hint=address)
    assert succeed("gaps", "show", "1").splitlines()[-2:] == [address, f"and those after it, up to {last}"]


@pytest.mark.parametrize("state", [GapState.FILLED, GapState.EMPTY_AT_EXCHANGE])
def test_no_file_is_named_where_nothing_is_to_be_filled(warehouse: Warehouse, state: GapState) -> None:
    add_gap(warehouse, state=state, file_hint="https://data.example/file.zip")
    assert "file" not in succeed("gaps", "show", "1").replace("filled", "")
    assert succeed_json("gaps", "show", "1")["file_hint"] is None


def test_in_a_pipe_each_gap_is_one_line_without_blanks_at_its_end(warehouse: Warehouse) -> None:
    hint = "an outage that took very many words to tell of, " * 5 + "and then was over"
    add_gap(warehouse, state=GapState.FILLED, reason=GapReason.FACTS_LOST, hint=hint)
    lines = succeed("gaps", "list", "--state", "filled").splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(f"its facts were lost: {hint}  never")
    shown = succeed("gaps", "show", "1").splitlines()
    assert all(line == line.rstrip() for line in lines + shown)


def test_unknown_gap_and_state_are_refused(warehouse: Warehouse) -> None:
    assert "there is no gap 7: ./candlehouse gaps list" in fail(1, "gaps", "show", "7")
    assert "--state lost: accepted are detected, filling" in fail(2, "gaps", "list", "--state", "lost")
    assert "not tracked: DOGEUSDT" in fail(2, "gaps", "check", "DOGEUSDT")
    assert "either the ids" in fail(2, "gaps", "fill", "1", "--symbols", "BTCUSDT")


def test_check_finds_what_is_missing_now(warehouse: Warehouse) -> None:
    import numpy as np

    row = series_row(warehouse)
    opens = np.array([T0 + minute * MINUTE_MS for minute in range(50) if minute not in {20, 21}])

    def work(connection: object) -> None:
        want_from(connection, BTC, T0)  # type: ignore[arg-type]
        extend_coverage(connection, [Addition(row, opens)])  # type: ignore[arg-type]

    warehouse.run(work)
    assert "no gaps" in succeed("gaps", "check", "btcusdt")  # older than candles are kept
    succeed("settings", "set", "keep_days", "0")
    text = succeed("gaps", "check", "btcusdt")
    looked, gaps, lag = text.split("; ")
    assert looked == "looked at 1 series: 1 new, 0 filled, 0 open again"
    assert gaps == "1 gap with 2 missing candles"
    assert lag.endswith(" candles lag at the ends\n")
    told = succeed_json("gaps", "check")
    assert (told["detected"], told["open"], told["missing"]) == (0, 1, 2)


def test_fill_queues_a_run_of_the_repair_lane(warehouse: Warehouse) -> None:
    told = succeed_json("gaps", "fill", "3", "4", "--max-gaps", "5", "--detach")
    with warehouse.read() as connection:
        [run] = list_runs(connection, RunFilter())
    assert (run.id, run.kind, run.lane) == (told["run_id"], "fill_gaps", Lane.REPAIR)
    asked = {"symbols": [], "intervals": [], "ids": [3, 4], "lookback_days": None, "max_gaps": 5}
    assert run.parameters == asked
