"""Binance behind the protocol: what is asked, what is closed, and what each refusal leads to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from src.clock import ManualClock
from src.domain import Interval
from src.errors import SourceBlocked, SourcePermanent, SourceTransient
from src.extract.binance import Binance, depth_weight
from src.extract.binance_payloads import Nonsense, parse_candle, parse_klines, time_ms
from src.extract.budget import Budget
from src.extract.exchange import Exchange, UnknownSymbols
from src.extract.http import HttpClient
from src.extract.retry import FirewallRefused
from src.warehouse.budgets import BudgetRow, find_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget
from tests.tiny_server import Asked, Reply, TinyServer

MINUTE_MS = 60_000
T0 = 1_767_968_400_000


def kline(open_time_ms: int, **changes: Any) -> list[Any]:
    row: list[Any] = [open_time_ms, "1.5", "2.0", "1.0", "1.7", "10.5", open_time_ms + 59_999, "16.8", 42]
    row += ["5.1", "8.2", "0"]
    for index, value in changes.items():
        row[int(index[1:])] = value
    return row


def klines(*open_times_ms: int) -> Reply:
    return Reply(body=json.dumps([kline(t) for t in open_times_ms]).encode())


@dataclass
class World:
    """Binance against a tiny server whose clock is ours plus *ahead_ms*; *answers* may replace any answer."""

    warehouse: Warehouse
    clock: ManualClock = field(default_factory=lambda: ManualClock(T0))
    ahead_ms: int = 0
    answers: list[Reply | Callable[[Asked], Reply]] = field(default_factory=list)
    server: TinyServer = field(init=False)
    exchange: Binance = field(init=False)

    def __post_init__(self) -> None:
        self.server = TinyServer(self._answer)
        self.exchange = self.restart()

    def restart(self) -> Binance:
        """Return what a process started now would use."""
        budget = Budget(self.warehouse, "binance", "default", 0.8, self.clock)
        http = HttpClient("binance", self.clock)
        return Binance(self.server.base_url, http, budget, self.clock)

    def _answer(self, asked: Asked) -> Reply:
        if asked.path.endswith("/time"):
            return Reply(body=b'{"serverTime": %d}' % (self.clock.now_ms() + self.ahead_ms))
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Reply) else answer(asked)

    def asked(self) -> list[str]:
        """List the endpoints asked for, but for the time."""
        return [path for path in self.server.paths() if path != "time"]

    def budget_row(self) -> BudgetRow:
        with self.warehouse.read() as connection:
            row = find_budget(connection, "binance", "default")
        assert row is not None
        return row


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    warehouse = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    exchange_budget.create(warehouse.engine)
    made = World(warehouse)
    with made.server:
        yield made
    warehouse.close()


def test_binance_is_an_exchange(world: World) -> None:
    exchange: Exchange = world.exchange
    assert exchange.name == "binance"


def test_page_of_klines_says_what_was_asked_and_keeps_the_exact_body(world: World) -> None:
    body = json.dumps([kline(T0 - MINUTE_MS), kline(T0)], indent=3).encode()
    world.answers = [Reply(body=body)]
    answer = world.exchange.fetch_klines("BTCUSDT", Interval.M1, T0 - MINUTE_MS, T0 + MINUTE_MS, limit=2)
    wanted = {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "limit": 2,
        "startTime": T0 - MINUTE_MS,
        "endTime": T0 + MINUTE_MS,
    }
    assert answer.body == body
    assert answer.request.params == wanted
    assert (answer.request.method, answer.request.weight) == ("GET", 2)
    assert answer.request.url == f"{world.server.base_url}/api/v3/klines"
    assert world.server.asked[-1].query == {key: str(value) for key, value in wanted.items()}
    assert (answer.row_count, answer.is_full) == (2, True)


def test_limit_is_always_sent_since_a_window_is_cut_at_500_without_one(world: World) -> None:
    world.answers = [klines()]
    answer = world.exchange.fetch_klines("BTCUSDT", Interval.M1, T0, T0 + MINUTE_MS)
    assert world.server.asked[-1].query["limit"] == "1000"
    assert (answer.closed, answer.forming, answer.is_full) == (None, None, False)


def test_candle_is_closed_by_the_exchanges_time_at_the_least(world: World) -> None:
    # The exchange is 30.000 s ahead of us, known to within 2 ms, and its minute ends at T0 + 60 s.
    world.ahead_ms = 30_000
    world.clock.advance(30_001)
    world.answers = [klines(T0), klines(T0)]
    early = world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert early.exchange_time_ms == T0 + 59_999
    assert (early.closed, early.forming and early.forming.open_time_ms) == (None, T0)
    world.clock.advance(1)
    late = world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert late.exchange_time_ms == T0 + 60_000
    assert late.closed is not None
    assert (late.closed.open_times_ms, late.forming) == ((T0,), None)


def test_forming_candle_is_exact(world: World) -> None:
    world.answers = [klines(T0 - 2 * MINUTE_MS, T0 - MINUTE_MS, T0)]
    answer = world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert answer.closed is not None
    assert (answer.closed.count, answer.closed.first_open_ms) == (1, T0 - 2 * MINUTE_MS)
    assert answer.forming is not None
    assert (answer.forming.open_time_ms, answer.forming.close_price) == (T0, Decimal("1.7"))
    assert (answer.forming.trade_count, answer.forming.taker_buy_quote_volume) == (42, Decimal("8.2"))


def test_real_klines(real_data_dir: Path) -> None:
    rows = json.loads((real_data_dir / "binance" / "http_spot_market_klines.json").read_bytes())
    page = parse_klines(rows, Interval.M1, rows[-1][0] + 1, rows[0][0], None)
    assert page.closed is not None
    assert (page.closed.count, page.row_count) == (9, 10)
    assert page.forming is not None
    assert str(page.forming.close_price) == rows[-1][4]


def test_microseconds_are_floored_to_milliseconds() -> None:
    opens = 1_735_689_600_000_000
    row = kline(opens, _6=opens + 59_999_999)
    page = parse_klines([row], Interval.M1, opens // 1000, None, None)
    assert page.forming is not None
    assert (page.forming.open_time_ms, page.forming.close_time_ms) == (1_735_689_600_000, 1_735_689_659_999)
    assert time_ms(1_735_689_600_000_999) == 1_735_689_600_000


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ({"some": "thing"}, "not a list of klines"),
        ([{"t": 1}], "row 0 is not a kline"),
        ([kline(T0)[:11]], "row 0 is not a kline"),
        ([kline(T0 + MINUTE_MS), kline(T0)], "out of order"),
        ([kline(T0), kline(T0)], "the kline of 2026-01-09T14:20:00.000Z twice"),
        ([kline(T0 - MINUTE_MS)], "older than asked"),
        ([kline(T0 + 10 * MINUTE_MS)], "newer than asked"),
        ([kline(T0, _0="1767968400000")], "row 0 is not a kline"),
        ([kline(T0, _0=True)], "row 0 is not a kline"),
        ([kline(10**18)], "row 0 is not a kline"),
        ([[*kline(T0), "new"], [*kline(T0 + MINUTE_MS), "new"]], "none of 2 rows is a kline of 12 fields"),
    ],
)
def test_nonsense_is_told_apart(rows: Any, what: str) -> None:
    with pytest.raises(Nonsense, match=what):
        parse_klines(rows, Interval.M1, T0, T0, T0 + 5 * MINUTE_MS)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"_0": 10**18}, "neither in milliseconds"),
        ({"_0": True}, "whole number"),
        ({"_4": 1.7}, "not a decimal string"),
        ({"_4": "NaN"}, "not finite"),
        ({"_8": "many"}, "whole number"),
    ],
)
def test_candle_that_cannot_be_read_is_told_with_its_row(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(Nonsense, match=rf"a kline with .*{what}.*: \["):
        parse_candle(kline(T0, **changes))


@pytest.mark.parametrize("bad", [None, [], ["soon", "1"], {"t": 1}, [10**18], 7])
def test_row_that_does_not_say_when_it_opens_counts_for_nothing(bad: Any) -> None:
    rows = [kline(T0), bad, kline(T0 + MINUTE_MS), bad]
    page = parse_klines(rows, Interval.M1, T0 + 2 * MINUTE_MS, T0, None)
    assert page.closed is not None
    assert page.closed.open_times_ms == (T0, T0 + MINUTE_MS)
    assert (page.row_count, page.forming) == (4, None)


@pytest.mark.parametrize("bad", [kline(T0 + MINUTE_MS)[:6], [*kline(T0 + MINUTE_MS), "new"]])
def test_row_of_another_length_takes_its_place_among_good_ones(bad: list[Any]) -> None:
    """Its raw text lands with the page; loading sets it aside."""
    page = parse_klines([kline(T0), bad], Interval.M1, T0 + 2 * MINUTE_MS, T0, None)
    assert page.closed is not None
    assert page.closed.open_times_ms == (T0, T0 + MINUTE_MS)


@pytest.mark.parametrize("bad", [kline(T0 + MINUTE_MS)[:6], kline(T0 + MINUTE_MS, _4="NaN")])
def test_forming_row_that_cannot_be_read_keeps_no_closed_candle_back(bad: list[Any]) -> None:
    page = parse_klines([kline(T0), bad], Interval.M1, T0 + MINUTE_MS, T0, None)
    assert page.closed is not None
    assert (page.closed.open_times_ms, page.forming) == ((T0,), None)


def test_off_grid_month_is_closed_when_the_next_one_lacks_its_day() -> None:
    opens, end = 1_738_281_600_000, 1_740_700_800_000  # 2025-01-31 to 2025-02-28
    for exchange_time_ms, closed in ((end - 1, 0), (end, 1)):
        page = parse_klines([kline(opens)], Interval.MO1, exchange_time_ms, None, None)
        assert (page.closed.count if page.closed else 0) == closed


def test_nonsense_is_asked_again_and_then_given_up(world: World) -> None:
    world.answers = [klines(T0, T0 - MINUTE_MS)] * 4
    with pytest.raises(SourceTransient, match=r"answered nonsense for klines of BTCUSDT 1m: .*out of order"):
        world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert world.asked() == ["klines"] * 4


@pytest.mark.parametrize(
    "bad",
    [
        Reply(502, b"<html>Bad Gateway</html>"),
        Reply(500, b'{"code": -1000, "msg": "An unknown error occurred."}'),
        Reply(503, b'{"code": -1008, "msg": "Server is currently overloaded."}'),
        Reply(400, b'{"code": -1007, "msg": "Timeout waiting for response."}'),
        Reply(200, b"<html>Welcome to our hotel</html>"),
        Reply(200, b"[[1767968400000,"),
        Reply(200, b""),
    ],
)
def test_transient_answers_are_asked_again(world: World, bad: Reply) -> None:
    world.answers = [bad, klines(T0)]
    assert world.exchange.fetch_klines("BTCUSDT", Interval.M1).row_count == 1
    assert world.asked() == ["klines", "klines"]


@pytest.mark.parametrize(
    ("bad", "hint"),
    [
        (
            Reply(400, b'{"code": -1121, "msg": "Invalid symbol."}'),
            r"klines of NOPE 1m: Invalid symbol. \(-1121\): .*spelling",
        ),
        (Reply(400, b'{"code": -1120, "msg": "Invalid interval."}'), "take one of 1m"),
        (Reply(400, b'{"code": -1100, "msg": "Illegal characters."}'), "written like BTCUSDT"),
        (
            Reply(451, b'{"code": 0, "msg": "Service unavailable from a restricted location"}'),
            "BINANCE_BASE_URL=https://data-api.binance.vision",
        ),
        (Reply(404, b"<html>not found</html>"), "check BINANCE_BASE_URL"),
        (Reply(302, b"<html/>", {"Location": "https://login.hotel"}), "redirected to https://login.hotel"),
    ],
)
def test_permanent_answers_are_not_asked_again_and_say_what_to_do(
    world: World, bad: Reply, hint: str
) -> None:
    world.answers = [bad]
    with pytest.raises(SourcePermanent, match=hint):
        world.exchange.fetch_klines("NOPE", Interval.M1)
    assert world.asked() == ["klines"]


def test_firewall_is_left_alone_until_the_next_cycle(world: World) -> None:
    world.answers = [Reply(403, b"<html>Forbidden</html>"), klines(T0)]
    with pytest.raises(FirewallRefused, match="next cycle"):
        world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert world.exchange.fetch_klines("BTCUSDT", Interval.M1).row_count == 1


@pytest.mark.parametrize(
    ("bad", "wait_ms"),
    [
        (Reply(429, b'{"code": -1003, "msg": "Too many."}', {"Retry-After": "7"}), 7_000),
        (Reply(429, b"<html>Too many</html>", {"Retry-After": "7"}), 7_000),
        (Reply(429, b"{}"), 60_000),
        (Reply(429, b"{}", {"Retry-After": "Sun, 22 Nov 2026 01:00:00 GMT"}), 60_000),
        (Reply(418, b"{}"), 120_000),
        (Reply(418, b"{}", {"Retry-After": "259200"}), 259_200_000),
        (Reply(400, b'{"code": -1003, "msg": "Too much."}'), 60_000),
        (Reply(418, b'{"code": -1003, "msg": "IP banned until 9999999999999."}'), 120_000),
    ],
)
def test_block_is_obeyed_to_its_end_after_a_restart_too(world: World, bad: Reply, wait_ms: int) -> None:
    world.answers = [bad, klines(T0)]
    with pytest.raises(SourceBlocked) as blocked:
        world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert blocked.value.until_ms == T0 + wait_ms + 250
    world.exchange = world.restart()
    seen = len(world.server.asked)
    world.clock.advance(wait_ms)
    for call in (world.exchange.measure_clock, lambda: world.exchange.fetch_depth("BTCUSDT", 20)):
        with pytest.raises(SourceBlocked):
            call()
    assert len(world.server.asked) == seen
    world.clock.advance(300)
    assert world.exchange.fetch_klines("BTCUSDT", Interval.M1).row_count == 1


def test_banned_until_is_the_exchanges_clock(world: World) -> None:
    world.ahead_ms = 3_600_000
    text = b'{"code": -1003, "msg": "Way too many requests; IP banned until %d."}' % (T0 + 3_600_000 + 9_000)
    world.answers = [Reply(418, text)]
    with pytest.raises(SourceBlocked) as blocked:
        world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert blocked.value.until_ms == pytest.approx(T0 + 9_250, abs=10)


def test_used_weight_of_the_exchange_is_followed(world: World) -> None:
    world.answers = [Reply(body=b"[]", headers={"X-MBX-USED-WEIGHT-1M": "700"}), klines()]
    world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert world.budget_row().used_weight == 702


def test_retries_and_the_time_cost_weight_as_well(world: World) -> None:
    world.answers = [Reply(502, b"<html/>"), klines(T0)]
    world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert world.budget_row().used_weight == 1 + 2 + 2


@pytest.mark.parametrize(
    ("levels", "weight"),
    [(1, 5), (100, 5), (101, 25), (500, 25), (501, 50), (1000, 50), (1001, 250), (5000, 250)],
)
def test_depth_weighs_by_its_levels(levels: int, weight: int) -> None:
    assert depth_weight(levels) == weight


def test_real_depth_is_kept_as_it_is(world: World, real_data_dir: Path) -> None:
    body = (real_data_dir / "binance" / "http_spot_market_depth.json").read_bytes()
    world.answers = [Reply(body=body)]
    answer = world.exchange.fetch_depth("BTCUSDT", 10)
    assert answer.body == body
    assert answer.request.params == {"symbol": "BTCUSDT", "limit": 10}


@pytest.mark.parametrize(
    "body", [b"[]", b'{"bids": [], "asks": []}', b'{"lastUpdateId": 1, "bids": [[1]], "asks": []}']
)
def test_depth_that_is_no_book_is_refused(world: World, body: bytes) -> None:
    world.answers = [Reply(body=body)] * 4
    with pytest.raises(SourceTransient, match="answered nonsense for depth of BTCUSDT"):
        world.exchange.fetch_depth("BTCUSDT", 10)


def exchange_info(names: list[str]) -> Reply:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.0"},
    ]
    symbols = [
        {"symbol": n, "status": "BREAK", "baseAsset": n[:3], "quoteAsset": n[3:], "filters": filters}
        for n in names
    ]
    weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 300}
    return Reply(body=json.dumps({"rateLimits": [weight], "symbols": symbols}).encode())


def test_symbols_come_in_the_order_asked_with_their_steps_and_the_limit(world: World) -> None:
    world.answers = [exchange_info(["BTCUSDT", "ETHUSDT"])]
    found = world.exchange.fetch_symbols(["ETHUSDT", "BTCUSDT"])
    assert [info.symbol for info in found] == ["ETHUSDT", "BTCUSDT"]
    assert (found[0].status, found[0].base_asset, found[0].quote_asset) == ("BREAK", "ETH", "USDT")
    assert (found[0].tick_size, found[0].step_size) == (Decimal("0.01"), None)
    assert json.loads(world.server.asked[-1].query["symbols"]) == ["ETHUSDT", "BTCUSDT"]
    assert world.budget_row().weight_limit == 300


def test_real_exchange_info(world: World, real_data_dir: Path) -> None:
    body = (real_data_dir / "binance" / "http_spot_market_exchange_info.json").read_bytes()
    world.answers = [Reply(body=body)]
    found = world.exchange.fetch_symbols()
    assert [(info.symbol, info.status) for info in found] == [("BTCUSDT", "TRADING"), ("ETHUSDT", "TRADING")]
    assert found[0].tick_size == Decimal("0.01")
    assert world.budget_row().weight_limit == 1200


@pytest.mark.parametrize("code", [-1121, -1100])
def test_unknown_symbols_are_named_exactly(world: World, code: int) -> None:
    refused = Reply(400, b'{"code": %d, "msg": "Invalid symbol."}' % code)
    world.answers = [refused, exchange_info(["BTCUSDT", "ETHUSDT", "XRPUSDT"])]
    with pytest.raises(UnknownSymbols, match="no such symbol: BTCUSD, ETHEUR") as unknown:
        world.exchange.fetch_symbols(["BTCUSD", "BTCUSDT", "ETHEUR"])
    assert unknown.value.unknown == ("BTCUSD", "ETHEUR")
    assert [info.symbol for info in unknown.value.known] == ["BTCUSDT"]


def test_no_symbols_cost_no_request(world: World) -> None:
    assert world.exchange.fetch_symbols([]) == []
    assert world.server.asked == []


def test_clock_is_measured_once_and_again_when_it_is_old(world: World) -> None:
    world.ahead_ms = -1_500
    offset = world.exchange.clock_offset()
    assert (offset.offset_ms, offset.error_ms) == (-1_500, 2)
    assert world.exchange.exchange_now_ms() == T0 - 1_502
    world.clock.advance(600_000)
    assert world.exchange.clock_offset().error_ms == 302  # ten minutes of the worst drift
    assert world.server.paths() == ["time"]
    world.clock.advance(1)
    assert world.exchange.clock_offset().error_ms == 2
    assert world.server.paths() == ["time", "time"]


def test_our_clock_set_forward_closes_no_candle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.exchange.measure_clock()
    honest = world.clock.now_ms
    monkeypatch.setattr(world.clock, "now_ms", lambda: honest() + 86_400_000)
    world.ahead_ms = -86_400_000  # the exchange stays where it was
    world.answers = [klines(T0)]
    answer = world.exchange.fetch_klines("BTCUSDT", Interval.M1)
    assert answer.closed is None
    assert answer.exchange_time_ms == T0 - 2


def test_time_that_is_none_is_refused(world: World) -> None:
    world.server = TinyServer(lambda _: Reply(body=b'{"serverTime": "now"}'))
    with world.server, pytest.raises(SourceTransient, match="answered nonsense for time"):
        world.restart().measure_clock()


@pytest.mark.parametrize("limit", [0, 1001])
def test_limit_that_would_be_clamped_is_refused(world: World, limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        world.exchange.fetch_klines("BTCUSDT", Interval.M1, limit=limit)


def test_url_of_an_answer_holds_no_password(world: World) -> None:
    world.answers = [klines()]
    base_url = world.server.base_url.replace("//", "//user:secret@")
    budget = Budget(world.warehouse, "binance", "default", 0.8, world.clock)
    exchange = Binance(base_url, HttpClient("binance", world.clock), budget, world.clock)
    assert (
        exchange.fetch_klines("BTCUSDT", Interval.M1).request.url == f"{world.server.base_url}/api/v3/klines"
    )
