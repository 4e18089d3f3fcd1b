"""How runs are drawn: all that matters fits into 80 columns, and nothing claims more than is known."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from src.commands.fill_views import fill_text
from src.commands.follow_views import NOBODY, Sight, change_lines, end_view, live_view, summary_line
from src.commands.run_details import RunDetails, details_json, run_view
from src.commands.run_export import write_csv, write_json
from src.commands.run_views import (
    COLUMNS,
    children_table,
    not_failed_text,
    rate_text,
    retried_text,
    run_json,
    runs_table,
    share_text,
    state_text,
    what_text,
)
from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey
from src.terminal import to_text
from src.warehouse.run_progress import Event
from src.warehouse.run_states import Retried
from src.warehouse.runs import BATCH, RunRow, RunState
from tests.builders import CAPTURED_MS, DAY_START_MS
from tests.run_builders import DAY, make_row

QUEUED, RUNNING, PAUSED, SUCCEEDED, PARTLY_FAILED, FAILED, CANCELLED = RunState
NOW_MS = CAPTURED_MS + 3 * HOUR_MS
ERROR: dict[str, Any] = {
    "what": "binance: [no] answer – „weg“",
    "series": "binance:BTCUSDT:1m",
    "window": ["2026-01-09T00:00:00.000Z", "2026-01-10T00:00:00.000Z"],
    "todo": "nothing is lost; a retry goes on where it stopped",
}
FAILED_ROW = make_row(state=FAILED, error=ERROR, error_kind="transient", traceback="Traceback …\n  boom\n")


def make_batch(**changes: Any) -> RunRow:
    parameters = {"kind": "fetch_window", "symbols": 10, "intervals": ["1m", "1h"]}
    whole = {
        "id": 1,
        "kind": BATCH,
        "series": None,
        "parameters": parameters,
        "total": 2_880,
        "expected": 2_880,
    }
    return make_row(**{**whole, **changes})


def make_sight(run: RunRow, *active: RunRow, **changes: Any) -> Sight:
    counts = Counter(one.state for one in active)
    return replace(Sight(run, counts, active, (), {}, is_led=True, now_ms=NOW_MS), **changes)


def lines_of(what: RenderableType, width: int = 120) -> list[str]:
    return [line.rstrip() for line in to_text(what, width).splitlines()]


def words(line: str) -> list[str]:
    return line.split()


# --- words ---


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (make_row(), "fetch BTCUSDT 1m"),
        (make_batch(), "fetch 10 symbols × 2 intervals"),
        (
            make_batch(parameters={"kind": "fetch_window", "symbols": 1, "intervals": ["1h"]}),
            "fetch 1 symbol × 1h",
        ),
        (make_batch(series=SeriesKey("binance", "ETHUSDT", Interval.D1)), "fetch ETHUSDT 1d"),
        (make_batch(parameters={}), "batch"),
        (make_row(series=None, kind="cycle", job_id="cycle"), "cycle"),
        (make_row(series=None, kind="transform"), "transform"),
    ],
)
def test_what_a_run_is_about_is_said_in_words(run: RunRow, told: str) -> None:
    assert what_text(run) == told


@pytest.mark.parametrize(
    ("state", "told", "style"),
    [
        (QUEUED, "queued", "dim"),
        (RUNNING, "running", "cyan"),
        (PAUSED, "paused", "yellow"),
        (SUCCEEDED, "succeeded", "green"),
        (PARTLY_FAILED, "partly failed", "yellow"),
        (FAILED, "failed", "red"),
        (CANCELLED, "cancelled", "dim"),
    ],
)
def test_each_state_has_its_word_and_colour(state: RunState, told: str, style: str) -> None:
    assert state_text(make_row(state=state)) == Text(told, style=style)


def test_run_asked_to_stop_is_on_its_way() -> None:
    assert state_text(make_row(wish="cancel")).plain == "cancelling"
    assert state_text(make_row(wish="pause")).plain == "pausing"
    assert state_text(make_row(wish="pause", state=SUCCEEDED)).plain == "succeeded"


@pytest.mark.parametrize(
    ("done", "total", "told"),
    [
        (0, 10, "0 %"),
        (1_439, 1_440, "99 %"),
        (1_440, 1_440, "100 %"),
        (1_500, 1_440, "100 %"),
        (5, None, "-"),
    ],
)
def test_share_is_never_whole_before_all_is_done(done: int, total: int | None, told: str) -> None:
    assert share_text(make_row(done=done, total=total)) == told


def test_retry_says_what_it_did_and_why_not_more() -> None:
    assert retried_text(Retried([1, 2, 3], [], [])) == "retried 3"
    assert retried_text(Retried([1, 2, 3], [12], [14, 15])) == (
        "retried 3, skipped for attempts 1: 12, failed for good 2: 14 15 "
        "(why: ./candlehouse runs show ID; --force tries them too)"
    )


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (QUEUED, "run 7 is queued: it begins when its turn comes"),
        (RUNNING, "run 7 is running: ./candlehouse runs follow 7 watches it"),
        (PAUSED, "run 7 is paused: ./candlehouse runs resume 7 goes on with it"),
        (SUCCEEDED, "run 7 has succeeded: there is nothing to try again"),
        (CANCELLED, "run 7 is cancelled: ./candlehouse runs resume 7 goes on with it"),
        (FAILED, None),
        (PARTLY_FAILED, None),
    ],
)
def test_run_that_has_not_failed_says_what_to_do_in_place_of_a_retry(
    state: RunState, told: str | None
) -> None:
    assert not_failed_text(make_row(state=state)) == told


# --- the list ---


def test_list_says_on_a_line_how_each_run_stands() -> None:
    rows = [make_row(), make_row(id=6, state=SUCCEEDED, done=1_440, fetched=1_439, attempt=2)]
    heading, running, ended = lines_of(runs_table(rows, NOW_MS, 120))
    assert words(heading) == words("run what state done fetched left age rate try asked by")
    assert words(running) == words("7 fetch BTCUSDT 1m running 50 % 720 2 s 3 h 360/s 1 anna@pi")
    assert words(ended) == words("6 fetch BTCUSDT 1m succeeded 100 % 1,439 - 3 h - 2 anna@pi")


@pytest.mark.parametrize("width", [80, 120])
def test_list_fits_whatever_it_lists(width: int) -> None:
    widest = make_batch(
        id=123_456,
        state=PARTLY_FAILED,
        parameters={"kind": "fetch_window", "symbols": 500, "intervals": ["1m", "1h"]},
        fetched=123_456_789,
        rate=123_456.0,
        time_left_ms=99 * HOUR_MS,
        requested_by="somebody-with-a-long-name@a-host-with-a-long-name",
    )
    lines = lines_of(runs_table([widest, make_row(), widest], NOW_MS, width), width)
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    for told in ("123456", "fetch 500 symbols", "partly failed", "25 %", "123,456,789", "3 h"):
        assert told in lines[1], lines[1]


def test_list_of_nothing_is_a_heading() -> None:
    assert len(lines_of(runs_table([], NOW_MS, 80), 80)) == 1


def test_children_are_listed_with_what_hinders_them() -> None:
    failed = replace(FAILED_ROW, id=8, fetched=0, done=0)
    waiting = make_row(
        id=9, waiting_for="the exchange: 58 s to go", series=SeriesKey("binance", "E", Interval.H1)
    )
    lines = lines_of(children_table([make_row(), failed, waiting]))
    assert words(lines[0]) == words("run series state done fetched expected left error or wait")
    assert words(lines[1]) == words("7 BTCUSDT 1m running 50 % 720 1,440 2 s")
    assert "failed" in lines[2]
    assert lines[2].endswith(ERROR["what"])
    assert lines[3].endswith("the exchange: 58 s to go")
    assert words(lines[3])[6:9] == ["720", "1,440", "-"]


# --- one run ---


def details(run: RunRow, children: Sequence[RunRow] = (), events: Sequence[Event] = ()) -> RunDetails:
    return RunDetails(run, children, events)


def fields_of(run: RunRow, **shown: Any) -> dict[str, str]:
    """Return the lines of a run's view by the words with which they begin."""
    lines = lines_of(run_view(details(run), NOW_MS, **shown))
    return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in lines if "  " in line}


def test_running_run_is_shown_with_all_that_is_known() -> None:
    run = make_row(
        parent_id=5, attempt=3, fruitless=2, steps={"fetch": "done", "load": "running"}, time_limit_s=7200
    )
    fields = fields_of(run)
    assert fields == {
        "run 7": "fetch BTCUSDT 1m  running",
        "window (UTC)": "2026-01-09 00:00 – 2026-01-10 00:00",
        "done": "50 %, 720 of 1,440 candles",
        "fetched": "720 (50.00 % of the 1,440 expected)",
        "loaded": "500",
        "chunks": "0 of 1",
        "rate": "360/s",
        "time left": "2 s",
        "at": "binance:BTCUSDT:1m 2026-01-09 11:59",
        "steps": "fetch done, load running",
        "asked by": "anna@pi, manual, lane history",
        "batch": "5",
        "attempt": "3, 2 of 3 without progress",
        "time limit": "2 h",
        "asked at (UTC)": "2026-03-31 23:33:20",
        "started": "2026-03-31 23:33:21",
        "worker": "process 4711 on host pi",
        "last sign of life": "2026-03-31 23:33:23",
    }


def test_ended_run_shows_no_rate_and_how_long_it_took() -> None:
    result = {"fetched": 1_440}
    ended = make_row(state=SUCCEEDED, finished_ms=CAPTURED_MS + 61_000, result=result, parameters={"a": 1})
    fields = fields_of(ended)
    assert fields["ended"] == "2026-03-31 23:34:21 (60 s)"
    assert (fields["result"], fields["parameters"], fields["attempt"]) == (
        '{"fetched": 1440}',
        '{"a": 1}',
        "1",
    )
    assert {"rate", "time left", "at", "waiting for", "last sign of life"} & set(fields) == set()


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1234.4, "1,234/s"), (9.96, "10/s"), (1.25, "1.2/s"), (2 / 60, "2/min"), (3 / 3600, "3/h")],
)
def test_slow_work_is_told_by_the_minute_or_the_hour(rate: float, text: str) -> None:
    assert rate_text(make_row(state=RUNNING, rate=rate, waiting_for=None)) == text


def test_job_that_counts_nothing_shows_no_empty_fields() -> None:
    bare = make_row(kind="cycle", job_id="cycle", series=None, window=None, total=None, expected=None, done=0)
    fields = fields_of(
        replace(bare, fetched=0, loaded=0, batches_total=None, current_series=None, current_open_ms=None)
    )
    assert fields["job"] == "cycle"
    assert {"window (UTC)", "done", "fetched", "loaded", "chunks", "at"} & set(fields) == set()


def test_failed_run_says_what_failed_where_and_what_to_do() -> None:
    text = to_text(run_view(details(FAILED_ROW), NOW_MS), 120)
    assert "binance: [no] answer – „weg“\nseries binance:BTCUSDT:1m" in text
    assert "window 2026-01-09T00:00:00.000Z – 2026-01-10T00:00:00.000Z" in text
    assert "→ nothing is lost; a retry goes on where it stopped\n→ ./candlehouse runs retry 7\n" in text


def test_run_that_used_up_its_attempts_needs_force_and_one_failed_for_good_nothing() -> None:
    spent = replace(FAILED_ROW, fruitless=3, attempt_limit=3)
    assert "→ ./candlehouse runs retry 7 --force\n" in to_text(run_view(details(spent), NOW_MS), 120)
    lost = replace(FAILED_ROW, error_kind="permanent")
    assert "runs retry" not in to_text(run_view(details(lost), NOW_MS), 120)


def test_traceback_is_shown_when_it_is_asked_for() -> None:
    hidden = to_text(run_view(details(FAILED_ROW), NOW_MS), 120)
    assert "boom" not in hidden
    assert "./candlehouse runs show 7 --traceback" in hidden
    shown = to_text(run_view(details(FAILED_ROW), NOW_MS, traceback=True), 120)
    assert "Traceback …\n  boom" in shown
    assert "--traceback" not in shown


def test_missing_windows_are_shown_the_first_and_how_many() -> None:
    missing = [(DAY_START_MS + n * HOUR_MS, DAY_START_MS + n * HOUR_MS + 60_000) for n in range(7)]
    text = to_text(run_view(details(make_row(missing=missing)), NOW_MS), 120)
    assert "the exchange has nothing for 7 windows (UTC)\n  2026-01-09 00:00 – 2026-01-09 00:01" in text
    assert text.count("2026-01-09 0") == 1 + 2 * 5  # that of the run, and both ends of five
    assert "and 2 more: --json lists them" in text


def test_batch_is_shown_with_its_runs_and_its_story() -> None:
    events = [Event(NOW_MS, "partly_failed", "ended"), Event(NOW_MS, "asked", "retry asked for by anna@pi")]
    lines = lines_of(run_view(details(make_batch(), [make_row(), FAILED_ROW], events), NOW_MS))
    assert any(line.startswith("run  series") for line in lines)
    assert words(lines[-2]) == words("2026-04-01 02:33:20 partly failed ended")
    assert lines[-1].endswith("asked          retry asked for by anna@pi")


@pytest.mark.parametrize("width", [80, 120])
def test_details_never_run_out_of_the_line(width: int) -> None:
    long_error = {**ERROR, "what": "x" * 300}
    run = replace(
        FAILED_ROW, error=long_error, parameters={"text": "y" * 200}, missing=[(DAY.start_ms, DAY.end_ms)]
    )
    view = run_view(details(make_batch(), [run], [Event(NOW_MS, "failed", "z " * 200)]), NOW_MS)
    assert max(map(len, lines_of(view, width))) <= width
    assert max(map(len, lines_of(run_view(details(run), NOW_MS), width))) <= width


# --- for programs ---


def test_json_is_flat_and_names_its_units() -> None:
    told = run_json(make_row(steps={"fetch": "done"}, missing=[(1, 2)]))
    assert tuple(told) == COLUMNS
    assert json.loads(json.dumps(told))["state"] == "running"
    assert (told["exchange"], told["symbol"], told["interval"]) == ("binance", "BTCUSDT", "1m")
    assert (told["window_start_ms"], told["window_end_ms"]) == (DAY_START_MS, DAY_START_MS + DAY_MS)
    assert (told["share_received"], told["steps"], told["missing"]) == (0.5, {"fetch": "done"}, [(1, 2)])
    bare = run_json(make_row(series=None, window=None, expected=None))
    assert (bare["symbol"], bare["window_start_ms"], bare["share_received"]) == (None, None, None)


def test_details_for_programs_hold_children_and_events() -> None:
    told = details_json(details(make_batch(), [FAILED_ROW], [Event(5, "asked", "retry")]))
    assert told["id"] == 1
    assert [(child["id"], child["error"]) for child in told["children"]] == [(7, ERROR)]
    assert told["events"] == [{"at_ms": 5, "kind": "asked", "message": "retry"}]


def test_csv_has_a_heading_and_a_line_for_each_run() -> None:
    out = io.StringIO()
    write_csv([[FAILED_ROW], [make_row(id=6), make_row(id=5)]], out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert tuple(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == ["7", "6", "5"]
    assert (rows[0]["state"], rows[0]["symbol"], rows[0]["rate"]) == ("failed", "BTCUSDT", "360.0")
    assert json.loads(rows[0]["error"]) == ERROR
    assert rows[1]["error"] == ""


def test_json_export_is_one_array_of_any_number_of_pages() -> None:
    for pages in ([], [[make_row()]], [[make_row(), make_row(id=6)], [make_row(id=5)]]):
        out = io.StringIO()
        write_json(pages, out)
        assert [row["id"] for row in json.loads(out.getvalue())] == [run.id for page in pages for run in page]


def test_csv_of_nothing_is_a_heading() -> None:
    out = io.StringIO()
    write_csv([], out)
    assert out.getvalue() == ",".join(COLUMNS) + "\n"


# --- followed: bars ---


def test_bars_show_each_run_and_the_whole() -> None:
    batch = make_batch(done=2_160, fetched=2_150, rate=1_234.5, time_left_ms=130_000)
    eth = SeriesKey("binance", "ETHUSDT", Interval.M1)
    sight = make_sight(
        batch, make_row(), make_row(id=8, series=eth, state=SUCCEEDED, done=1_440, fetched=1_440)
    )
    lines = lines_of(live_view(sight, 120, 40))
    assert lines[0] == "run 1  fetch 10 symbols × 2 intervals  running"
    assert [line.split()[0] for line in lines[2:5]] == ["BTCUSDT", "ETHUSDT", "total"]
    assert lines[2].split()[-6:] == ["50", "%", "720", "360/s", "2", "s"]
    assert lines[3].split()[-5:] == ["100", "%", "1,440", "-", "succeeded"]
    assert lines[4].split()[-6:] == ["75", "%", "2,150", "1,234/s", "2", "min"]
    assert (
        lines[4].count("━") + lines[4].count("╸") == 23
    )  # three quarters of the bar, in what has no colours
    assert lines[5] == "1 running, 1 succeeded"
    assert len(lines) == 6


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 24), (80, 10), (200, 60)])
def test_bars_fit_the_terminal(width: int, height: int) -> None:
    children = [
        make_row(
            id=10 + n,
            series=SeriesKey("binance", f"SYMBOLWITHLONGNAM{n:03}", Interval.M1),
            state=RUNNING if n % 2 else SUCCEEDED,
            fetched=123_456_789,
            rate=123_456.0,
            time_left_ms=99 * HOUR_MS,
            waiting_for=f"text of {n} that is longer than the terminal is wide " * 5,
        )
        for n in range(50)
    ]
    sight = make_sight(make_batch(fetched=1_234_567_890), *children, is_led=False)
    lines = lines_of(live_view(sight, width, height), width)
    assert len(lines) < max(height, 13)
    assert max(map(len, lines)) <= width
    bars = [line for line in lines if line.startswith("SYMBOL")]
    assert len(bars) >= 3
    if len(bars) <= 25:  # those that work have the first claim to the room
        assert all("succeeded" not in line for line in bars)
    assert f"and {50 - len(bars)} more" in lines or len(bars) == 50


def test_last_picture_counts_all_that_it_leaves_out() -> None:
    ended = [make_row(id=n, state=SUCCEEDED) for n in (8, 9)]
    sight = make_sight(make_batch(), *ended, counts=Counter({SUCCEEDED: 14}))
    assert not any("more" in line for line in lines_of(live_view(sight, 80, 24), 80))
    last = replace(sight, run=make_batch(state=SUCCEEDED))
    assert "and 12 more" in lines_of(live_view(last, 80, 24), 80)
    bare = replace(last, active=())
    assert not any("more" in line for line in lines_of(live_view(bare, 80, 24), 80))


def test_run_that_waits_has_no_rate() -> None:
    waiting = make_row(waiting_for="the exchange: 58 s to go")
    assert words(lines_of(live_view(make_sight(waiting), 80, 24), 80)[2])[-2:] == ["-", "-"]
    assert {"rate", "time left"} & set(fields_of(waiting)) == set()


def test_single_run_has_one_bar() -> None:
    lines = lines_of(live_view(make_sight(make_row()), 80, 24), 80)
    assert [line.split()[0] for line in lines if line] == ["run", "BTCUSDT"]


def test_what_is_waited_for_is_said_once() -> None:
    waiting = "binance asked us to wait until 05:22:01 UTC"
    children = [make_row(id=n, waiting_for=waiting) for n in (7, 8, 9)]
    ended = make_row(id=10, waiting_for="nothing any more", state=CANCELLED)
    lines = lines_of(live_view(make_sight(make_batch(), *children, ended), 80, 24), 80)
    assert lines.count(f"waiting: {waiting}") == 1
    assert not any("nothing any more" in line for line in lines)


def test_it_is_said_when_nobody_executes_runs() -> None:
    assert NOBODY in lines_of(live_view(make_sight(make_batch(state=QUEUED), is_led=False), 120, 24))
    assert NOBODY not in lines_of(live_view(make_sight(make_batch(state=SUCCEEDED), is_led=False), 120, 24))


def test_paused_run_says_how_it_goes_on() -> None:
    lines = lines_of(live_view(make_sight(make_row(state=PAUSED), is_led=False), 80, 24), 80)
    assert lines[-1] == "paused: ./candlehouse runs resume 7 lets it go on"


def test_bar_of_an_unknown_total_is_empty() -> None:
    run = make_row(total=None, done=5, time_left_ms=None)
    [line] = lines_of(live_view(make_sight(run), 80, 24), 80)[2:]
    assert words(line) == ["BTCUSDT", "1m", "-", "720", "360/s", "-"]


def test_bars_take_the_colours_of_the_states() -> None:
    console = Console(width=80, color_system="standard", force_terminal=True)
    with console.capture() as capture:
        console.print(live_view(make_sight(make_batch(), make_row(), FAILED_ROW), 80, 24))
    assert "\x1b[36m━" in capture.get()  # cyan
    assert "\x1b[31m━" in capture.get()  # red


# --- followed: lines ---


def test_each_change_is_a_line_with_the_error_of_what_failed() -> None:
    began = make_row(id=8)
    before = {8: QUEUED, 7: RUNNING}
    lines = change_lines(make_sight(make_batch(), changed=[began, FAILED_ROW], before=before))
    assert lines == [
        "02:33:20  run 8 fetch BTCUSDT 1m: queued → running",
        "02:33:20  run 7 fetch BTCUSDT 1m: running → failed: binance: [no] answer – „weg“",
    ]


def test_summary_says_how_far_it_is() -> None:
    run = make_batch(done=720, rate=360.4, time_left_ms=130_000)
    sight = make_sight(run, make_row(), make_row(id=8, state=FAILED))
    assert summary_line(sight) == (
        "02:33:20  run 1: running 25 %, 720 of 2,880 candles, 360/s, 2 min left, 1 running, 1 failed"
    )
    assert summary_line(make_sight(make_row(waiting_for="the exchange"))) == (
        "02:33:20  run 7: running 50 %, 720 of 1,440 candles; waiting: the exchange"
    )


def test_summary_of_what_is_not_counted_yet_has_no_empty_value() -> None:
    run = make_row(state=QUEUED, total=None, done=0, fetched=0, expected=None)
    assert summary_line(make_sight(run)) == "02:33:20  run 7: queued"


def test_summary_of_what_nobody_executes_promises_no_end() -> None:
    assert summary_line(make_sight(make_row(), is_led=False)) == (
        f"02:33:20  run 7: running 50 %, 720 of 1,440 candles; {NOBODY}"
    )


# --- followed: the end ---


def test_end_says_how_much_came_of_it() -> None:
    run = make_batch(state=SUCCEEDED, fetched=2_870, loaded=2_870, finished_ms=CAPTURED_MS + 181_000)
    assert to_text(end_view(make_sight(run)), 120) == (
        "run 1 succeeded after 3 min: 2,870 of 2,880 candles fetched, 2,870 loaded"
    )


FILLED = {
    "gaps_healed": 0,
    "gaps_asked": 3,
    "gaps_filled": 1,
    "gaps_empty": 1,
    "gaps_partly_empty": 1,
    "ends_asked": 0,
    "reloaded": 5_025,
    "candles": 707,
}


def test_fill_says_what_came_of_it_and_what_its_bound_bounds() -> None:
    told = (
        "3 gaps asked, 1 filled, 1 had nothing there, 1 had only a part; "
        "5,025 candles reloaded from the lake, 707 fetched, with those held between gaps"
    )
    run = make_row(
        kind="fill_gaps", state=SUCCEEDED, result=FILLED, parameters={"max_gaps": 5}, expected=None
    )
    assert to_text(end_view(make_sight(run)), 200).endswith(f": {told}")
    shown = to_text(run_view(details(run), NOW_MS), 200)
    assert '{"max_gaps": 5}; max_gaps bounds asking, not reloading' in shown
    assert told in shown


def test_fill_of_nothing_says_so() -> None:
    assert fill_text(dict.fromkeys(FILLED, 0)) == "no gap was due"


def test_end_of_a_failed_batch_says_which_and_what_to_do() -> None:
    failed = [replace(FAILED_ROW, id=number) for number in range(10, 17)]
    text = to_text(end_view(make_sight(make_batch(state=PARTLY_FAILED), failed=failed)), 120)
    assert "run 1 partly failed" in text
    assert text.count(ERROR["what"]) == 5
    assert "and 2 more: ./candlehouse runs show 1" in text
    assert "→ ./candlehouse runs retry 1 tries those again that failed" in text


def test_end_of_a_batch_whose_attempts_are_used_up_offers_force() -> None:
    failed = [replace(FAILED_ROW, fruitless=3, attempt_limit=3)]
    text = to_text(end_view(make_sight(make_batch(state=PARTLY_FAILED), failed=failed)), 120)
    assert "→ ./candlehouse runs retry 1 --force tries those again that failed" in text


def test_end_of_a_cancelled_run_says_how_it_goes_on() -> None:
    text = to_text(end_view(make_sight(make_row(state=CANCELLED))), 120)
    assert "→ ./candlehouse runs resume 7 goes on where it stopped" in text
