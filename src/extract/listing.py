"""Since when a symbol trades, and until when: asked of its minutes, since no exchange says it outright."""

from __future__ import annotations

from src.domain import Interval
from src.extract.exchange import Exchange

_M1 = Interval.M1


def fetch_listed_ms(exchange: Exchange, symbol: str) -> int | None:
    """Return the open_time of the first minute there is, one request; None while there is none."""
    answer = exchange.fetch_klines(symbol, _M1, start_ms=0, limit=1)
    if answer.closed:
        return answer.closed.first_open_ms
    return answer.forming.open_time_ms if answer.forming else None


def fetch_delisted_ms(exchange: Exchange, symbol: str) -> int | None:
    """Return the end of the last minute there is, one request; None while one is forming, or none is there.

    Ask it of a symbol that does not trade: of any other it says when we asked.
    """
    answer = exchange.fetch_klines(symbol, _M1, limit=1)
    if answer.closed is None or answer.forming is not None:
        return None
    return _M1.next(answer.closed.last_open_ms)
