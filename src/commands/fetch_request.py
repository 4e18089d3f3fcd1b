"""What people may ask to be fetched, read from what they typed; ConfigurationError says what is accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from src.commands.times import parse_time
from src.domain import Interval, SeriesKey, Window, format_utc
from src.errors import ConfigurationError
from src.extract.chunks import expected_candles
from src.warehouse.series import SeriesRow

_SYMBOL = re.compile(r"[A-Z0-9]{2,20}")


def parse_symbols(texts: Iterable[str]) -> list[str]:
    """Return the symbols of ``A,B``, each once, in capital letters."""
    names = _split(text.upper() for text in texts)
    if wrong := [name for name in names if not _SYMBOL.fullmatch(name)]:
        raise ConfigurationError(
            f"--symbols {', '.join(wrong)}: accepted are symbols of 2 to 20 letters and digits, like BTCUSDT"
        )
    return names


def parse_intervals(texts: Iterable[str]) -> list[Interval]:
    """Return the intervals of ``1m,1h``, each once; 1m when none is named."""
    names = _split(texts) or [Interval.M1.value]
    if wrong := [name for name in names if name not in list(Interval)]:
        raise ConfigurationError(f"--interval {', '.join(wrong)}: accepted are {', '.join(Interval)}")
    return [Interval(name) for name in names]


def parse_window(start: str, end: str | None, now_ms: int) -> Window:
    """Return the window asked for, up to now at most."""
    start_ms = parse_time(start, "--start")
    end_ms = now_ms if end is None else parse_time(end, "--end")
    if start_ms >= now_ms:
        raise ConfigurationError(
            f"--start {start}: nothing has happened then yet, it is {format_utc(now_ms)}"
        )
    if end_ms <= start_ms:
        raise ConfigurationError(f"--end {end}: must come after --start {start}")
    return Window(start_ms, min(end_ms, now_ms))


def check_window(window: Window, intervals: Iterable[Interval]) -> None:
    """Refuse a window in which no candle of one of *intervals* opens."""
    if empty := [interval.value for interval in intervals if not expected_candles(interval, window)]:
        raise ConfigurationError(f"--interval {', '.join(empty)}: no such candle opens in {window}")


def choose_series(
    tracked: Sequence[SeriesRow], exchange: str, symbols: Sequence[str], intervals: Sequence[Interval]
) -> list[SeriesKey]:
    """Return each of *symbols*, or of those that are *tracked* when none is named, at each interval."""
    names = symbols or list(dict.fromkeys(row.key.symbol for row in tracked if row.key.exchange == exchange))
    if not names:
        raise ConfigurationError(
            "--symbols: nothing is tracked, so name some, like --symbols BTCUSDT,ETHUSDT"
        )
    return [SeriesKey(exchange, symbol, interval) for symbol in names for interval in intervals]


def _split(texts: Iterable[str]) -> list[str]:
    names = [name.strip() for text in texts for name in text.split(",")]
    return list(dict.fromkeys(name for name in names if name))
