"""Reads Binance's answers, no further than extraction needs, and refuses what cannot be true.

Pure functions: parsed JSON in, values out, or Nonsense that says what is wrong; such an answer is never
landed.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from src.domain import Candle, Interval, format_utc
from src.extract.exchange import KlineSpan, SymbolInfo

_KLINE_FIELDS = 12
# Milliseconds have 13 digits until 2286, microseconds 16; nothing the exchange sends lies between.
_FIRST_MICROSECONDS = 10**14
_LAST_MS = 10**13


class Nonsense(Exception):
    """An answer cannot be true; the text says why."""


@dataclass(frozen=True, slots=True)
class KlinesPage:
    """What a page of klines holds, split by what is closed."""

    row_count: int
    closed: KlineSpan | None
    forming: Candle | None


def parse_klines(
    rows: Any, interval: Interval, exchange_time_ms: int, start_ms: int | None, end_ms: int | None
) -> KlinesPage:
    """Split *rows* into closed and forming by the exchange's time when they were asked for.

    A bad row among good ones is no reason to refuse the page: it lands, and loading sets that row aside. The
    times of rows that tell theirs count; where no row is a kline the format has changed, and nothing moves.
    """
    if not isinstance(rows, list):
        raise Nonsense(f"not a list of klines but {_kind(rows)}")
    _check_shapes(rows)
    timed = [(open_ms, row) for row in rows if (open_ms := _find_open_ms(row)) is not None]
    open_times = [open_ms for open_ms, _ in timed]
    _check_order(open_times)
    _check_bounds(open_times, start_ms, end_ms)
    # The exchange's last row is still forming. Stored, it would carry the watermark past a price that
    # can change. close_time is no help: an outage cuts it short.
    closed = tuple(open_times[: bisect_right(open_times, exchange_time_ms, key=interval.next)])
    return KlinesPage(
        row_count=len(rows),
        closed=KlineSpan(closed) if closed else None,
        forming=_find_candle(timed[-1][1]) if len(closed) < len(timed) else None,
    )


def parse_candle(row: list[Any]) -> Candle:
    """Read one row of klines in full."""
    try:
        amounts = [_amount(row[index]) for index in (1, 2, 3, 4, 5, 7, 9, 10)]
        opened, high, low, close, volume, quote, taker, taker_quote = amounts
        return Candle(
            open_time_ms=time_ms(row[0]),
            open_price=opened,
            high_price=high,
            low_price=low,
            close_price=close,
            volume=volume,
            close_time_ms=time_ms(row[6]),
            quote_volume=quote,
            trade_count=_integer(row[8]),
            taker_buy_volume=taker,
            taker_buy_quote_volume=taker_quote,
        )
    except Nonsense as error:
        raise Nonsense(f"a kline with {error}: {row!r}") from error


def check_depth(book: Any) -> None:
    """Refuse what is not an order book; whether its levels make sense is checked when it is loaded."""
    if not isinstance(book, dict):
        raise Nonsense(f"not an order book but {_kind(book)}")
    _integer(book.get("lastUpdateId"))
    for side in ("bids", "asks"):
        levels = book.get(side)
        if not isinstance(levels, list):
            raise Nonsense(f"no list of {side}")
        for level in levels:
            if not isinstance(level, list) or len(level) < 2:
                raise Nonsense(f"a level of {side} that is not [price, quantity]: {level!r}")


def parse_server_time(body: Any) -> int:
    """Read the exchange's time in ms."""
    if not isinstance(body, dict):
        raise Nonsense(f"not a server time but {_kind(body)}")
    return time_ms(body.get("serverTime"))


def parse_symbols(body: Any) -> list[SymbolInfo]:
    """Read the symbols of an exchangeInfo answer."""
    if not isinstance(body, dict) or not isinstance(body.get("symbols"), list):
        raise Nonsense(f"no list of symbols but {_kind(body)}")
    return [_symbol(entry) for entry in body["symbols"]]


def find_weight_limit(body: Any) -> int | None:
    """Return the request weight allowed a minute, None when exchangeInfo does not state it that way."""
    limits = body.get("rateLimits") if isinstance(body, dict) else None
    for limit in limits if isinstance(limits, list) else []:
        if isinstance(limit, dict) and _is_weight_a_minute(limit):
            return _integer(limit.get("limit")) or None
    return None


def time_ms(value: Any) -> int:
    """Return milliseconds; microseconds, which the exchange sends to who asks for them, are floored."""
    number = _integer(value)
    if number >= _FIRST_MICROSECONDS:
        number //= 1000
    if number >= _LAST_MS:
        raise Nonsense(f"time {value} is neither in milliseconds nor in microseconds")
    return number


def _check_shapes(rows: list[Any]) -> None:
    if not rows or any(_is_kline(row) for row in rows):
        return
    which = "row 0 is not a kline" if len(rows) == 1 else f"none of {len(rows)} rows is a kline"
    raise Nonsense(f"{which} of {_KLINE_FIELDS} fields that begin with a time: {str(rows[0])[:80]}")


def _is_kline(row: Any) -> bool:
    return isinstance(row, list) and len(row) == _KLINE_FIELDS and _find_open_ms(row) is not None


def _find_open_ms(row: Any) -> int | None:
    """Return when the row's candle opens, None when the row does not say."""
    try:
        return time_ms(row[0]) if isinstance(row, list) and row else None
    except Nonsense:
        return None


def _find_candle(row: list[Any]) -> Candle | None:
    """Read a forming row, if it can be read: it is only for a look, and the closed ones matter more."""
    try:
        return parse_candle(row) if _is_kline(row) else None
    except Nonsense:
        return None


def _check_order(open_times: list[int]) -> None:
    for earlier, later in pairwise(open_times):
        if later == earlier:
            raise Nonsense(f"the kline of {format_utc(later)} twice")
        if later < earlier:
            raise Nonsense(f"klines out of order: {format_utc(later)} after {format_utc(earlier)}")


def _check_bounds(open_times: list[int], start_ms: int | None, end_ms: int | None) -> None:
    if open_times and start_ms is not None and open_times[0] < start_ms:
        raise Nonsense(f"a kline of {format_utc(open_times[0])}, older than asked ({format_utc(start_ms)})")
    if open_times and end_ms is not None and open_times[-1] > end_ms:
        raise Nonsense(f"a kline of {format_utc(open_times[-1])}, newer than asked ({format_utc(end_ms)})")


def _is_weight_a_minute(limit: dict[str, Any]) -> bool:
    return (
        limit.get("rateLimitType") == "REQUEST_WEIGHT"
        and limit.get("interval") == "MINUTE"
        and limit.get("intervalNum") == 1
    )


def _symbol(entry: Any) -> SymbolInfo:
    try:
        filters = {one["filterType"]: one for one in entry["filters"]}
        return SymbolInfo(
            symbol=str(entry["symbol"]),
            status=str(entry["status"]),
            base_asset=str(entry["baseAsset"]),
            quote_asset=str(entry["quoteAsset"]),
            tick_size=_step(filters.get("PRICE_FILTER", {}).get("tickSize")),
            step_size=_step(filters.get("LOT_SIZE", {}).get("stepSize")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Nonsense(f"a symbol without {error}: {str(entry)[:120]}") from error


def _step(value: Any) -> Decimal | None:
    """Read a step size; the exchange writes 0 where there is none."""
    return None if value is None else _amount(value) or None


def _amount(value: Any) -> Decimal:
    # A JSON number would already have passed through a float.
    if not isinstance(value, str):
        raise Nonsense(f"amount {value!r} is not a decimal string")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise Nonsense(f"amount {value!r} is not a decimal string") from None
    if not amount.is_finite():
        raise Nonsense(f"amount {value!r} is not finite")
    return amount


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Nonsense(f"{value!r} where a whole number belongs")
    return value


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:80]}"
