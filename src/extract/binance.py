"""Binance Spot's public market data, behind the protocol of ``src.extract.exchange``.

Each call goes the same way: know the exchange's time, then (``src.extract.caller``) reserve weight and send,
follow the exchange's count, obey a block, translate a refusal. Needs no key. Source: Binance's "Market data
endpoints" (REST).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from src.clock import Clock
from src.domain import HOUR_MS, ClockOffset, Interval
from src.errors import SourceBlocked, SourceTransient
from src.extract import binance_payloads as payloads
from src.extract.binance_errors import ILLEGAL_CHARACTERS, INVALID_SYMBOL, Refused, find_block, find_refusal
from src.extract.budget import Budget
from src.extract.caller import Caller
from src.extract.exchange import Answer, KlinesAnswer, Request, SymbolInfo, UnknownSymbols
from src.extract.exchange_clock import ExchangeClock, TimeSample
from src.extract.hosts import Hosts
from src.extract.http import HttpAnswer, HttpClient, find_json
from src.extract.reserving import Reservation

T = TypeVar("T")

# All of them serve the same data, under one limit per caller's address.
HOSTS = tuple(f"https://{name}.binance.com" for name in ("api", "api-gcp", "api1", "api2", "api3", "api4"))
MAX_KLINES = 1000
MAX_LEVELS = 5000
WEIGHT_KLINES, _WEIGHT_INFO, _WEIGHT_TIME = 2, 20, 1
_WEIGHT_DEPTH = ((100, 5), (500, 25), (1000, 50), (MAX_LEVELS, 250))
# More names than this make too long a URL, and reading the whole list costs the same weight.
_MAX_NAMED_SYMBOLS = 100


class Binance:
    """Candles, depth, symbols and time of Binance Spot; one instance serves all threads.

    *base_urls* are one address or several, the first preferred.
    """

    name = "binance"

    def __init__(
        self,
        base_urls: str | Sequence[str],
        http: HttpClient,
        budget: Budget,
        clock: Clock,
        attempts: int = 4,
        clock_max_age_ms: int = 600_000,
    ) -> None:
        hosts = Hosts([base_urls] if isinstance(base_urls, str) else base_urls, clock)
        self._caller = Caller(hosts, http, budget, clock, attempts)
        self._budget = budget
        self._clock = clock
        self._exchange_clock = ExchangeClock(clock, self._sample_time, clock_max_age_ms)
        budget.follow_clock(self._exchange_clock.guess_ms)

    def fetch_klines(
        self,
        symbol: str,
        interval: Interval,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = MAX_KLINES,
    ) -> KlinesAnswer:
        """Fetch one page, oldest first; *start_ms* and *end_ms* bound open times, both inclusive."""
        if not 1 <= limit <= MAX_KLINES:
            raise ValueError(f"limit {limit} is not within 1..{MAX_KLINES}")
        # Without a limit a window would be cut at 500 rows, silently.
        params: dict[str, str | int] = {"symbol": symbol, "interval": interval.value, "limit": limit}
        if start_ms is not None:
            params["startTime"] = start_ms
        if end_ms is not None:
            params["endTime"] = end_ms

        def read(answer: Answer, body: Any) -> KlinesAnswer:
            page = payloads.parse_klines(body, interval, answer.exchange_time_ms, start_ms, end_ms)
            return KlinesAnswer(
                body=answer.body,
                request=answer.request,
                sent_at_ms=answer.sent_at_ms,
                exchange_time_ms=answer.exchange_time_ms,
                closed=page.closed,
                forming=page.forming,
                row_count=page.row_count,
                is_full=page.row_count >= limit,
            )

        about = f"klines of {symbol} {interval.value}"
        answer = self._fetch("/api/v3/klines", params, WEIGHT_KLINES, about, read)
        if _may_be_forming(answer, interval) and self._exchange_clock.went_back():
            answer = self._fetch("/api/v3/klines", params, WEIGHT_KLINES, about, read)
        return answer

    def fetch_depth(self, symbol: str, levels: int) -> Answer:
        """Fetch the order book, at most *levels* a side (1..5000); thin books have fewer."""
        if not 1 <= levels <= MAX_LEVELS:
            raise ValueError(f"{levels} levels are not within 1..{MAX_LEVELS}")

        def read(answer: Answer, body: Any) -> Answer:
            payloads.check_depth(body)
            return answer

        params: dict[str, str | int] = {"symbol": symbol, "limit": levels}
        return self._fetch("/api/v3/depth", params, depth_weight(levels), f"depth of {symbol}", read)

    def fetch_symbols(self, symbols: Sequence[str] | None = None) -> list[SymbolInfo]:
        """Fetch those symbols in that order, or all; UnknownSymbols names exactly those that do not exist."""
        if symbols is None:
            return self._fetch_info(None)
        if not symbols:
            return []
        try:
            found = self._fetch_info(symbols if len(symbols) <= _MAX_NAMED_SYMBOLS else None)
        except Refused as error:
            # One unknown symbol fails the whole call without being named.
            if error.code not in {INVALID_SYMBOL, ILLEGAL_CHARACTERS}:
                raise
            found = self._fetch_info(None)
        by_name = {info.symbol: info for info in found}
        known = [by_name[symbol] for symbol in symbols if symbol in by_name]
        if unknown := [symbol for symbol in symbols if symbol not in by_name]:
            raise UnknownSymbols(self.name, unknown, known)
        return known

    def measure_clock(self) -> ClockOffset:
        """Ask the exchange's time now."""
        return self._exchange_clock.measure()

    def clock_offset(self) -> ClockOffset:
        """Return the last measurement, measured anew when it is missing or old."""
        self._exchange_clock.refresh()
        return self._exchange_clock.offset()

    def exchange_now_ms(self) -> int:
        """Return the exchange's time at the least: our clock plus offset minus its error."""
        self._exchange_clock.refresh()
        return self._exchange_clock.guess_ms()

    def _fetch_info(self, symbols: Sequence[str] | None) -> list[SymbolInfo]:
        params = {} if symbols is None else {"symbols": orjson.dumps(list(symbols)).decode()}

        def read(_: Answer, body: Any) -> list[SymbolInfo]:
            if (limit := payloads.find_weight_limit(body)) is not None:
                self._budget.set_limit(limit)
            return payloads.parse_symbols(body)

        return self._fetch("/api/v3/exchangeInfo", params, _WEIGHT_INFO, "symbols", read)

    def _fetch(
        self,
        path: str,
        params: Mapping[str, str | int],
        weight: int,
        about: str,
        read: Callable[[Answer, Any], T],
    ) -> T:
        """Ask until there is an answer that *read* accepts; what it calls Nonsense is asked again."""

        def judge(received: HttpAnswer, reservation: Reservation) -> T:
            body = self._accept(received, reservation, about)
            answer = Answer(
                body=received.body,
                request=Request("GET", received.url, dict(params), weight),
                sent_at_ms=received.sent_at_ms,
                exchange_time_ms=self._exchange_clock.at_least_ms(received.sent_steady_ms),
            )
            try:
                return read(answer, body)
            except payloads.Nonsense as error:
                raise self._nonsense(about, error) from error

        self._exchange_clock.refresh()
        return self._caller.call(path, params, weight, judge)

    def _nonsense(self, about: str, error: payloads.Nonsense) -> SourceTransient:
        return SourceTransient(self.name, f"answered nonsense for {about}: {error}")

    def _sample_time(self) -> TimeSample:
        def judge(received: HttpAnswer, reservation: Reservation) -> TimeSample:
            body = self._accept(received, reservation, "time")
            try:
                server_ms = payloads.parse_server_time(body)
            except payloads.Nonsense as error:
                raise self._nonsense("time", error) from error
            return TimeSample(
                server_ms=server_ms,
                sent_steady_ms=received.sent_steady_ms,
                received_steady_ms=received.received_steady_ms,
                received_at_ms=received.received_at_ms,
            )

        return self._caller.call("/api/v3/time", {}, _WEIGHT_TIME, judge)

    def _accept(self, answer: HttpAnswer, reservation: Reservation, about: str) -> Any:
        """Return what an answer says; obey what it says of the budget, and raise any refusal."""
        body = find_json(answer.body)
        self._follow(answer, body, reservation)
        if refusal := find_refusal(answer, body, about):
            raise refusal
        return body

    def _follow(self, answer: HttpAnswer, body: Any, reservation: Reservation) -> None:
        used = answer.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if used.isascii() and used.isdigit():
            self._budget.observe(reservation, int(used))
        exchange_ahead_ms = self._exchange_clock.guess_ms() - self._clock.now_ms()
        if block := find_block(answer, body, exchange_ahead_ms):
            until_ms, reason = block
            raise SourceBlocked(self.name, self._budget.block(until_ms, reason), reason)


def depth_weight(levels: int) -> int:
    """Return the request weight of a depth answer with that many levels a side."""
    return next(weight for most, weight in _WEIGHT_DEPTH if levels <= most)


def _may_be_forming(answer: KlinesAnswer, interval: Interval) -> bool:
    """Whether the last candle seems just closed, with none forming behind it.

    That is how an answer looks when the exchange's clock was set back, by a leap second at the least, since
    it was measured: its forming candle then looks closed to us.
    """
    if answer.forming is not None or answer.closed is None:
        return False
    return answer.exchange_time_ms - interval.next(answer.closed.last_open_ms) < HOUR_MS


def find_hosts(base_url: str) -> Sequence[str]:
    """Read BINANCE_BASE_URL, a comma list; Binance's own address alone stands for all its hosts."""
    urls = [url.strip().rstrip("/") for url in base_url.split(",")]
    return HOSTS if urls == [HOSTS[0]] else urls
