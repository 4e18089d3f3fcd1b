"""How far back an exchange's API reaches, and which file would help beyond that. Pure."""

from __future__ import annotations

from src.domain import DAY_MS, Interval, SeriesKey, Window, utc_from_ms
from src.extract.chunks import expected_candles

# Kraken answers with its newest 720 candles, whatever it is asked; Binance with all that it has.
_NEWEST_CANDLES = {"kraken": 720}
_ARCHIVES = "https://data.binance.vision/data/spot"


def count_beyond(key: SeriesKey, window: Window, now_ms: int) -> int:
    """Count the candles of *window* that are too old for the exchange's API; 0 where it gives all."""
    newest, length_ms = _NEWEST_CANDLES.get(key.exchange), key.interval.fixed_ms
    if newest is None or length_ms is None:
        return 0
    reached_ms = key.interval.floor(now_ms) - newest * length_ms
    if window.start_ms >= reached_ms:
        return 0
    return expected_candles(key.interval, Window(window.start_ms, min(window.end_ms, reached_ms)))


def find_file(key: SeriesKey, window: Window, now_ms: int) -> str | None:
    """Name the first file of an exchange's own archives that covers *window*, None when there is none yet."""
    if key.exchange == "kraken" and key.interval.fixed_ms:
        return f"{key.symbol}_{key.interval.fixed_ms // 60_000}.csv of Kraken's downloadable OHLCVT history"
    if key.exchange != "binance" or window.start_ms >= now_ms - now_ms % DAY_MS:
        return None  # a day's file comes the day after
    interval = "1mo" if key.interval is Interval.MO1 else key.interval.value
    is_within_a_day = (window.end_ms - 1) // DAY_MS == window.start_ms // DAY_MS
    is_this_month = f"{utc_from_ms(window.start_ms):%Y-%m}" == f"{utc_from_ms(now_ms):%Y-%m}"
    span, form = ("daily", "%Y-%m-%d") if is_within_a_day or is_this_month else ("monthly", "%Y-%m")
    name = f"{key.symbol}-{interval}-{utc_from_ms(window.start_ms):{form}}.zip"
    return f"{_ARCHIVES}/{span}/klines/{key.symbol}/{interval}/{name}"
