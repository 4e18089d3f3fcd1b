"""The fault dial: its grammar, whom a fault meets and how often."""

from __future__ import annotations

import orjson
import pytest

from src.simulator.acting import act_out
from src.simulator.fault_dial import FaultDial
from src.simulator.faults import Fault, FaultKind, build_fault, parse_fault
from src.simulator.grammar import SpecError
from src.simulator.wire import NO_ANSWER, Answer, Request, error_answer, json_answer

KLINES = Request("GET", "/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"})
DEPTH = Request("GET", "/api/v3/depth", {"symbol": "ETHUSDT"})


def dial_with(*specs: str) -> FaultDial:
    dial = FaultDial(seed=1)
    for spec in specs:
        dial.add(parse_fault(spec), at_ms=0)
    return dial


def kinds(dial: FaultDial, request: Request, calls: int, now_ms: int = 0) -> list[str]:
    picked = [dial.pick(request, now_ms) for _ in range(calls)]
    return [fault.kind.value if fault else "" for fault in picked]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("429:retry_after=2,count=3", Fault(FaultKind.TOO_MANY_REQUESTS, retry_after=2, count=3)),
        ("418", Fault(FaultKind.BANNED, retry_after=120)),
        ("451:symbol=BTCUSDT", Fault(FaultKind.RESTRICTED, symbol="BTCUSDT")),
        ("5xx:status=503, path=klines", Fault(FaultKind.SERVER_ERROR, status=503, path="klines")),
        ("server_error:code=-1007", Fault(FaultKind.SERVER_ERROR, code=-1007)),
        ("html:status=403,path=/api/v3/depth", Fault(FaultKind.HTML_BODY, status=403, path="depth")),
        ("html_body", Fault(FaultKind.HTML_BODY, status=502)),
        ("truncated:after=4,seconds=1.5", Fault(FaultKind.TRUNCATED_JSON, after=4, seconds=1.5)),
        ("region", Fault(FaultKind.REGION, status=403)),
        ("drop:share=0.5,client=demo", Fault(FaultKind.DROP, share=0.5, client="demo")),
        ("half_open", Fault(FaultKind.HALF_OPEN, delay=60)),
        ("empty:path=depth", Fault(FaultKind.EMPTY, path="depth")),
        ("duplicate_rows:rows=7", Fault(FaultKind.DUPLICATE_ROWS, rows=7)),
        ("microseconds:count=1", Fault(FaultKind.MICROSECONDS, count=1)),
        ("slow:delay=0.25,probability=0.1", Fault(FaultKind.SLOW, delay=0.25, probability=0.1)),
    ],
)
def test_spec_is_read(spec: str, fault: Fault) -> None:
    assert parse_fault(spec) == fault


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("", "unknown fault ''; known are 429, 418"),
        ("430", "unknown fault '430'"),
        ("429:count", "'count' is not written key=value"),
        ("429:count=", "'count=' is not written key=value"),
        ("429:count=1,count=2", "count is given twice"),
        ("429:delay=1", "unknown delay; accepted are path, symbol, client, count"),
        ("429:count=0", "count is '0', must be a whole number from 1"),
        ("429:retry_after=1.5", "retry_after is '1.5', must be a whole number"),
        ("slow:probability=2", "probability is '2', must be a number from 0 to 1"),
        ("slow:delay=nan", "delay is 'nan'"),
        ("5xx:status=200", "status is '200', must be a whole number from 400 to 599"),
        ("drop:share=1", "share is '1', must be a number from 0 to 0.999"),
        ("duplicate_rows:path=depth", "path 'depth' is none of klines"),
        ("microseconds:path=ping", "path 'ping' is none of time, klines"),
        ("429:path=ticker", "path 'ticker' is none of ping, time, exchangeInfo, klines, depth"),
    ],
)
def test_wrong_spec_says_what_is_accepted(spec: str, complaint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_fault(spec)
    assert complaint in str(caught.value)


def test_json_and_spec_mean_the_same() -> None:
    fields = {"count": 3, "retry_after": 2, "symbol": None}
    assert build_fault("too_many_requests", fields) == parse_fault("429:count=3,retry_after=2")


def test_fault_meets_only_its_path_and_symbol() -> None:
    dial = dial_with("5xx:path=klines,symbol=BTCUSDT")
    assert kinds(dial, KLINES, 1) == ["server_error"]
    assert kinds(dial, DEPTH, 1) == [""]
    assert kinds(dial, Request("GET", "/api/v3/klines", {"symbol": "ETHUSDT"}), 1) == [""]


def test_fault_meets_only_its_client() -> None:
    dial = dial_with("451:client=candlehouse")
    ours = Request("GET", "/api/v3/ping", user_agent="candlehouse/1.0", port=40_000)
    assert kinds(dial, ours, 1) == ["restricted"]
    assert kinds(dial, KLINES, 1) == [""]
    by_address = dial_with("451:client=127.0.0.1:40000")
    assert kinds(by_address, ours, 1) == ["restricted"]


@pytest.mark.parametrize("kind", ["empty", "duplicate_rows", "microseconds"])
def test_fault_of_data_passes_by_what_has_no_such_data(kind: str) -> None:
    dial = dial_with(f"{kind}:count=1")
    assert kinds(dial, Request("GET", "/api/v3/exchangeInfo"), 1) == [""]
    assert kinds(dial, KLINES, 2) == [kind, ""]


def test_fault_waits_for_its_time() -> None:
    dial = FaultDial(seed=1)
    dial.add(parse_fault("429:seconds=2"), at_ms=1_000)
    assert [kinds(dial, KLINES, 1, now_ms)[0] for now_ms in (999, 1_000, 2_999, 3_000)] == [
        "",
        *["too_many_requests"] * 2,
        "",
    ]
    assert dial.describe(0)[0]["at_ms"] == 1_000


def test_count_and_after_choose_which_calls() -> None:
    dial = dial_with("429:after=2,count=2")
    assert kinds(dial, KLINES, 6) == ["", "", "too_many_requests", "too_many_requests", "", ""]


def test_seconds_end_by_the_simulators_clock() -> None:
    dial = dial_with("429:seconds=2")
    assert kinds(dial, KLINES, 1, now_ms=1_999) == ["too_many_requests"]
    assert kinds(dial, KLINES, 1, now_ms=2_000) == [""]


def test_probability_is_seeded_and_about_right() -> None:
    drawn = kinds(dial_with("slow:probability=0.3"), KLINES, 1000)
    assert drawn == kinds(dial_with("slow:probability=0.3"), KLINES, 1000)
    assert 250 < drawn.count("slow") < 350


def test_first_fault_that_applies_happens() -> None:
    dial = dial_with("429:count=1", "418:count=1")
    assert kinds(dial, KLINES, 3) == ["too_many_requests", "banned", ""]


def test_dial_tells_what_happened_and_can_be_cleared() -> None:
    dial = dial_with("429:count=1", "slow:path=depth")
    dial.pick(KLINES, 0)
    first, second = dial.describe(0)
    assert (first["id"], first["kind"], first["happened"], first["spent"]) == (
        1,
        "too_many_requests",
        1,
        True,
    )
    assert (second["id"], second["delay"], second["happened"], second["spent"]) == (2, 1.0, 0, False)
    assert dial.clear([1]) == 1
    assert [fault["id"] for fault in dial.describe(0)] == [2]
    assert dial.clear() == 1
    assert dial.describe(0) == []


def acted(
    spec: str, waits: list[float] | None = None, content: object = ([1, "2.0"],), request: Request = KLINES
) -> Answer:
    waited: list[float] = [] if waits is None else waits
    return act_out(parse_fault(spec), request, lambda _: json_answer(content), waited.append, now_ms=5_000)


def test_blocks_bear_retry_after_and_binance_code() -> None:
    too_many, banned = acted("429:retry_after=7"), acted("418:retry_after=300")
    assert (too_many.status, too_many.retry_after_s) == (429, 7)
    assert (banned.status, banned.retry_after_s) == (418, 300)
    assert orjson.loads(too_many.body)["code"] == -1003
    assert orjson.loads(banned.body)["msg"].endswith("IP banned until 305000.")


def test_server_errors_bear_their_code_and_region_block_is_451() -> None:
    failed = acted("5xx:status=504,code=-1007")
    assert failed.status == 504
    assert orjson.loads(failed.body)["msg"].startswith("Timeout waiting for response from backend server")
    refused = acted("451")
    assert refused.status == 451
    assert orjson.loads(refused.body)["code"] == 0


def test_html_body_is_no_json() -> None:
    answer = acted("html:status=403")
    assert (answer.status, answer.content_type) == (403, "text/html")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.body)


def test_truncated_json_is_the_beginning_of_the_truth() -> None:
    answer = acted("truncated")
    assert answer.status == 200
    assert json_answer([[1, "2.0"]]).body.startswith(answer.body)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.body)


def test_slow_answer_is_true_but_late() -> None:
    waits: list[float] = []
    assert acted("slow:delay=2.5", waits) == json_answer([[1, "2.0"]])
    assert waits == [2.5]


def test_region_block_is_a_page_of_the_network_in_front() -> None:
    answer = acted("region")
    assert (answer.status, answer.content_type) == (403, "text/html")
    assert b"block access from your country" in answer.body


def test_dropped_connection_sends_nothing_or_a_part() -> None:
    assert acted("drop") == NO_ANSWER
    part = acted("drop:share=0.5")
    assert (part.status, part.sent_share) == (200, 0.5)
    assert part.body == json_answer([[1, "2.0"]]).body


def test_half_open_connection_is_bounded() -> None:
    waits: list[float] = []
    assert acted("half_open:delay=9", waits) == NO_ANSWER
    assert waits == [9]


def test_empty_page_has_the_shape_of_a_full_one() -> None:
    assert orjson.loads(acted("empty").body) == []
    book = {"lastUpdateId": 7, "bids": [["1", "2"]], "asks": [["3", "4"]]}
    empty = acted("empty", content=book, request=DEPTH)
    assert orjson.loads(empty.body) == {"lastUpdateId": 7, "bids": [], "asks": []}


def test_rows_are_sent_twice_within_the_limit() -> None:
    rows = [[n] for n in range(8)]
    doubled = orjson.loads(acted("duplicate_rows:rows=3", content=rows).body)
    assert doubled == [[n] for n in (0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7)]
    asked = Request("GET", "/api/v3/klines", {"limit": "8"})
    assert orjson.loads(acted("duplicate_rows:rows=3", content=rows, request=asked).body) == doubled[:8]
    assert orjson.loads(acted("duplicate_rows:rows=9", content=[[1]]).body) == [[1], [1]]
    assert orjson.loads(acted("duplicate_rows", content=[]).body) == []


def test_microseconds_come_unasked() -> None:
    asked: list[bool] = []

    def respond(request: Request) -> Answer:
        asked.append(request.microseconds)
        return json_answer([])

    act_out(parse_fault("microseconds"), KLINES, respond, lambda _: None, now_ms=0)
    assert asked == [True]


def test_refused_request_stays_refused() -> None:
    refusal = error_answer(400, -1121, "Invalid symbol.")
    for spec in ("empty", "duplicate_rows"):
        assert act_out(parse_fault(spec), KLINES, lambda _: refusal, lambda _: None, now_ms=0) == refusal
