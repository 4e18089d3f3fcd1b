"""What is loaded into the fact tables: the rows of one object, every value already the text to store.

Times are ``2026-01-09T14:30:00.123``, amounts have exactly 8 decimals. Text goes to both engines without
another conversion, and no value passes through a float on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.domain import SeriesKey, Window
from src.warehouse.types import sql_time

# The columns of ``KlineBatch.rows``, in their order.
CANDLE_COLUMNS = (
    "open_time",
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "volume",
    "close_time",
    "quote_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
KLINE_COLUMNS = ("exchange", "symbol", "interval_code", *CANDLE_COLUMNS, "object_id", "captured_at")
DEPTH_COLUMNS = ("exchange", "symbol", "captured_at", "side", "price", "quantity", "object_id")

TextRow = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KlineBatch:
    """The closed candles of one object, oldest first, each open_time once."""

    series: SeriesKey
    object_id: int
    object_key: str
    captured_at_ms: int
    open_times_ms: NDArray[np.int64]
    rows: Sequence[TextRow]

    @property
    def precedence(self) -> tuple[int, str]:
        """The greater wins where two objects hold the same candle."""
        return (self.captured_at_ms, self.object_key)

    @property
    def window(self) -> Window | None:
        """From the first open_time to the end of the last slot; None without a candle."""
        if not len(self.open_times_ms):
            return None
        return Window(int(self.open_times_ms[0]), self.series.interval.next(int(self.open_times_ms[-1])))

    def fact_rows(self) -> list[TextRow]:
        """Return the rows as ``KLINE_COLUMNS``."""
        head = (self.series.exchange, self.series.symbol, self.series.interval.value)
        tail = (str(self.object_id), sql_time(self.captured_at_ms))
        return [head + row + tail for row in self.rows]


@dataclass(frozen=True, slots=True)
class DepthBatch:
    """One order-book snapshot; *levels* are (side, price, quantity)."""

    exchange: str
    symbol: str
    object_id: int
    captured_at_ms: int
    levels: Sequence[TextRow]

    def fact_rows(self) -> list[TextRow]:
        """Return the rows as ``DEPTH_COLUMNS``."""
        head = (self.exchange, self.symbol, sql_time(self.captured_at_ms))
        return [(*head, *level, str(self.object_id)) for level in self.levels]


def newest_rows(batches: Sequence[KlineBatch]) -> tuple[NDArray[np.int64], list[TextRow]]:
    """Merge objects of one series: of each open_time the row of the greatest precedence, oldest first."""
    ordered = sorted(batches, key=lambda batch: batch.precedence)
    times = np.concatenate([batch.open_times_ms for batch in ordered])
    rows = [row for batch in ordered for row in batch.fact_rows()]
    # Reversed, so that unique's "first index" of each time is its last, and greatest, occurrence.
    unique, from_the_end = np.unique(times[::-1], return_index=True)
    picked = len(times) - 1 - from_the_end
    if len(picked) == len(rows) and bool((picked[1:] > picked[:-1]).all()):
        return unique, rows
    return unique, [rows[index] for index in picked]
