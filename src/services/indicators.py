"""StatsCalculator: indicators of a series of candles, each value beside its candle.

TA-Lib computes what it has, in floats: these are judgements, not records. Where there are not enough candles
before a value, it is NaN. Candles count as they come: a gap between two is no candle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import talib
from numpy.typing import NDArray

from src.domain import DAY_MS

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CandleSeries:
    """Candles in order of time as columns."""

    open_times_ms: NDArray[np.int64]
    highs: Series
    lows: Series
    closes: Series
    volumes: Series

    def __len__(self) -> int:
        return len(self.closes)


class Macd(NamedTuple):
    """The line (fast average less slow one), its signal, and the one less the other."""

    line: Series
    signal: Series
    histogram: Series


class Bands(NamedTuple):
    upper: Series
    middle: Series
    lower: Series


class VolumeBin(NamedTuple):
    """What was traded between two prices, in the base asset."""

    low: float
    high: float
    volume: float


class VolumeProfile(NamedTuple):
    """*point_of_control* is the middle of the bin with most volume; the value area holds 70 % around it."""

    bins: list[VolumeBin]
    point_of_control: float
    value_area_low: float
    value_area_high: float


class StatsCalculator:
    """Computes indicators of *candles*."""

    def __init__(self, candles: CandleSeries) -> None:
        self._candles = candles
        # TA-Lib takes what is below 1e-14 for nought, as squares of what cheap coins move by are.
        self._scale = float(candles.closes[-1]) if len(candles) and candles.closes[-1] > 0 else 1.0
        self._closes = candles.closes / self._scale

    def sma(self, period: int) -> Series:
        """Return the mean of the last *period* closes."""
        return self._average(talib.SMA, period)

    def ema(self, period: int) -> Series:
        """Return the exponential mean, which begins as the plain one."""
        return self._average(talib.EMA, period)

    def rsi(self, period: int = 14) -> Series:
        """Return Wilder's relative strength, 0 to 100: 100 where nothing was lost, 50 where nothing moved."""
        if len(self._candles) <= period:
            return self._nothing()
        changes = np.diff(self._closes)
        gains, losses = (_wilder(np.maximum(sign * changes, 0.0), period) for sign in (1, -1))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(losses == 0, 100.0, 100 - 100 / (1 + gains / losses))
        values[(losses == 0) & (gains == 0)] = 50.0
        values[np.isnan(losses)] = np.nan
        return np.concatenate([[np.nan], values])

    def macd(self, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
        """Return the moving averages' convergence and divergence; each average begins as a plain mean."""
        line = self.ema(fast) - self.ema(slow)
        known = line[slow - 1 :]
        averaged = _of(talib.EMA, known / self._scale, signal) * self._scale
        signals = np.concatenate([np.full(len(line) - len(known), np.nan), averaged])
        return Macd(line, signals, line - signals)

    def bollinger(self, period: int = 20, deviations: float = 2.0) -> Bands:
        """Return the plain mean, and so many standard deviations (of the whole population) around it."""
        if len(self._candles) < period:
            return Bands(self._nothing(), self._nothing(), self._nothing())
        # Around the middle of the range: TA-Lib subtracts squares, which costs digits far from nought.
        windows = np.lib.stride_tricks.sliding_window_view(self._closes, period)
        spread = np.concatenate([np.full(period - 1, np.nan), windows.std(axis=1)]) * self._scale * deviations
        middle = self.sma(period)
        return Bands(middle + spread, middle, middle - spread)

    def atr(self, period: int = 14) -> Series:
        """Return Wilder's average of the true range; the first candle's range is its high less its low."""
        if len(self._candles) < period:
            return self._nothing()
        highs, lows = self._candles.highs, self._candles.lows
        ranges = _of(talib.TRANGE, highs, lows, self._candles.closes)
        ranges[0] = highs[0] - lows[0]
        return _wilder(ranges, period)

    def obv(self) -> Series:
        """Return the volume on balance, counted from nought at the first candle."""
        directions = np.sign(np.diff(self._candles.closes))
        return np.concatenate([[0.0], np.cumsum(directions * self._candles.volumes[1:])])[
            : len(self._candles)
        ]

    def vwap(self, *, is_daily: bool = True) -> Series:
        """Return the mean price by volume since midnight UTC, or since the first candle; NaN before volume.

        The price of a candle is the mean of its high, low and close.
        """
        candles = self._candles
        prices = (candles.highs + candles.lows + candles.closes) / 3
        days = candles.open_times_ms // DAY_MS if is_daily else np.zeros(len(candles), dtype=np.int64)
        starts = np.concatenate([[True], days[1:] != days[:-1]])[: len(candles)]
        with np.errstate(divide="ignore", invalid="ignore"):
            return _since(starts, prices * candles.volumes) / _since(starts, candles.volumes)

    def volume_profile(self, bins: int = 24) -> VolumeProfile | None:
        """Return what was traded at which price, each candle spread over its range; None without volume."""
        candles = self._candles
        if not len(candles) or not candles.volumes.sum() > 0:
            return None
        edges = np.linspace(candles.lows.min(), candles.highs.max(), bins + 1)
        volumes = _spread_volumes(candles, edges)
        first, last = _value_area(volumes)
        most = int(volumes.argmax())
        found = [VolumeBin(*map(float, one)) for one in zip(edges[:-1], edges[1:], volumes, strict=True)]
        middle = float(edges[most] + edges[most + 1]) / 2
        return VolumeProfile(found, middle, float(edges[first]), float(edges[last + 1]))

    def _average(self, function: object, period: int) -> Series:
        return _of(function, self._closes, period) * self._scale

    def _nothing(self) -> Series:
        return np.full(len(self._candles), np.nan)


def _of(function: object, *arguments: object) -> Series:
    """Call TA-Lib, which refuses empty input."""
    first = arguments[0]
    if isinstance(first, np.ndarray) and not len(first):
        return np.array([], dtype=np.float64)
    values: Series = function(*arguments)  # type: ignore[operator]  # TA-Lib's functions have no types
    return values


def _wilder(values: Series, period: int) -> Series:
    """Smooth as Wilder does: begin with a plain mean, then let a *period*-th of each new value in."""
    smoothed = np.full(len(values), np.nan)
    if len(values) < period:
        return smoothed
    last = float(values[:period].mean())
    smoothed[period - 1] = last
    for index in range(period, len(values)):
        last += (float(values[index]) - last) / period
        smoothed[index] = last
    return smoothed


def _since(starts: NDArray[np.bool_], values: Series) -> Series:
    """Add up *values*, beginning anew at each start."""
    if not len(values):
        return values
    totals = np.cumsum(values)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(values)), 0))
    return totals - (totals - values)[first]


def _spread_volumes(candles: CandleSeries, edges: Series) -> Series:
    """Return the volume within each bin; a candle without a range lies in one bin."""
    lows, highs = candles.lows[:, None], candles.highs[:, None]
    overlap = np.minimum(highs, edges[None, 1:]) - np.maximum(lows, edges[None, :-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.maximum(overlap, 0.0) / (highs - lows)
    flat = np.flatnonzero(candles.highs <= candles.lows)
    places = np.searchsorted(edges, candles.lows[flat], side="right") - 1
    shares[flat] = 0.0
    shares[flat, np.clip(places, 0, len(edges) - 2)] = 1.0
    total: Series = (shares * candles.volumes[:, None]).sum(axis=0)
    return total


def _value_area(volumes: Series, share: float = 0.7) -> tuple[int, int]:
    """Return the first and the last bin around the fullest that together hold so much."""
    first = last = int(volumes.argmax())
    held, wanted = float(volumes[first]), share * float(volumes.sum())
    while held < wanted and (first > 0 or last < len(volumes) - 1):
        below = float(volumes[first - 1]) if first > 0 else -1.0
        above = float(volumes[last + 1]) if last < len(volumes) - 1 else -1.0
        if above >= below:
            last, held = last + 1, held + above
        else:
            first, held = first - 1, held + below
    return first, last
