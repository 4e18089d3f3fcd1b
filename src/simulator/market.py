"""Prices as a pure function of seed, symbol and minute, and candles as exact aggregates of minutes.

The log price is a sum of value noise at periods from one minute to two years, each as wide as a random
walk would be. A minute opens at P(minute) and closes at P(minute + 1); wicks, volumes and trades come
from hashes. All figures of candles are integers. What changes of the market do to a symbol is looked up in
its ``SymbolHistory``: minutes that do not exist count in no candle.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import orjson

from src.domain import DAY_MS, MINUTE_MS, Interval, Window
from src.simulator.changes import MarketChange, describe_change
from src.simulator.config import SymbolSpec
from src.simulator.day_pages import DayPages
from src.simulator.grammar import SpecError
from src.simulator.history import Bars, SymbolHistory
from src.simulator.noise import Floats, channel_key, hash_at, uniform_at, value_noise
from src.simulator.page_text import page_text
from src.simulator.slots import KlinesQuery, list_slots
from src.simulator.wire import DECIMALS, Ints, Row

_MINUTES_PER_DAY = DAY_MS // MINUTE_MS
_MINUTE_VOLATILITY = 0.0006
_PERIOD_BITS = range(0, 21, 2)
# |log(price / base_price)| stays under 0.0006 * (1 + 2 + … + 1024) = 1.23: at most 3.5 times the base price.
_HIGHEST_PRICE_FACTOR = 3.5
# The rhythm of the day, a burst, and what an amendment adds.
_BUSIEST_MINUTE_FACTOR = 1.5 * 3.2 * 1.07
_LONGEST_MONTH_MINUTES = 31 * _MINUTES_PER_DAY
_TRADE_SIZE = 1_500
# Bounds the memory of a page of months.
_CHUNK_MINUTES = 1 << 16
# A page of fewer minutes is computed by itself rather than cut out of whole days.
_MANY_ROWS = 500
# Columns of 64 kB stay in the processor's cache: measured, four times as fast as columns of 512 kB.
_BLOCK_MINUTES = 1 << 13


class SymbolMarket:
    """The whole past and future of one symbol."""

    def __init__(
        self,
        seed: int,
        spec: SymbolSpec,
        changes: Sequence[MarketChange] = (),
        days: DayPages | None = None,
    ) -> None:
        check_spec(spec)
        self.spec = spec
        self._days = days or DayPages()
        self.history = SymbolHistory(spec, changes)
        self._octaves = [(bits, channel_key(seed, spec.symbol, "price", bits)) for bits in _PERIOD_BITS]
        self._shape_key = channel_key(seed, spec.symbol, "shape")
        self._volume_key = channel_key(seed, spec.symbol, "volume")
        self._trades_key = channel_key(seed, spec.symbol, "trades")
        self._base_ticks = float(spec.base_price.scaleb(spec.price_decimals))
        self._mean_steps = spec.quote_per_minute / float(spec.base_price) * 10**spec.quantity_decimals

    def price_ticks(self, first_minute: int, count: int) -> Ints:
        """Return P at the start of *count* minutes (numbered since the epoch)."""
        log_price = np.zeros(count)
        for bits, key in self._octaves:
            log_price += (_MINUTE_VOLATILITY * 2.0 ** (bits / 2)) * value_noise(
                key, first_minute, count, bits
            )
        # (1 + x/1024)**1024 in place of exp(x), whose last bit differs between machines.
        factor = 1.0 + log_price / 1024
        for _ in range(10):
            factor *= factor
        return np.maximum(_round(factor * self._base_ticks), 1)

    def minutes(self, first_minute: int, count: int) -> Bars:
        """Return the final candles of *count* minutes, as they stand once closed, without any change."""
        end = first_minute + count
        blocks = range(first_minute, end, _BLOCK_MINUTES)
        return _join([self._block(start, min(_BLOCK_MINUTES, end - start)) for start in blocks])

    def klines(self, query: KlinesQuery, now_ms: int) -> list[Row]:
        """Return the rows of Binance's answer, the forming candle last if it is asked for."""
        rows: list[Row] = orjson.loads(self.klines_json(query, now_ms))
        return rows

    def klines_json(self, query: KlinesQuery, now_ms: int) -> bytes:
        """Return Binance's answer: the rows as JSON."""
        spans = self.history.list_spans(now_ms)
        opens_ms = list_slots(query, spans)
        if not opens_ms:
            return b"[]"
        interval = query.interval
        if self._is_cut_from_days(interval, opens_ms, now_ms):
            return self._days.page(self._write_minutes, opens_ms[0] // MINUTE_MS, len(opens_ms))
        chunks = _chunks(interval, opens_ms)
        bars = _join([self._chunk(interval, chunk, spans, now_ms) for chunk in chunks])
        closes_ms = _closes(interval, opens_ms)
        self.history.cut_closes(interval, opens_ms, closes_ms, spans, now_ms)
        return page_text(self.spec, np.array(opens_ms, dtype=np.int64), closes_ms, bars)

    def _is_cut_from_days(self, interval: Interval, opens_ms: list[int], now_ms: int) -> bool:
        is_past = len(opens_ms) >= _MANY_ROWS and opens_ms[-1] < Interval.D1.floor(now_ms)
        return is_past and interval is Interval.M1 and self.history.is_plain

    def _write_minutes(self, first_minute: int, count: int) -> bytes:
        opens_ms = np.arange(first_minute, first_minute + count, dtype=np.int64) * MINUTE_MS
        bars = self.minutes(first_minute, count)
        return page_text(self.spec, opens_ms, opens_ms + (MINUTE_MS - 1), bars)

    def mid_ticks(self, now_ms: int) -> int:
        """Return the price of this moment."""
        return int(self._minutes_until(now_ms // MINUTE_MS, 1, now_ms).close[-1])

    def _chunk(self, interval: Interval, opens_ms: list[int], spans: Sequence[Window], now_ms: int) -> Bars:
        """Return the candles of *opens_ms*, each the aggregate of its minutes that exist by now."""
        numbers = _list_minutes(spans, Window(opens_ms[0], interval.next(opens_ms[-1])))
        first, count = int(numbers[0]), int(numbers[-1] - numbers[0]) + 1
        minutes = self._minutes_until(first, count, now_ms)
        if len(numbers) < count:
            minutes = Bars(*(column[numbers - first] for column in minutes))
        if interval is Interval.M1:
            return minutes
        return aggregate(minutes, np.searchsorted(numbers, np.array(opens_ms) // MINUTE_MS))

    def _minutes_until(self, first_minute: int, count: int, now_ms: int) -> Bars:
        """Return successive minutes as they are known at *now_ms*; the one it lies in is partial."""
        bars = self.minutes(first_minute, count)
        if first_minute + count - 1 == now_ms // MINUTE_MS:
            _make_partial(bars, now_ms % MINUTE_MS)
        self.history.alter(bars, first_minute, now_ms, lambda minute: int(self.price_ticks(minute, 1)[0]))
        return bars

    def _block(self, first_minute: int, count: int) -> Bars:
        prices = self.price_ticks(first_minute, count + 1)
        opens, closes = prices[:-1], prices[1:]
        numbers = np.arange(first_minute, first_minute + count, dtype=np.int64)
        up, down, average, taker = _quarters(self._shape_key, numbers)
        reach = closes * (1.5 * _MINUTE_VOLATILITY)
        high = np.maximum(opens, closes) + _round(reach * up * up)
        low = np.maximum(np.minimum(opens, closes) - _round(reach * down * down), 1)
        mean_price = low + _floor((high - low) * average)
        volume, trades = self._volume_and_trades(numbers)
        taker_volume = _floor(volume * (0.25 + 0.5 * taker))
        quotes = mean_price * volume, mean_price * taker_volume
        return Bars(opens, high, low, closes, volume, quotes[0], trades, taker_volume, quotes[1])

    def _volume_and_trades(self, numbers: Ints) -> tuple[Ints, Ints]:
        rhythm = _daily_rhythm(numbers)
        burst = uniform_at(self._volume_key, numbers)
        volume = np.maximum(_round(self._mean_steps * rhythm * (0.2 + 3.0 * burst * burst * burst)), 1)
        mean_trades = self.spec.quote_per_minute / _TRADE_SIZE
        trades = _round(mean_trades * rhythm * (0.3 + 1.4 * uniform_at(self._trades_key, numbers))) + 1
        return volume, np.minimum(trades, volume)


class Market:
    """All symbols of a simulated exchange, and the changes made to them. Safe for many threads."""

    def __init__(self, seed: int, specs: tuple[SymbolSpec, ...]) -> None:
        self._seed = seed
        self._specs = {spec.symbol: spec for spec in specs}
        self._changes: dict[int, MarketChange] = {}
        self._last_id = 0
        self._lock = threading.Lock()
        self._days = DayPages()
        self._symbols = self._build_symbols()

    def list_symbols(self, now_ms: int) -> list[SymbolSpec]:
        """List the symbols that have been listed by now, delisted ones included."""
        specs = (market.history.find_spec(now_ms) for market in self._symbols.values())
        return [spec for spec in specs if spec is not None]

    def find_symbol(self, symbol: str, now_ms: int) -> SymbolSpec | None:
        market = self._symbols.get(symbol)
        return market.history.find_spec(now_ms) if market else None

    def klines(self, symbol: str, query: KlinesQuery, now_ms: int) -> list[Row]:
        return self._symbols[symbol].klines(query, now_ms)

    def klines_json(self, symbol: str, query: KlinesQuery, now_ms: int) -> bytes:
        return self._symbols[symbol].klines_json(query, now_ms)

    def mid_ticks(self, symbol: str, now_ms: int) -> int | None:
        return self._symbols[symbol].mid_ticks(now_ms)

    def add_change(self, change: MarketChange) -> int:
        """Change the market and return the change's id."""
        if change.symbol is not None and change.symbol not in self._specs:
            known = ", ".join(self._specs)
            raise SpecError(f"market change {change.kind}: unknown symbol {change.symbol}; known are {known}")
        with self._lock:
            self._last_id += 1
            self._changes[self._last_id] = change
            self._symbols = self._build_symbols()
            return self._last_id

    def remove_changes(self, change_ids: Iterable[int] | None = None) -> int:
        """Take changes back (default: all), as if they had never been; return how many there were."""
        with self._lock:
            doomed = set(self._changes if change_ids is None else change_ids) & self._changes.keys()
            self._changes = {key: change for key, change in self._changes.items() if key not in doomed}
            self._symbols = self._build_symbols()
            return len(doomed)

    def describe_changes(self) -> list[dict[str, object]]:
        with self._lock:
            return [{"id": key, **describe_change(change)} for key, change in self._changes.items()]

    def _build_symbols(self) -> dict[str, SymbolMarket]:
        return {symbol: self._build_symbol(spec) for symbol, spec in self._specs.items()}

    def _build_symbol(self, spec: SymbolSpec) -> SymbolMarket:
        changes = [change for change in self._changes.values() if change.symbol in {None, spec.symbol}]
        return SymbolMarket(self._seed, spec, changes, self._days)


def aggregate(minutes: Bars, starts: Ints) -> Bars:
    """Fold minutes into longer candles; *starts* are the indexes of each candle's first minute."""
    ends = np.append(starts[1:], len(minutes.open)) - 1
    sums = (np.add.reduceat(column, starts) for column in minutes[4:])
    high = np.maximum.reduceat(minutes.high, starts)
    low = np.minimum.reduceat(minutes.low, starts)
    return Bars(minutes.open[starts], high, low, minutes.close[ends], *sums)


def check_spec(spec: SymbolSpec) -> None:
    """Refuse a symbol whose quote volumes need more than 8 decimals or could overflow within a month."""
    decimals = spec.price_decimals + spec.quantity_decimals
    if min(spec.price_decimals, spec.quantity_decimals) < 0 or decimals > DECIMALS:
        raise ValueError(
            f"{spec.symbol}: tick and step together must have 0 to {DECIMALS} decimals, not {decimals}"
        )
    busiest_month = (
        spec.quote_per_minute * _LONGEST_MONTH_MINUTES * _BUSIEST_MINUTE_FACTOR * _HIGHEST_PRICE_FACTOR
    )
    if busiest_month * 10**decimals >= 2**63:
        raise ValueError(
            f"{spec.symbol}: quote_per_minute {spec.quote_per_minute} could overflow within a month"
        )


def _join(pieces: list[Bars]) -> Bars:
    return Bars(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))


def _make_partial(bars: Bars, elapsed_ms: int) -> None:
    """Set the last minute back to how it stood *elapsed_ms* after its open.

    Everything grows linearly towards the final candle, so high and volume never fall while it forms.
    """
    start, final = int(bars.open[-1]), int(bars.close[-1])
    close = start + (final - start) * elapsed_ms // MINUTE_MS
    upper_wick = int(bars.high[-1]) - max(start, final)
    lower_wick = min(start, final) - int(bars.low[-1])
    mean_price = int(bars.quote_volume[-1] // bars.volume[-1])
    high = max(start, close) + upper_wick * elapsed_ms // MINUTE_MS
    low = min(start, close) - lower_wick * elapsed_ms // MINUTE_MS
    mean_price = min(max(mean_price, low), high)
    bars.close[-1], bars.high[-1], bars.low[-1] = close, high, low
    for column in (bars.volume, bars.trades, bars.taker_volume):
        column[-1] = int(column[-1]) * elapsed_ms // MINUTE_MS
    bars.quote_volume[-1] = mean_price * int(bars.volume[-1])
    bars.taker_quote_volume[-1] = mean_price * int(bars.taker_volume[-1])


def _closes(interval: Interval, opens_ms: list[int]) -> Ints:
    if interval.fixed_ms is not None:
        return np.array(opens_ms, dtype=np.int64) + (interval.fixed_ms - 1)
    return np.array([interval.next(open_ms) - 1 for open_ms in opens_ms], dtype=np.int64)


def _list_minutes(spans: Sequence[Window], window: Window) -> Ints:
    """Return the numbers of the minutes that exist in *window*."""
    parts = [(max(span.start_ms, window.start_ms), min(span.end_ms, window.end_ms)) for span in spans]
    numbers = [
        np.arange(start_ms // MINUTE_MS, end_ms // MINUTE_MS, dtype=np.int64)
        for start_ms, end_ms in parts
        if start_ms < end_ms
    ]
    return np.concatenate(numbers)


def _chunks(interval: Interval, opens_ms: list[int]) -> Iterator[list[int]]:
    longest_ms = interval.fixed_ms or 31 * DAY_MS
    size = max(1, _CHUNK_MINUTES * MINUTE_MS // longest_ms)
    return (opens_ms[start : start + size] for start in range(0, len(opens_ms), size))


def _daily_rhythm(numbers: Ints) -> Floats:
    """Return 0.5 at the quietest minute of the day (02:30 UTC) to 1.5 at the busiest (14:30)."""
    distance = np.abs((numbers - 870) % _MINUTES_PER_DAY - _MINUTES_PER_DAY // 2)
    return 0.5 + distance * (2.0 / _MINUTES_PER_DAY)


def _quarters(key: int, numbers: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Cut one hash into four coarse numbers in [0, 1): a quarter of the work of four hashes."""
    bits = hash_at(key, numbers)
    mask = np.uint64(0xFFFF)
    first, second, third, fourth = (
        ((bits >> np.uint64(shift)) & mask).astype(np.float64) * 2.0**-16 for shift in (0, 16, 32, 48)
    )
    return first, second, third, fourth


def _round(values: Floats) -> Ints:
    return np.rint(values).astype(np.int64)


def _floor(values: Floats) -> Ints:
    return values.astype(np.int64)
