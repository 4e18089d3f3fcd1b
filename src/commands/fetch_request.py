"""What people may ask to be fetched, read from what they typed; ConfigurationError says what is accepted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from sqlalchemy import Connection

from src.commands.times import parse_time
from src.domain import MINUTE_MS, Interval, SeriesKey, Window, format_utc
from src.errors import ConfigurationError
from src.extract.binance import WEIGHT_KLINES
from src.extract.budget import ASSUMED_LIMIT
from src.extract.chunks import PAGE_CANDLES, expected_candles
from src.terminal import duration_text
from src.warehouse.app_settings import read_settings
from src.warehouse.budgets import find_budget
from src.warehouse.series import SeriesRow

if TYPE_CHECKING:
    from src.wiring import App

_SYMBOL = re.compile(r"[A-Z0-9]{2,20}")
# More than that at once is more likely a slip, of a century or of 1s for 1m, than meant.
MOST_CANDLES = 20_000_000


def parse_symbols(texts: Sequence[str]) -> list[str]:
    """Return the symbols of ``A,B``, each once, in capital letters; none where nothing was said."""
    names = _split("--symbols", [text.upper() for text in texts])
    if wrong := [name for name in names if not _SYMBOL.fullmatch(name)]:
        raise ConfigurationError(
            f"--symbols {', '.join(wrong)}: accepted are symbols of 2 to 20 letters and digits, like BTCUSDT"
        )
    return names


def parse_intervals(texts: Sequence[str]) -> list[Interval]:
    """Return the intervals of ``1m,1h``, each once; 1m when none is named."""
    names = _split("--interval", texts) or [Interval.M1.value]
    if wrong := [name for name in names if name not in list(Interval)]:
        raise ConfigurationError(f"--interval {', '.join(wrong)}: accepted are {', '.join(Interval)}")
    return [Interval(name) for name in names]


def parse_window(start: str, end: str | None, now_ms: int) -> Window:
    """Return the window asked for, up to now at most: where that cuts it, it is said."""
    start_ms = parse_time(start, "--start")
    end_ms = now_ms if end is None else parse_time(end, "--end")
    if start_ms >= now_ms:
        raise ConfigurationError(
            f"--start {start}: nothing has happened then yet, it is {format_utc(now_ms)}"
        )
    if end_ms <= start_ms:
        raise ConfigurationError(f"--end {end}: must come after --start {start}")
    if end_ms > now_ms:
        click.echo(f"--end {end} is to come: taken is now, {format_utc(now_ms)}", err=True)
    return Window(start_ms, min(end_ms, now_ms))


def check_window(window: Window, intervals: Iterable[Interval]) -> None:
    """Refuse a window in which no candle of one of *intervals* opens."""
    if empty := [interval.value for interval in intervals if not expected_candles(interval, window)]:
        raise ConfigurationError(f"--interval {', '.join(empty)}: no such candle opens in {window}")


def weight_a_minute(parts: App, connection: Connection) -> int:
    """Return what all that we request may weigh a minute, as far as that is known."""
    settings = parts.live.take(read_settings(connection))
    row = find_budget(connection, parts.exchange.name, settings.egress)
    limit = (row and row.weight_limit) or ASSUMED_LIMIT
    return int(limit * settings.budget_share)


def check_amount(series: Iterable[SeriesKey], window: Window, a_minute: int) -> None:
    """Refuse what is hardly meant, because it is so much; *a_minute* is the weight that requests may have."""
    lengths = Counter(key.interval for key in series)
    candles = sum(count * expected_candles(interval, window) for interval, count in lengths.items())
    if candles > MOST_CANDLES:
        least_ms = candles // PAGE_CANDLES * WEIGHT_KLINES * MINUTE_MS // max(1, a_minute)
        raise ConfigurationError(
            f"that would be {candles:,} candles, which take {duration_text(least_ms)} at least, by the "
            f"requests alone: ask for {MOST_CANDLES:,} at most, or say --yes if it is meant"
        )


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


def _split(option: str, texts: Sequence[str]) -> list[str]:
    names = [name.strip() for text in texts for name in text.split(",")]
    chosen = list(dict.fromkeys(name for name in names if name))
    # An empty variable of a shell must not mean what leaving the option out means.
    if texts and not chosen:
        raise ConfigurationError(f"{option} {','.join(texts)!r}: names nothing; leave it out for the default")
    return chosen
