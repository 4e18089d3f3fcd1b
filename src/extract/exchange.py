"""What every exchange offers, whoever it is: klines, depth, symbols and its time.

Answers carry the exact body for the lake, and are decoded only as far as extraction needs. An exchange
raises the errors of ``src.errors`` alone, never those of a library, and calls only within its budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from src.domain import Candle, ClockOffset, Interval
from src.errors import SourcePermanent


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: *url* without parameters and without secrets, *weight* in the exchange's own unit."""

    method: str
    url: str
    params: Mapping[str, str | int]
    weight: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, byte for byte.

    ``sent_at_ms`` is our clock; ``exchange_time_ms`` is the exchange's at sending, at the least: a candle
    that ends by then is closed.
    """

    body: bytes
    request: Request
    sent_at_ms: int
    exchange_time_ms: int


@dataclass(frozen=True, slots=True)
class KlineSpan:
    """The closed rows of a page by their open times, ascending and never empty."""

    open_times_ms: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.open_times_ms)

    @property
    def first_open_ms(self) -> int:
        return self.open_times_ms[0]

    @property
    def last_open_ms(self) -> int:
        return self.open_times_ms[-1]


@dataclass(frozen=True, slots=True)
class KlinesAnswer(Answer):
    """A page of klines.

    ``closed`` is None when no row is closed, ``forming`` when all are. A page that ``is_full`` may have
    more behind it. Around the turn of an interval two rows can be forming: ``forming`` is the newer one.
    """

    closed: KlineSpan | None
    forming: Candle | None
    row_count: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """What an exchange says of a symbol; steps are None where it sets none."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal | None
    step_size: Decimal | None


class UnknownSymbols(SourcePermanent):
    """Some symbols do not exist at the exchange; *known* are the others that were asked for."""

    def __init__(self, exchange: str, unknown: Sequence[str], known: Sequence[SymbolInfo]) -> None:
        super().__init__(
            exchange,
            f"no such symbol: {', '.join(unknown)}. Check the spelling (like BTCUSDT) in CANDLEHOUSE_SYMBOLS "
            "or on the command line",
        )
        self.unknown = tuple(unknown)
        self.known = tuple(known)


class Exchange(Protocol):
    """A source of market data. All methods may be called from several threads at once."""

    @property
    def name(self) -> str: ...

    def fetch_klines(
        self,
        symbol: str,
        interval: Interval,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 1000,
    ) -> KlinesAnswer:
        """Fetch one page, oldest first; *start_ms* and *end_ms* bound open times, both inclusive."""
        ...

    def fetch_depth(self, symbol: str, levels: int) -> Answer:
        """Fetch the order book, at most *levels* a side; thin books have fewer."""
        ...

    def fetch_symbols(self, symbols: Sequence[str] | None = None) -> list[SymbolInfo]:
        """Fetch those symbols in that order, or all; UnknownSymbols names exactly those that do not exist."""
        ...

    def measure_clock(self) -> ClockOffset:
        """Ask the exchange's time now."""
        ...

    def clock_offset(self) -> ClockOffset:
        """Return the last measurement, measured anew when it is missing or old."""
        ...

    def exchange_now_ms(self) -> int:
        """Return the exchange's time at the least: our clock plus offset minus its error."""
        ...
