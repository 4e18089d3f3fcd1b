"""The simulator over real HTTP: Binance's answers, headers, limits, errors, and its own control paths."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from src.domain import DAY_MS, MINUTE_MS, Interval, Window
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator

# 2026-01-09T14:20:00.123Z
NOW_MS = 1_767_968_400_123
KLINES = {"symbol": "BTCUSDT", "interval": "1m"}


class Client:
    """Calls one simulator over a connection that is kept alive."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.headers["User-Agent"] = "test-client"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(f"{self.simulator.base_url}/api/v3/{path}", params=params, timeout=10)

    def control(self, method: str, path: str, json: Any = None) -> requests.Response:
        return self.session.request(
            method, f"{self.simulator.base_url}/simulator/{path}", json=json, timeout=10
        )


def serve(**config: Any) -> Simulator:
    settings = {"clock": lambda: NOW_MS, **config}
    return Simulator(SimulatorConfig(**settings)).serve_in_thread()


@pytest.fixture
def client() -> Iterator[Client]:
    with serve() as simulator:
        client = Client(simulator)
        yield client
        client.session.close()


def get_error(response: requests.Response) -> tuple[int, int, str]:
    body = response.json()
    assert set(body) == {"code", "msg"}
    return response.status_code, body["code"], body["msg"]


def test_ping_and_time(client: Client) -> None:
    assert client.get("ping").json() == {}
    assert client.get("time").json() == {"serverTime": NOW_MS}


def test_klines_have_binances_shape_and_the_forming_candle_last(client: Client) -> None:
    rows = client.get("klines", **KLINES).json()
    assert len(rows) == 500
    assert rows[-1][0] == Interval.M1.floor(NOW_MS)
    assert rows[-1][6] > NOW_MS
    for row in rows:
        assert [type(cell) for cell in row] == [int, *[str] * 5, int, str, int, str, str, str]
        assert all(len(cell.partition(".")[2]) == 8 for cell in (*row[1:6], row[7], row[9], row[10]))
        assert row[6] == row[0] + MINUTE_MS - 1
        assert row[11] == "0"


def test_limits_of_klines(client: Client) -> None:
    month = {"startTime": NOW_MS - 30 * DAY_MS, "endTime": NOW_MS}
    assert len(client.get("klines", **KLINES, **month).json()) == 500
    assert len(client.get("klines", **KLINES, limit=1000).json()) == 1000
    assert len(client.get("klines", **KLINES, limit=5000).json()) == 1000
    assert len(client.get("klines", **KLINES, limit=1).json()) == 1


def test_pages_give_the_truth(client: Client) -> None:
    start_ms, rows = Interval.M1.floor(NOW_MS) - 2500 * MINUTE_MS, []
    window = Window(start_ms, NOW_MS + 1)
    while page := client.get("klines", **KLINES, startTime=start_ms, limit=1000).json():
        rows += page
        start_ms = page[-1][0] + 1
    assert rows == client.simulator.truth("BTCUSDT", Interval.M1, window)
    assert len(rows) == 2501


def test_minute_and_month_are_told_apart_by_case(client: Client) -> None:
    month = client.get("klines", symbol="BTCUSDT", interval="1M", limit=1).json()[0]
    assert month[0] == Interval.MO1.floor(NOW_MS)
    assert get_error(client.get("klines", symbol="BTCUSDT", interval="1H"))[1] == -1120


def test_microseconds_are_an_option(client: Client) -> None:
    client.session.headers["X-MBX-TIME-UNIT"] = "MICROSECOND"
    row = client.get("klines", **KLINES, limit=1).json()[0]
    assert row[0] == Interval.M1.floor(NOW_MS) * 1000
    assert row[6] == row[0] + MINUTE_MS * 1000 - 1
    assert client.get("time").json() == {"serverTime": NOW_MS * 1000}


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"interval": "1m"}, -1102, "Mandatory parameter 'symbol' was not sent"),
        ({"symbol": "", "interval": "1m"}, -1102, "Mandatory parameter 'symbol'"),
        ({"symbol": "BTCUSDT"}, -1102, "Mandatory parameter 'interval'"),
        ({"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        ({"symbol": "BTCUSDT", "interval": "1s"}, -1120, "no 1s candles"),
        ({"symbol": "NOPEUSDT", "interval": "1m"}, -1121, "Invalid symbol."),
        ({"symbol": "btcusdt", "interval": "1m"}, -1100, "Illegal characters found in parameter 'symbol'"),
        ({**KLINES, "startTime": "soon"}, -1100, "Illegal characters found in parameter 'startTime'"),
        ({**KLINES, "endTime": "-1"}, -1100, "parameter 'endTime'"),
        ({**KLINES, "limit": "ten"}, -1100, "parameter 'limit'"),
        ({**KLINES, "limit": 0}, -1130, "'limit' is not valid"),
        ({**KLINES, "start": 1}, -1104, "read '2' parameter(s) but was sent '3'"),
        ({**KLINES, "limit": [1, 2]}, -1101, "Duplicate values for parameter 'limit'"),
    ],
)
def test_wrong_klines_request_gets_binances_code(
    client: Client, params: dict[str, Any], code: int, message: str
) -> None:
    status, got_code, got_message = get_error(client.get("klines", **params))
    assert (status, got_code) == (400, code)
    assert message in got_message


def test_exchange_info_describes_symbols_and_limits() -> None:
    with serve(symbols=extra_symbols(2), weight_limit=1200) as simulator:
        client = Client(simulator)
        info = client.get("exchangeInfo").json()
        client.session.close()
    assert [symbol["symbol"] for symbol in info["symbols"]] == ["SIM001USDT", "SIM002USDT"]
    first = info["symbols"][0]
    assert (first["status"], first["baseAsset"], first["quoteAsset"]) == ("TRADING", "SIM001", "USDT")
    filters = {entry["filterType"]: entry for entry in first["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.00010000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.01000000"
    assert info["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 1200,
    }
    assert (info["timezone"], info["serverTime"]) == ("UTC", NOW_MS)


def test_exchange_info_of_chosen_symbols(client: Client) -> None:
    one = client.get("exchangeInfo", symbol="ETHUSDT").json()
    two = client.get("exchangeInfo", symbols='["XRPUSDT","BTCUSDT"]').json()
    assert [symbol["symbol"] for symbol in one["symbols"]] == ["ETHUSDT"]
    assert [symbol["symbol"] for symbol in two["symbols"]] == ["XRPUSDT", "BTCUSDT"]
    assert get_error(client.get("exchangeInfo", symbols='["BTCUSDT","NOPE"]'))[1] == -1121
    assert get_error(client.get("exchangeInfo", symbols="BTCUSDT"))[1] == -1100


def test_depth_answers_as_many_levels_as_asked(client: Client) -> None:
    book = client.get("depth", symbol="BTCUSDT").json()
    assert set(book) == {"lastUpdateId", "bids", "asks"}
    assert (len(book["bids"]), len(book["asks"])) == (100, 100)
    assert len(client.get("depth", symbol="BTCUSDT", limit=7).json()["bids"]) == 7
    assert len(client.get("depth", symbol="BTCUSDT", limit=9999).json()["asks"]) == 5000
    close = float(client.get("klines", **KLINES, limit=1).json()[0][4])
    assert abs(float(book["bids"][0][0]) / close - 1) < 0.001


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("ping", {}, 1),
        ("time", {}, 1),
        ("exchangeInfo", {}, 20),
        ("klines", KLINES, 2),
        ("klines", {}, 2),
        ("depth", {"symbol": "BTCUSDT"}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": 100}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": 101}, 25),
        ("depth", {"symbol": "BTCUSDT", "limit": 501}, 50),
        ("depth", {"symbol": "BTCUSDT", "limit": 1001}, 250),
        ("depth", {"symbol": "BTCUSDT", "limit": 99999}, 250),
    ],
)
def test_each_answer_tells_the_used_weight(
    client: Client, path: str, params: dict[str, Any], weight: int
) -> None:
    assert client.get(path, **params).headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
    assert client.get("ping").headers["X-MBX-USED-WEIGHT-1M"] == str(weight + 1)
    assert client.simulator.requests[0].weight == weight


def test_over_the_limit_429_then_418_then_free_again() -> None:
    with serve(weight_limit=4, calls_before_ban=2) as simulator:
        client = Client(simulator)
        answers = [client.get("klines", **KLINES) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 418]
        assert answers[2].headers["X-MBX-USED-WEIGHT-1M"] == "6"
        assert answers[2].headers["Retry-After"] == "60"
        assert answers[4].headers["Retry-After"] == "120"
        assert {answer.json()["code"] for answer in answers[2:]} == {-1003}
        simulator.clock.advance(119_999)
        assert client.get("ping").status_code == 418
        simulator.clock.advance(1)
        # The refused ping of this minute has been counted as well.
        assert client.get("ping").headers["X-MBX-USED-WEIGHT-1M"] == "2"
        client.session.close()


def test_clock_can_be_read_and_set(client: Client) -> None:
    assert client.control("GET", "clock").json() == {"now_ms": NOW_MS, "speed": 1.0, "skew_ms": 0}
    assert client.control("POST", "clock", {"advance_ms": 7}).json()["now_ms"] == NOW_MS + 7
    wish = {"now_ms": 1_600_000_000_000, "speed": 2.5}
    assert client.control("POST", "clock", wish).json() == {**wish, "skew_ms": 0}
    assert client.get("time").json() == {"serverTime": 1_600_000_000_000}
    for wrong in (
        {},
        {"now": 1},
        {"now_ms": "x"},
        {"now_ms": 1.5},
        {"speed": -1},
        {"speed": -1, "skew_ms": 5},
        {"skew_ms": "1s"},
        {"speed": None, "x": 1},
        [1],
    ):
        refused = client.control("POST", "clock", wrong)
        assert (refused.status_code, list(refused.json())) == (400, ["error"])
    assert client.get("time").json() == {"serverTime": 1_600_000_000_000}


def test_clock_can_be_skewed(client: Client) -> None:
    skewed = client.control("POST", "clock", {"skew_ms": -90_000}).json()
    assert skewed == {"now_ms": NOW_MS - 90_000, "speed": 1.0, "skew_ms": -90_000}
    assert client.get("time").json() == {"serverTime": NOW_MS - 90_000}
    newest = client.get("klines", **KLINES, limit=1).json()[0]
    assert newest[0] == Interval.M1.floor(NOW_MS - 90_000)


def test_market_is_changed_listed_and_put_right_over_http(client: Client) -> None:
    honest = client.get("klines", **KLINES, limit=100).content
    first = client.control("POST", "market", {"spec": "hole:symbol=BTCUSDT,from=-30m,minutes=5"})
    second = client.control("POST", "market", {"kind": "delisting", "symbol": "ETHUSDT"})
    assert (first.status_code, first.json(), second.json()) == (201, {"id": 1}, {"id": 2})
    opens = [row[0] for row in client.get("klines", **KLINES, limit=100).json()]
    assert len(opens) == 100
    assert opens[-1] - opens[0] == 104 * MINUTE_MS
    (info,) = client.get("exchangeInfo", symbol="ETHUSDT").json()["symbols"]
    assert info["status"] == "BREAK"
    book = client.get("depth", symbol="ETHUSDT").json()
    assert (book["bids"], book["asks"]) == ([], [])
    assert [change["kind"] for change in client.control("GET", "market").json()] == ["hole", "delisting"]
    assert client.control("DELETE", "market/2").json() == {"removed": 1}
    assert client.control("DELETE", "market").json() == {"removed": 1}
    assert client.get("klines", **KLINES, limit=100).content == honest
    refused = client.control("POST", "market", {"spec": "hole:minutes=1,symbol=NOPE"})
    assert (refused.status_code, "unknown symbol NOPE" in refused.json()["error"]) == (400, True)


def test_symbol_is_unknown_until_it_is_listed(client: Client) -> None:
    client.control("POST", "market", {"spec": "listing:symbol=BTCUSDT,from=+1m"})
    assert get_error(client.get("klines", **KLINES))[1] == -1121
    client.simulator.clock.advance(MINUTE_MS)
    assert len(client.get("klines", **KLINES).json()) == 1


def test_dropped_connection_is_closed_without_an_answer(client: Client) -> None:
    client.simulator.add_fault("drop:count=1")
    with pytest.raises(requests.ConnectionError):
        client.get("klines", **KLINES)
    assert client.get("klines", **KLINES).status_code == 200
    assert [entry.status for entry in client.simulator.requests] == [0, 200]


def test_dropped_body_is_shorter_than_announced(client: Client) -> None:
    client.simulator.add_fault("drop:share=0.5,count=1")
    host, port = client.simulator.base_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", "/api/v3/klines?symbol=BTCUSDT&interval=1m")
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    announced = int(response.headers["Content-Length"])
    assert len(caught.value.partial) == announced // 2
    connection.close()


def test_half_open_connection_is_never_answered_and_ends_at_its_bound(client: Client) -> None:
    client.simulator.add_fault("half_open:delay=0.4,count=2")
    begun = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{client.simulator.base_url}/api/v3/ping", timeout=0.1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        client.get("ping")
    assert time.monotonic() - begun >= 0.5
    assert client.get("ping").status_code == 200


def test_half_open_connection_does_not_hold_up_the_end() -> None:
    with serve(faults=("half_open",)) as simulator:
        host, port = simulator.base_url.removeprefix("http://").split(":")
        waiting = socket.create_connection((host, int(port)))
        waiting.sendall(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 5
        while not simulator.faults.describe(NOW_MS)[0]["happened"] and time.monotonic() < deadline:
            time.sleep(0.01)
        begun = time.monotonic()
    assert time.monotonic() - begun < 3
    assert waiting.recv(100) == b""
    waiting.close()


def test_data_faults_over_http(client: Client) -> None:
    for spec in ("empty:count=1", "microseconds:count=1", "duplicate_rows:rows=1,count=1"):
        client.simulator.add_fault(spec)
    empty, micros, doubled, honest = (client.get("klines", **KLINES, limit=4) for _ in range(4))
    assert (empty.status_code, empty.json()) == (200, [])
    assert [row[0] for row in micros.json()] == [row[0] * 1000 for row in honest.json()]
    assert len(str(micros.json()[0][6])) == 16
    rows = honest.json()
    assert doubled.json() == [rows[0], rows[1], rows[2], rows[2]]


def test_faults_are_set_listed_and_removed_over_http(client: Client) -> None:
    first = client.control("POST", "faults", {"spec": "429:retry_after=2,count=1,path=klines"})
    second = client.control("POST", "faults", {"kind": "html_body", "status": 403, "symbol": "ETHUSDT"})
    assert (first.status_code, first.json(), second.json()) == (201, {"id": 1}, {"id": 2})
    blocked = client.get("klines", **KLINES)
    assert (blocked.status_code, blocked.headers["Retry-After"]) == (429, "2")
    assert client.get("klines", **KLINES).status_code == 200
    page = client.get("depth", symbol="ETHUSDT")
    assert (page.status_code, page.headers["Content-Type"]) == (403, "text/html")
    assert "X-MBX-USED-WEIGHT-1M" not in page.headers
    assert [fault["happened"] for fault in client.control("GET", "faults").json()] == [1, 1]
    assert client.control("DELETE", "faults/2").json() == {"removed": 1}
    assert client.get("depth", symbol="ETHUSDT").status_code == 200
    assert client.control("DELETE", "faults").json() == {"removed": 1}
    assert client.control("GET", "faults").json() == []


def test_wrong_control_request_is_refused_with_the_reason(client: Client) -> None:
    refused = client.control("POST", "faults", {"kind": "slow", "delay": "long"})
    assert refused.status_code == 400
    assert "delay is 'long', must be a number" in refused.json()["error"]
    assert client.control("POST", "faults").status_code == 400
    assert client.control("GET", "nothing").status_code == 404
    assert client.control("DELETE", "faults/x").status_code == 400
    assert client.get("nothing").status_code == 404


@pytest.mark.parametrize("spec", ["truncated", "5xx:status=503", "418:retry_after=300", "451"])
def test_faults_of_the_configuration_are_set_from_the_start(spec: str) -> None:
    with serve(faults=(spec,)) as simulator:
        client = Client(simulator)
        answer = client.get("klines", **KLINES)
        client.session.close()
    if spec == "truncated":
        assert answer.status_code == 200
        with pytest.raises(requests.exceptions.JSONDecodeError):
            answer.json()
    else:
        assert get_error(answer)[0] in {503, 418, 451}


def test_slow_answer_comes_late_and_does_not_hold_up_others(client: Client) -> None:
    client.simulator.add_fault("slow:delay=0.5,path=klines")
    other = Client(client.simulator)
    slow = threading.Thread(target=client.get, args=("klines",), kwargs=KLINES)
    begun = time.monotonic()
    slow.start()
    other.get("ping")
    quick = time.monotonic() - begun
    slow.join()
    assert quick < 0.4
    assert time.monotonic() - begun >= 0.5
    other.session.close()


def test_request_log_tells_who_asked_what(client: Client) -> None:
    client.get("klines", **KLINES, limit=3)
    client.get("klines", symbol="NOPE", interval="1m")
    first, second = client.control("GET", "requests").json()
    assert first["client"].startswith("test-client 127.0.0.1:")
    assert first == {
        "n": 1,
        "at_ms": NOW_MS,
        "method": "GET",
        "path": "/api/v3/klines",
        "query": {**KLINES, "limit": "3"},
        "status": 200,
        "weight": 2,
        "client": first["client"],
        "retry_after_s": None,
    }
    assert (second["n"], second["status"]) == (2, 400)
    assert [entry["n"] for entry in client.control("GET", "requests?since=1").json()] == [2]
    client.control("DELETE", "requests")
    client.get("ping")
    assert [entry["n"] for entry in client.control("GET", "requests").json()] == [3]
    assert client.simulator.requests[0].path == "/api/v3/ping"


def test_connection_is_kept_alive(client: Client) -> None:
    for _ in range(5):
        client.get("ping")
    client.get("klines", **KLINES)
    assert len({entry.client for entry in client.simulator.requests}) == 1


def test_client_that_hangs_up_is_no_news(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    client.simulator.add_fault("slow:delay=0.2,path=klines")
    host, port = client.simulator.base_url.removeprefix("http://").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port))) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            rude.sendall(
                b"GET /api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
            )
    deadline = time.monotonic() + 5
    while len(client.simulator.requests) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.get("ping").status_code == 200
    assert len(client.simulator.requests) == 4
    assert capfd.readouterr() == ("", "")


def test_stopped_simulator_answers_nobody_and_frees_its_port() -> None:
    simulator = serve()
    host, port = simulator.base_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", "/api/v3/ping")
    assert connection.getresponse().read() == b"{}"
    simulator.stop()
    simulator.stop()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        _ask_again(connection)
    connection.close()
    with serve(port=int(port)) as again:
        assert again.base_url == f"http://{host}:{port}"


def _ask_again(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/api/v3/ping")
    connection.getresponse()


def test_serve_forever_ends_when_stopped() -> None:
    simulator = Simulator(SimulatorConfig())
    thread = threading.Thread(target=simulator.serve_forever)
    thread.start()
    assert requests.get(f"{simulator.base_url}/api/v3/ping", timeout=5).json() == {}
    simulator.stop()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_tape_is_served_like_an_exchange(real_data_dir: Path) -> None:
    tapes = tuple(sorted((real_data_dir / "binance").glob("*-1m-*.zip")))
    with serve(tape_files=tapes) as simulator:
        client = Client(simulator)
        names = [symbol["symbol"] for symbol in client.get("exchangeInfo").json()["symbols"]]
        rows = client.get("klines", **KLINES, limit=1000).json()
        book = client.get("depth", symbol="BTCUSDT", limit=5).json()
        assert rows == simulator.truth("BTCUSDT", Interval.M1, Window(rows[0][0], NOW_MS))
        assert simulator.truth("BTCUSDT", Interval.H1, Window(0, NOW_MS)) == []
        client.session.close()
    assert names == ["ARBUSDT", "BTCUSDT", "SOLUSDT"]
    assert rows[-1][0] == Interval.M1.floor(NOW_MS)
    assert float(book["bids"][0][0]) <= float(rows[-1][4]) <= float(book["asks"][0][0])
