"""Indicators as a request names them: ``rsi``, ``rsi:21``, ``macd:12:26:9``, ``bollinger:20:2.5``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from src.domain import DAY_MS, Interval
from src.services.indicators import CandleSeries, Series, StatsCalculator

_MOST_PERIOD = 500
_MOST_BINS = 200
# After so many periods nothing that matters is left of where a smoothed value began.
_MEMORY = 20


class Indicator(StrEnum):
    """What can be asked for."""

    SMA = "sma"
    EMA = "ema"
    RSI = "rsi"
    MACD = "macd"
    BOLLINGER = "bollinger"
    ATR = "atr"
    OBV = "obv"
    VWAP = "vwap"
    VOLUME_PROFILE = "volume_profile"


INDICATORS = tuple(each.value for each in Indicator)
_DEFAULTS: dict[Indicator, tuple[float, ...]] = {
    Indicator.SMA: (20,),
    Indicator.EMA: (20,),
    Indicator.RSI: (14,),
    Indicator.MACD: (12, 26, 9),
    Indicator.BOLLINGER: (20, 2),
    Indicator.ATR: (14,),
    Indicator.OBV: (),
    Indicator.VWAP: (),
    Indicator.VOLUME_PROFILE: (24,),
}


@dataclass(frozen=True, slots=True)
class Computed:
    """An indicator with its parameters; *label* is how it was asked for, and is answered."""

    label: str
    kind: Indicator
    parameters: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> Computed:
        """Read a name with its parameters; ValueError says what is wrong."""
        name, *given = text.split(":")
        if name not in INDICATORS:
            raise ValueError(f"{text[:40]!r} is no indicator")
        kind = Indicator(name)
        defaults = _DEFAULTS[kind]
        if given and len(given) != len(defaults):
            raise ValueError(f"{text[:40]!r}: {name} takes {len(defaults)} numbers, or none")
        numbers = tuple(map(_number, given)) if given else defaults
        whole = numbers[:1] if kind is Indicator.BOLLINGER else numbers
        most = _MOST_BINS if kind is Indicator.VOLUME_PROFILE else _MOST_PERIOD
        if any(number != int(number) or not 1 <= number <= most for number in whole):
            raise ValueError(f"{text[:40]!r}: periods are whole numbers of 1 to {most}")
        if kind is Indicator.MACD and numbers[0] >= numbers[1]:
            raise ValueError(f"{text[:40]!r}: the first period is shorter than the second")
        return cls(text, kind, numbers)


def _number(text: str) -> float:
    if len(text) > 8 or not text.replace(".", "", 1).isascii() or not text.replace(".", "", 1).isdigit():
        raise ValueError(f"{text[:40]!r} is not a number")
    return float(text)


def warm_up_of(asked: Computed, interval: Interval) -> int:
    """Return how many candles before the first one have a part in its value, those that matter."""
    match asked.kind:
        case Indicator.SMA | Indicator.BOLLINGER:
            return int(asked.parameters[0])
        case Indicator.MACD:
            return int(_MEMORY // 2 * sum(asked.parameters[1:]))
        case Indicator.EMA:
            return int(_MEMORY // 2 * asked.parameters[0])
        case Indicator.RSI | Indicator.ATR:
            return int(_MEMORY * asked.parameters[0])
        case Indicator.VWAP:
            return DAY_MS // (interval.fixed_ms or DAY_MS)
    return 0


def compute(
    asked: Sequence[Computed], candles: CandleSeries, shown: int, interval: Interval
) -> tuple[dict[str, Series], dict[str, Any] | None]:
    """Return each series' values of the last *shown* candles, and the volume profile of these."""
    calculator = StatsCalculator(candles)
    last = _last(candles, shown)
    values: dict[str, Series] = {}
    profile = None
    for one in asked:
        if one.kind is Indicator.VOLUME_PROFILE:
            found = StatsCalculator(last).volume_profile(int(one.parameters[0]))
            profile = (
                None if found is None else {**found._asdict(), "bins": [b._asdict() for b in found.bins]}
            )
        elif one.kind is Indicator.OBV:
            values[one.label] = StatsCalculator(last).obv()
        elif one.kind is Indicator.VWAP and not _is_within_day(interval):
            values[one.label] = StatsCalculator(last).vwap(is_daily=False)
        else:
            for name, series in _series(calculator, one).items():
                values[name] = series[len(series) - shown :]
    return values, profile


def _is_within_day(interval: Interval) -> bool:
    return interval.fixed_ms is not None and interval.fixed_ms < DAY_MS


def _series(calculator: StatsCalculator, asked: Computed) -> dict[str, Series]:
    label = asked.label
    periods = [int(number) for number in asked.parameters]
    plain = {Indicator.SMA: calculator.sma, Indicator.EMA: calculator.ema, Indicator.ATR: calculator.atr}
    match asked.kind:
        case Indicator.MACD:
            macd = calculator.macd(*periods)
            return {label: macd.line, f"{label}.signal": macd.signal, f"{label}.histogram": macd.histogram}
        case Indicator.BOLLINGER:
            bands = calculator.bollinger(periods[0], asked.parameters[1])
            return {f"{label}.upper": bands.upper, label: bands.middle, f"{label}.lower": bands.lower}
        case Indicator.VWAP:
            return {label: calculator.vwap()}
    return {label: plain.get(asked.kind, calculator.rsi)(periods[0])}


def _last(candles: CandleSeries, count: int) -> CandleSeries:
    start = len(candles) - count
    columns = (candles.highs, candles.lows, candles.closes, candles.volumes)
    return CandleSeries(candles.open_times_ms[start:], *(column[start:] for column in columns))
