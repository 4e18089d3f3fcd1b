"""The HTTP client: one request for one call, whole answers or an error in our words."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from src.clock import ManualClock, SystemClock
from src.errors import SourceBlocked, SourcePermanent, SourceResting, SourceTransient, Stopped
from src.extract.http import HttpAnswer, HttpClient, excerpt, find_json, find_retry_after_s
from src.extract.retry import FirewallRefused, call_with_retry
from src.stopping import Stop
from tests.tiny_server import Asked, Reply, TinyServer


def ask(server: TinyServer | str, path: str = "/x", **params: str | int) -> HttpAnswer:
    client = HttpClient("binance", SystemClock(), connect_timeout_s=1, read_timeout_s=0.3)
    base_url = server if isinstance(server, str) else server.base_url
    try:
        return client.send(client.prepare(base_url + path, params))
    finally:
        client.close()


def test_body_arrives_byte_for_byte_with_a_user_agent_sent() -> None:
    body = '[ ["1.50000000",  "é"]\n]'.encode()
    with TinyServer(lambda _: Reply(body=body)) as server:
        answer = ask(server, "/api/v3/klines", symbol="BTCUSDT", limit=2)
    assert answer.body == body
    assert server.asked[0].query == {"symbol": "BTCUSDT", "limit": "2"}
    assert server.asked[0].headers["User-Agent"].startswith("candlehouse/")
    assert answer.sent_at_ms <= answer.received_at_ms


@pytest.mark.parametrize("status", [301, 404, 429, 500])
def test_any_status_is_one_request_and_an_answer(status: int) -> None:
    with TinyServer(lambda _: Reply(status, headers={"Location": "/elsewhere"})) as server:
        assert ask(server).status == status
    assert server.paths() == ["x"]


def test_cookies_are_not_kept() -> None:
    client = HttpClient("binance", SystemClock())
    with TinyServer(lambda _: Reply(headers={"Set-Cookie": "a=b"})) as server:
        for _ in range(2):
            client.send(client.prepare(server.base_url, {}))
    client.close()
    assert "Cookie" not in server.asked[1].headers


def test_body_shorter_than_announced_is_transient() -> None:
    with (
        TinyServer(lambda _: Reply(body=b"[[1,", announced=500)) as server,
        pytest.raises(SourceTransient, match="no complete answer"),
    ):
        ask(server)


def test_slow_answer_is_transient_after_the_read_timeout() -> None:
    release = threading.Event()

    def late(_: Asked) -> Reply:
        release.wait(5)
        return Reply()

    with TinyServer(late) as server:
        started = time.monotonic()
        with pytest.raises(SourceTransient, match=r"127\.0\.0\.1:\d+: no answer within 0\.3 s"):
            ask(server)
        release.set()
    assert time.monotonic() - started < 2


def test_refused_connection_is_transient_and_says_so() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SourceTransient, match=rf"127\.0\.0\.1:{port}: .*refused"):
        ask(f"http://me:hush@127.0.0.1:{port}")


@pytest.mark.parametrize("base_url", ["api.binance.com", "ftp://127.0.0.1", "http://"])
def test_base_url_that_is_none_is_permanent(base_url: str) -> None:
    with pytest.raises(SourcePermanent, match="check the base URL"):
        ask(base_url)


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"a": [1, 2', b"\xff\xfe", b"NaN"])
def test_what_is_not_complete_json_is_not_found(body: bytes) -> None:
    assert find_json(body) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 1),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("9" * 30, None),
        ("²", None),
    ],
)
def test_retry_after_is_believed_when_it_is_sane(header: str | None, seconds: int | None) -> None:
    assert find_retry_after_s({} if header is None else {"Retry-After": header}) == seconds


def test_excerpt_is_one_short_line() -> None:
    assert excerpt(b"<html>\n  <body>no</body>") == "'<html> <body>no</body>'"
    assert len(excerpt(b"x" * 10_000)) < 130


def test_transient_errors_are_retried_with_growing_random_waits() -> None:
    clock = ManualClock(0)
    calls: list[int] = []

    def call() -> str:
        calls.append(1)
        if len(calls) < 4:
            raise SourceTransient("binance", "timeout")
        return "done"

    assert call_with_retry(call, clock, attempts=4) == "done"
    assert len(calls) == 4
    assert len(clock.slept_s) == 3
    assert all(0 <= wait <= limit for wait, limit in zip(clock.slept_s, (1, 2, 4), strict=True))


def test_the_last_error_is_raised_as_it_is() -> None:
    def call() -> None:
        raise SourceTransient("binance", "still down")

    with pytest.raises(SourceTransient, match="still down"):
        call_with_retry(call, ManualClock(0), attempts=2)


@pytest.mark.parametrize(
    "error",
    [
        SourcePermanent("binance", "no such symbol"),
        SourceBlocked("binance", 1, "429"),
        SourceResting("binance", 1, "5 calls failed in a row"),
        FirewallRefused("binance", "403"),
        ValueError("a bug"),
    ],
)
def test_permanent_errors_blocks_and_bugs_are_not_retried(error: Exception) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        call_with_retry(call, ManualClock(0))
    assert len(calls) == 1


def test_shutdown_ends_the_wait_before_a_retry() -> None:
    stop = Stop()
    stop.set()

    def call() -> None:
        raise SourceTransient("binance", "timeout")

    with pytest.raises(Stopped):
        call_with_retry(call, SystemClock(stop))
