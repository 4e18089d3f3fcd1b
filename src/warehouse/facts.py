"""What is loaded into the fact tables: the rows of one object, every value already the text to store.

Times are ``2026-01-09T14:30:00.123``, amounts have exactly 8 decimals. Text goes to both engines without
another conversion, and no value passes through a float on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress, pairwise

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

# One row: its values in the order of the columns, a tab between them. Text costs a tenth of a tuple's memory.
TextRow = str


@dataclass(frozen=True, slots=True, eq=False)
class RowChunk:
    """Rows that begin and end alike: *head* and *tail* are the same for all of them."""

    head: tuple[str, ...]
    rows: Sequence[TextRow]
    tail: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def tuples(self) -> Iterator[tuple[str, ...]]:
        """Yield the values of each row, head and tail included."""
        return ((*self.head, *row.split("\t"), *self.tail) for row in self.rows)

    def text(self) -> str:
        """Return the rows as lines; what all share is joined in between instead of added to each."""
        if not self.rows:
            return ""
        before = "".join(f"{value}\t" for value in self.head)
        after = "".join(f"\t{value}" for value in self.tail) + "\n"
        return before + (after + before).join(self.rows) + after


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of an answer that cannot be loaded: where it stands in it (from 0), why, and as it was sent."""

    index: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True, eq=False)
class KlineBatch:
    """The closed candles of one object, oldest first, each open_time once; *bad* rows beside them."""

    series: SeriesKey
    object_id: int
    object_key: str
    captured_at_ms: int
    open_times_ms: NDArray[np.int64]
    rows: Sequence[TextRow]
    bad: Sequence[BadRow] = ()

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

    def chunk(self) -> RowChunk:
        """Return the rows as ``KLINE_COLUMNS``."""
        head = (self.series.exchange, self.series.symbol, self.series.interval.value)
        return RowChunk(head, self.rows, (str(self.object_id), sql_time(self.captured_at_ms)))

    def only(self, wanted: NDArray[np.bool_]) -> KlineBatch:
        """Return the candles that *wanted* marks."""
        rows = list(compress(self.rows, wanted))
        return replace(self, open_times_ms=self.open_times_ms[wanted], rows=rows)


@dataclass(frozen=True, slots=True)
class DepthBatch:
    """One order-book snapshot; *levels* are (side, price, quantity)."""

    exchange: str
    symbol: str
    object_id: int
    captured_at_ms: int
    levels: Sequence[TextRow]

    def chunk(self) -> RowChunk:
        """Return the rows as ``DEPTH_COLUMNS``."""
        head = (self.exchange, self.symbol, sql_time(self.captured_at_ms))
        return RowChunk(head, self.levels, (str(self.object_id),))


def without_doubles(batches: Sequence[KlineBatch]) -> list[KlineBatch]:
    """Leave each candle of one series in the batch of the greatest precedence alone; oldest batch first."""
    filled = sorted((b for b in batches if len(b.rows)), key=lambda b: int(b.open_times_ms[0]))
    if all(one.open_times_ms[-1] < other.open_times_ms[0] for one, other in pairwise(filled)):
        return filled
    filled.sort(key=lambda batch: batch.precedence)
    times = np.concatenate([batch.open_times_ms for batch in filled])
    # Reversed, so that the first index unique finds of each time is its last, and greatest, occurrence.
    _, from_the_end = np.unique(times[::-1], return_index=True)
    wins = np.zeros(len(times), dtype=np.bool_)
    wins[len(times) - 1 - from_the_end] = True
    ends = np.cumsum([len(batch.rows) for batch in filled])[:-1]
    return [b.only(mask) for b, mask in zip(filled, np.split(wins, ends), strict=True) if mask.any()]
