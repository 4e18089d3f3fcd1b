"""Ways out when an exchange cannot be reached as usual: other hosts, a rest, proxies, an end to waiting."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from src.clock import ManualClock, SystemClock
from src.domain import Interval
from src.errors import SourceError, SourcePermanent, SourceResting
from src.extract.binance import HOSTS, Binance, find_hosts
from src.extract.breaker import SourceDown
from src.extract.budget import Budget
from src.extract.http import BadAddress, HttpAnswer, HttpClient
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from src.warehouse.budgets import CLOSED, OPEN, BudgetRow, find_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget
from tests.tiny_server import Reply, TinyServer

T0 = 1_767_968_430_000
REST_MS = 60_000
FIRST_AGAIN_MS = 600_000


@dataclass
class World:
    """An exchange with two hosts, both on the clock that our side has too."""

    warehouse: Warehouse
    clock: ManualClock = field(default_factory=lambda: ManualClock(T0))
    hosts: list[Simulator] = field(init=False)
    exchange: Binance = field(init=False)

    def __post_init__(self) -> None:
        config = SimulatorConfig(clock=self.clock.now_ms)
        self.hosts = [Simulator(config).serve_in_thread() for _ in range(2)]
        self.exchange = self.restart()

    def restart(self, attempts: int = 4) -> Binance:
        """Return what a process started now would use."""
        budget = Budget(self.warehouse, "binance", "default", 0.8, self.clock)
        urls = [host.base_url for host in self.hosts]
        return Binance(urls, HttpClient("binance", self.clock), budget, self.clock, attempts)

    def fetch(self, symbol: str = "BTCUSDT") -> str:
        """Fetch one kline and return the host that answered."""
        return self.exchange.fetch_klines(symbol, Interval.M1, limit=1).request.url.partition("/api")[0]

    def failing_fetches(self, times: int, symbol: str = "BTCUSDT") -> None:
        for _ in range(times):
            with pytest.raises(SourceDown):
                self.fetch(symbol)

    def asked(self) -> list[int]:
        """Count the klines requests that each host got."""
        return [sum(one.path.endswith("/klines") for one in host.requests) for host in self.hosts]

    def row(self) -> BudgetRow:
        with self.warehouse.read() as connection:
            row = find_budget(connection, "binance", "default")
        assert row is not None
        return row


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    warehouse = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    exchange_budget.create(warehouse.engine)
    made = World(warehouse)
    made.fetch()
    for host in made.hosts:
        host.clear_requests()
    yield made
    for host in made.hosts:
        host.stop()
    warehouse.close()


@pytest.fixture
def dead_port() -> Iterator[int]:
    """Give a port that nobody listens at, and nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# --- other hosts ---------------------------------------------------------------------------------------


def test_binances_own_address_stands_for_all_its_hosts() -> None:
    assert find_hosts("https://api.binance.com") == HOSTS
    assert [host.partition(".")[0] for host in HOSTS] == [
        f"https://{name}" for name in ("api", "api-gcp", "api1", "api2", "api3", "api4")
    ]
    assert find_hosts("https://data-api.binance.vision") == ["https://data-api.binance.vision"]
    assert find_hosts("http://a, http://b/") == ["http://a", "http://b"]


@pytest.mark.parametrize("fault", ["5xx", "html", "truncated"])
def test_when_one_host_fails_the_next_is_asked_and_kept(world: World, fault: str) -> None:
    first, second = world.hosts
    first.add_fault(fault)
    assert [world.fetch() for _ in range(3)] == [second.base_url] * 3
    assert world.asked() == [1, 3]
    assert world.row().breaker_failures == 0


def test_another_host_is_asked_without_waiting(world: World) -> None:
    world.hosts[0].add_fault("5xx")
    world.fetch()
    assert world.clock.slept_s == []


def test_host_that_is_gone_is_passed_over(world: World) -> None:
    world.hosts[0].stop()
    assert world.fetch() == world.hosts[1].base_url


def test_first_host_is_tried_again_after_a_while_by_one_call(world: World) -> None:
    first, second = world.hosts
    fault = first.add_fault("5xx")
    world.fetch()
    world.clock.advance(FIRST_AGAIN_MS)
    assert [world.fetch(), world.fetch()] == [second.base_url] * 2
    assert len(first.requests) == 2  # once at the beginning; now for the time, which was old as well
    first.faults.clear([fault])
    world.clock.advance(FIRST_AGAIN_MS)
    assert [world.fetch(), world.fetch()] == [first.base_url] * 2


def test_all_hosts_share_one_budget_and_one_clock(world: World) -> None:
    used = world.row().used_weight
    world.hosts[0].add_fault("5xx")
    world.fetch()
    assert world.row().used_weight == used + 2 + 2
    assert not any(one.path.endswith("/time") for host in world.hosts for one in host.requests)


def test_time_comes_from_another_host_as_well(world: World) -> None:
    world.hosts[0].add_fault("5xx")
    assert world.exchange.measure_clock().offset_ms == 0


def test_block_of_one_host_is_a_block_of_all(world: World) -> None:
    world.hosts[0].add_fault("429:retry_after=30")
    with pytest.raises(SourceError, match="429"):
        world.fetch()
    assert world.asked() == [1, 0]


def test_refused_region_says_which_address_serves_it(world: World) -> None:
    world.hosts[0].add_fault("451")
    with pytest.raises(SourcePermanent, match=r"BINANCE_BASE_URL=https://data-api\.binance\.vision"):
        world.fetch()
    assert world.asked() == [1, 0]


# --- the breaker ---------------------------------------------------------------------------------------


def test_breaker_counts_calls_that_failed_at_every_host(world: World) -> None:
    for host in world.hosts:
        host.add_fault("5xx")
    world.failing_fetches(1)
    assert world.row().breaker_failures == 1
    assert world.asked() == [3, 2]  # each at once, then three times more


def test_exchange_that_fails_rests_and_is_then_asked_once(world: World) -> None:
    faults = [host.add_fault("5xx") for host in world.hosts]
    world.failing_fetches(5)
    seen = world.asked()
    for _ in range(3):
        with pytest.raises(SourceResting, match="status 500"):
            world.fetch("ETHUSDT")
    assert world.asked() == seen
    world.clock.advance(REST_MS)
    with pytest.raises(SourceResting):
        world.fetch()
    assert world.asked() == [count + 1 for count in seen]  # the probe, once at each host
    assert world.row().breaker_state == OPEN
    for host, fault in zip(world.hosts, faults, strict=True):
        host.faults.clear([fault])
    world.clock.advance(REST_MS)
    world.fetch()
    assert (world.row().breaker_state, world.row().breaker_failures) == (CLOSED, 0)


def test_call_that_asks_but_once_leaves_no_probe_behind(world: World) -> None:
    for host in world.hosts:
        host.add_fault("5xx")
    world.failing_fetches(5)
    world.clock.advance(REST_MS)
    world.exchange = world.restart(attempts=1)
    world.failing_fetches(1)
    assert world.row().breaker_state == OPEN


def test_probe_finds_the_host_that_is_well_again(world: World) -> None:
    first, second = world.hosts
    first.add_fault("5xx")
    fault = second.add_fault("5xx")
    world.failing_fetches(5)
    second.faults.clear([fault])
    world.clock.advance(REST_MS)
    assert world.fetch() == second.base_url


def test_rest_outlives_the_process(world: World) -> None:
    for host in world.hosts:
        host.add_fault("5xx")
    world.failing_fetches(5)
    world.exchange = world.restart()
    seen = world.asked()
    with pytest.raises(SourceResting):
        world.fetch()
    assert world.asked() == seen


def test_symbol_that_alone_fails_does_not_make_the_exchange_rest(world: World) -> None:
    for host in world.hosts:
        host.add_fault("5xx:symbol=ETHUSDT")
    for _ in range(8):
        world.failing_fetches(1, "ETHUSDT")
        world.fetch("BTCUSDT")
    assert world.row().breaker_state == CLOSED


@pytest.mark.parametrize("fault", ["429:retry_after=1", "418:retry_after=1", "451"])
def test_blocks_and_refusals_do_not_count(world: World, fault: str) -> None:
    world.exchange = world.restart()
    world.hosts[0].add_fault(fault)
    for _ in range(6):
        with pytest.raises(SourceError):
            world.exchange.measure_clock()
        world.clock.advance(2_000)
    assert world.row().breaker_failures == 0


def test_refusal_of_one_symbol_shows_that_the_exchange_works(world: World) -> None:
    faults = [host.add_fault("5xx") for host in world.hosts]
    world.failing_fetches(5)
    for host, fault in zip(world.hosts, faults, strict=True):
        host.faults.clear([fault])
    world.clock.advance(REST_MS)
    with pytest.raises(SourcePermanent):
        world.fetch("NOPEUSDT")
    assert world.row().breaker_state == CLOSED


def test_firewall_that_turns_our_address_away_counts_wherever_it_stands(world: World) -> None:
    for host in world.hosts:
        host.add_fault("html:status=403")
    world.failing_fetches(5)
    assert world.asked() == [5, 0]
    with pytest.raises(SourceResting):
        world.fetch()


# --- proxies -------------------------------------------------------------------------------------------


def ask(url: str, total_s: float = 5.0, read_s: float = 1.0) -> HttpAnswer:
    client = HttpClient("binance", SystemClock(), 16, 1.0, read_s, total_s)
    try:
        return client.send(client.prepare(url, {"symbol": "BTCUSDT"}))
    finally:
        client.close()


def test_requests_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    # No name server knows that host: only the proxy can have answered.
    with TinyServer(lambda _: Reply(body=b"[]")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        assert ask("http://exchange.invalid/api/v3/klines").body == b"[]"
    assert proxy.asked[0].path == "/api/v3/klines"
    assert proxy.asked[0].headers["Host"] == "exchange.invalid"
    assert proxy.asked[0].query == {"symbol": "BTCUSDT"}


def test_hosts_in_no_proxy_are_asked_directly(monkeypatch: pytest.MonkeyPatch, dead_port: int) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead_port}")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    with TinyServer(lambda _: Reply(body=b"[]")) as server:
        assert ask(f"{server.base_url}/api/v3/klines").body == b"[]"


@pytest.mark.parametrize(
    ("variable", "named", "scheme"),
    [
        ("HTTP_PROXY", "HTTP_PROXY", "http"),
        ("https_proxy", "HTTPS_PROXY", "https"),
        ("ALL_PROXY",) * 2 + ("http",),
    ],
)
def test_proxy_that_is_down_is_named_with_its_variable_and_without_its_password(
    monkeypatch: pytest.MonkeyPatch, dead_port: int, variable: str, named: str, scheme: str
) -> None:
    monkeypatch.setenv(variable, f"http://me:hush@127.0.0.1:{dead_port}")
    with pytest.raises(SourceDown, match=rf"127\.0\.0\.1:{dead_port} of {named} failed .*refused") as down:
        ask(f"{scheme}://exchange.invalid/api/v3/klines")
    assert "NO_PROXY" in str(down.value)
    assert "hush" not in str(down.value)


def test_proxy_that_refuses_to_connect_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with TinyServer(lambda _: Reply()) as proxy:  # knows GET alone
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url)
        with pytest.raises(SourceDown, match=r"HTTPS_PROXY failed .*Tunnel connection failed: 501"):
            ask("https://exchange.invalid/api/v3/klines")


def test_proxy_that_is_none_is_permanent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://")
    with pytest.raises(SourcePermanent, match="proxies"):
        ask("http://127.0.0.1/api/v3/klines")


def test_proxy_that_speaks_socks_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:hush@127.0.0.1:1080")
    with pytest.raises(BadAddress, match=r"127\.0\.0\.1:1080 of ALL_PROXY .* install PySocks") as bad:
        ask("http://exchange.invalid/api/v3/klines")
    assert "hush" not in str(bad.value)


# --- an end to waiting ---------------------------------------------------------------------------------


class RawServer:
    """Accepts connections and hands each to *serve*, in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                accepted, _ = self._socket.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._talk, args=(accepted,), daemon=True))
                self._threads[-1].start()

    def _talk(self, accepted: socket.socket) -> None:
        with closing(accepted), suppress(OSError):
            self._serve(accepted)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()


def read_request(connection: socket.socket) -> bytes:
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        more = connection.recv(4096)
        if not more:
            raise OSError("the client is gone")
        got += more
    return got


def dripping(start: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """Answer *start* at once and then *drop* every 50 ms, for as long as anybody listens."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        while True:
            time.sleep(0.05)
            connection.sendall(drop)

    return serve


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"["),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"["),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"HTTP", b"x"),
    ],
    ids=["body", "chunks", "body without an end", "header", "status line"],
)
def test_server_that_drips_for_ever_is_left_in_time(start: bytes, drop: bytes) -> None:
    with RawServer(dripping(start, drop)) as server:
        started = time.monotonic()
        with pytest.raises(SourceDown, match=r"no complete answer within 0\.4 s"):
            ask(server.base_url, total_s=0.4)
        assert 0.35 < time.monotonic() - started < 2


def test_answer_that_is_there_too_late_is_not_read_on() -> None:
    with TinyServer(lambda _: Reply()) as server, pytest.raises(SourceDown, match="within 0 s"):
        ask(server.base_url, total_s=0)


def test_silence_ends_before_the_deadline_does_as_well() -> None:
    def half_open(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[")
        connection.recv(1)  # says no more until the client is gone

    with RawServer(half_open) as server, pytest.raises(SourceDown, match="complete answer"):
        ask(server.base_url, total_s=30, read_s=0.2)


def test_slow_answer_that_ends_in_time_is_whole() -> None:
    def slow(connection: socket.socket) -> None:
        read_request(connection)
        for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 4\r\n\r\n[", b"1", b"2", b"]"):
            connection.sendall(piece)
            time.sleep(0.05)

    with RawServer(slow) as server:
        assert ask(server.base_url, total_s=5).body == b"[12]"


def test_connection_is_used_again_and_may_be_slow_again() -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            time.sleep(0.3)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    client = HttpClient("binance", SystemClock(), total_timeout_s=0.6)  # for each answer, not for all of them
    with RawServer(serve) as server, closing(client):
        for _ in range(3):
            assert client.send(client.prepare(server.base_url, {})).body == b"[]"
        assert server.connections == 1


def test_proxy_that_drips_for_ever_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x")) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.base_url)
        for scheme in ("http", "https"):
            with pytest.raises(SourceDown, match=r"no complete answer within 0\.4 s"):
                ask(f"{scheme}://exchange.invalid/", total_s=0.4)
