"""Indicators against worked examples that were published, and at their edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from src.domain import DAY_MS, HOUR_MS
from src.services.indicators import CandleSeries, Series, StatsCalculator

# ChartSchool (StockCharts), "Relative Strength Index", the sheet cs-rsi.xls: closes of QQQQ.
RSI_CLOSES = """
    44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328
    45.6140 46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521 45.7137 46.4515
    45.7835 45.3548 44.0288 44.1783 44.2181 44.5672 43.4205 42.6628 43.1314
"""
RSI_VALUES = """
    70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87 45.46
    37.30 33.08 37.77
"""
# ChartSchool, "Average True Range", cs-atr.xls: highs, lows and closes of QQQQ.
ATR_HIGHS = """
    48.70 48.72 48.90 48.87 48.82 49.05 49.20 49.35 49.92 50.19 50.12 49.66 49.88 50.19 50.36 50.57
    50.65 50.43 49.63 50.33 50.29 50.17 49.32 48.50 48.32 46.80 47.80 48.39 48.66 48.79
"""
ATR_LOWS = """
    47.79 48.14 48.39 48.37 48.24 48.64 48.94 48.86 49.50 49.87 49.20 48.90 49.43 49.73 49.26 50.09
    50.30 49.21 48.98 49.61 49.20 49.43 48.08 47.64 41.55 44.28 47.31 47.20 47.90 47.73
"""
ATR_CLOSES = """
    48.16 48.61 48.75 48.63 48.74 49.03 49.07 49.32 49.91 50.13 49.53 49.50 49.75 50.03 50.31 50.52
    50.41 49.34 49.37 50.23 49.24 49.93 48.43 48.18 46.57 45.41 47.77 47.72 48.62 47.85
"""
ATR_VALUES = """
    0.55 0.59 0.59 0.57 0.61 0.62 0.64 0.67 0.69 0.78 0.78 1.21 1.30 1.38 1.37 1.34 1.32
"""
# ChartSchool, "Moving Averages", cs-movavg.xls: closes of INTC.
AVERAGE_CLOSES = """
    22.27 22.19 22.08 22.17 22.18 22.13 22.23 22.43 22.24 22.29 22.15 22.39 22.38 22.61 23.36 24.05
    23.75 23.83 23.95 23.63 23.82 23.87 23.65 23.19 23.10 23.33 22.68 23.10 22.40 22.17
"""
SMA_VALUES = """
    22.22 22.21 22.23 22.26 22.31 22.42 22.61 22.77 22.91 23.08 23.21 23.38 23.53 23.65 23.71 23.69
    23.61 23.51 23.43 23.28 23.13
"""
EMA_VALUES = """
    22.22 22.21 22.24 22.27 22.33 22.52 22.80 22.97 23.13 23.28 23.34 23.43 23.51 23.54 23.47 23.40
    23.39 23.26 23.23 23.08 22.92
"""
# ChartSchool, "Bollinger Bands", cs-bbands.xls.
BAND_CLOSES = """
    86.16 89.09 88.78 90.32 89.07 91.15 89.44 89.18 86.93 87.68 86.96 89.43 89.32 88.72 87.45 87.26
    89.50 87.90 89.13 90.70 92.90 92.98
"""
# investexcel.net, "How to Calculate MACD in Excel": closes of AAPL from 2013-02-19 on.
MACD_CLOSES = """
    459.99 448.85 446.06 450.81 442.8 448.97 444.57 441.4 430.47 420.05 431.14 425.66 430.58 431.72
    437.87 428.43 428.35 432.5 443.66 455.72 454.49 452.08 452.73 461.91 463.58 461.14 452.08 442.66
    428.91 429.79 431.99 427.72 423.2 426.21 426.98 435.69
"""
MACD_LINE = """
    8.275269504 7.703378381 6.416074757 4.237519783 2.552583325 1.378885719 0.102981491 -1.258401953
    -2.070558190
"""


def numbers(text: str) -> list[float]:
    return [*map(float, text.split())]


def make_candles(
    closes: Sequence[float],
    highs: Sequence[float] | None = None,
    lows: Sequence[float] | None = None,
    volumes: Sequence[float] | None = None,
    step_ms: int = HOUR_MS,
) -> CandleSeries:
    columns = [closes if one is None else one for one in (highs, lows)]
    told = [np.array(one, dtype=np.float64) for one in (*columns, closes, volumes or [1.0] * len(closes))]
    return CandleSeries(np.arange(len(closes), dtype=np.int64) * step_ms, *told)


def calculate(closes: str) -> StatsCalculator:
    return StatsCalculator(make_candles(numbers(closes)))


def assert_warms_up(values: Series, warm_up: int, expected: str, within: float = 0.0051) -> None:
    """Compare what comes after the warm-up, which is NaN; the sheets use more digits than they show."""
    assert np.isnan(values[:warm_up]).all()
    wanted = numbers(expected)
    assert values[warm_up : warm_up + len(wanted)] == pytest.approx(wanted, abs=within)


def test_rsi_is_wilders() -> None:
    assert_warms_up(calculate(RSI_CLOSES).rsi(), 14, RSI_VALUES)


def test_atr_is_wilders() -> None:
    closes, highs, lows = map(numbers, (ATR_CLOSES, ATR_HIGHS, ATR_LOWS))
    assert_warms_up(StatsCalculator(make_candles(closes, highs, lows)).atr(), 13, ATR_VALUES, within=0.0055)


def test_moving_averages() -> None:
    calculator = calculate(AVERAGE_CLOSES)
    assert_warms_up(calculator.sma(10), 9, SMA_VALUES, within=0.011)
    assert_warms_up(calculator.ema(10), 9, EMA_VALUES, within=0.011)


def test_bollinger_bands_lie_two_deviations_of_the_population_apart() -> None:
    bands = calculate(BAND_CLOSES).bollinger()
    for values, expected in zip(
        bands, ("91.29 91.95 92.61", "88.71 89.05 89.24", "86.13 86.14 85.87"), strict=True
    ):
        assert_warms_up(values, 19, expected)


def test_macd_line_and_signal() -> None:
    macd = calculate(MACD_CLOSES).macd()
    assert_warms_up(macd.line, 25, MACD_LINE, within=1e-6)
    assert_warms_up(macd.signal, 33, "3.037525869 1.905652229", within=1e-6)
    assert_warms_up(macd.histogram, 33, "-5.108084059", within=1e-6)


def test_obv_adds_the_volume_of_rises_and_takes_that_of_falls() -> None:
    # ChartSchool, "On Balance Volume", cs-obv.xls, its first days.
    closes = [53.26, 53.30, 53.32, 53.72, 54.19, 53.92, 54.65, 54.60]
    volumes = [0.0, 8200.0, 8100.0, 8300.0, 8900.0, 9200.0, 13300.0, 10300.0]
    obv = StatsCalculator(make_candles(closes, volumes=volumes)).obv()
    assert obv.tolist() == [0, 8200, 16300, 24600, 33500, 24300, 37600, 27300]


def test_vwap_begins_anew_each_day() -> None:
    prices, volumes = [10.0, 20.0, 100.0, 200.0], [1.0, 3.0, 2.0, 2.0]
    candles = make_candles(prices, volumes=volumes, step_ms=DAY_MS // 2)
    assert StatsCalculator(candles).vwap().tolist() == [10.0, 17.5, 100.0, 150.0]
    assert StatsCalculator(candles).vwap(is_daily=False).tolist() == [10.0, 17.5, pytest.approx(45.0), 83.75]


def test_vwap_is_unknown_before_anything_was_traded() -> None:
    values = StatsCalculator(make_candles([10.0, 20.0], volumes=[0.0, 5.0])).vwap()
    assert np.isnan(values[0])
    assert values[1] == 20.0


def test_volume_profile_spreads_each_candle_over_its_range() -> None:
    candles = make_candles([5.0, 9.0, 5.0], [10.0, 9.0, 5.0], [0.0, 9.0, 5.0], [100.0, 7.0, 3.0])
    profile = StatsCalculator(candles).volume_profile(bins=5)
    assert profile is not None
    assert [one.volume for one in profile.bins] == pytest.approx([20, 20, 23, 20, 27])
    assert profile.point_of_control == pytest.approx(9)
    assert profile.value_area_high == pytest.approx(10)
    area = [one.volume for one in profile.bins if one.low >= profile.value_area_low - 1e-9]
    assert sum(area) >= 0.7 * 110


def test_volume_profile_of_nothing_is_none() -> None:
    assert StatsCalculator(make_candles([])).volume_profile() is None
    assert StatsCalculator(make_candles([1.0], volumes=[0.0])).volume_profile() is None


def test_volume_profile_of_one_price_has_all_of_it() -> None:
    profile = StatsCalculator(make_candles([4.0, 4.0], volumes=[1.0, 2.0])).volume_profile(bins=3)
    assert profile is not None
    assert sum(one.volume for one in profile.bins) == 3


@pytest.mark.parametrize("step", [0.0, 1.0])
def test_rsi_without_losses_is_never_nought(step: float) -> None:
    rsi = StatsCalculator(make_candles([100 + step * index for index in range(30)])).rsi()
    assert set(rsi[14:].tolist()) == {100.0 if step else 50.0}


def test_indicators_of_a_cheap_coin_are_those_of_a_dear_one() -> None:
    dear, cheap = numbers(BAND_CLOSES), [price * 1e-9 for price in numbers(BAND_CLOSES)]
    one, other = (StatsCalculator(make_candles(closes)) for closes in (dear, cheap))
    assert other.bollinger().upper[19:] == pytest.approx(one.bollinger().upper[19:] * 1e-9, rel=1e-9)
    assert other.rsi()[14:] == pytest.approx(one.rsi()[14:], rel=1e-6)


@pytest.mark.parametrize("count", [0, 1, 13, 25, 33])
def test_too_few_candles_give_values_that_are_unknown(count: int) -> None:
    calculator = StatsCalculator(make_candles([float(100 + index) for index in range(count)]))
    macd, bands = calculator.macd(), calculator.bollinger()
    series = [calculator.sma(20), calculator.ema(20), calculator.rsi(), calculator.atr(), *macd, *bands]
    assert {len(values) for values in [*series, calculator.obv(), calculator.vwap()]} == {count}
    assert np.isnan(macd.signal).all()
