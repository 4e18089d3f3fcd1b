"""Real archives of data.binance.vision, replayed as if they had happened just now.

Owns reading the files and shifting them in time. The text of every price and volume is served untouched,
a hole stays a hole, and an interval that is not on the tape has no candles: nothing here is computed.
"""

from __future__ import annotations

import re
import zipfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import orjson

from src.domain import Interval
from src.simulator.config import SymbolSpec
from src.simulator.slots import KlinesQuery
from src.simulator.wire import DECIMALS, Row

_FILE_NAME = re.compile(r"([A-Z0-9]+)-(\d+[a-zA-Z]+)-\d{4}-\d{2}(?:-\d{2})?\.(?:csv|zip)")
_COLUMNS = 12
# Milliseconds have 13 digits until the year 2286; the archives have had 16, microseconds, since 2025-01-01.
_FIRST_MICROSECOND = 10**14
_QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY")

_Series = tuple[str, Interval]


class TapeError(ValueError):
    """A file cannot be played; the message names the file and, where there is one, the line."""


class TapeSeries:
    """The rows of one series, by open time."""

    def __init__(self, rows: Iterable[Row]) -> None:
        by_open_ms = {int(row[0]): row for row in rows}
        self.opens_ms = sorted(by_open_ms)
        self.rows = [by_open_ms[open_ms] for open_ms in self.opens_ms]

    def shifted_to(self, today_ms: int) -> TapeSeries:
        """Return the same rows, moved by whole days so that the last one opens on the day of *today_ms*.

        Weeks and months lose their grid by this: tapes are made for intervals up to a day.
        """
        shift_ms = Interval.D1.floor(today_ms) - Interval.D1.floor(self.opens_ms[-1])
        return TapeSeries(
            [int(row[0]) + shift_ms, *row[1:6], int(row[6]) + shift_ms, *row[7:]] for row in self.rows
        )

    def select(self, query: KlinesQuery, now_ms: int) -> list[Row]:
        """Return the rows asked for; the one that *now_ms* lies in is served as it was when it closed."""
        end_ms = now_ms if query.end_ms is None else min(now_ms, query.end_ms)
        last = bisect_right(self.opens_ms, end_ms)
        first = bisect_left(self.opens_ms, query.start_ms or 0, hi=last)
        if query.wants_newest:
            return self.rows[max(first, last - query.limit) : last]
        return self.rows[first : min(last, first + query.limit)]


class Tape:
    """All series found in *files*, shifted so that each ends on the day of *now_ms*; later files win."""

    def __init__(self, files: Iterable[Path], now_ms: int) -> None:
        rows: dict[_Series, list[Row]] = defaultdict(list)
        for path in files:
            rows[_series_of(path)].extend(_read_rows(path))
        self._series = {key: TapeSeries(found).shifted_to(now_ms) for key, found in rows.items()}
        self._specs = {spec.symbol: spec for spec in self._build_specs()}

    def list_symbols(self, _now_ms: int) -> list[SymbolSpec]:
        return list(self._specs.values())

    def find_symbol(self, symbol: str, _now_ms: int) -> SymbolSpec | None:
        return self._specs.get(symbol)

    def klines(self, symbol: str, query: KlinesQuery, now_ms: int) -> list[Row]:
        series = self._series.get((symbol, query.interval))
        return series.select(query, now_ms) if series else []

    def klines_json(self, symbol: str, query: KlinesQuery, now_ms: int) -> bytes:
        return orjson.dumps(self.klines(symbol, query, now_ms))

    def mid_ticks(self, symbol: str, now_ms: int) -> int | None:
        """Return the newest close of the symbol, or None while all of its rows lie ahead."""
        newest = [
            rows[-1]
            for (name, interval), series in self._series.items()
            if name == symbol and (rows := series.select(KlinesQuery(interval, limit=1), now_ms))
        ]
        if not newest:
            return None
        close = Decimal(max(newest, key=lambda row: int(row[6]))[4])
        return int(close.scaleb(self._specs[symbol].price_decimals))

    def _build_specs(self) -> Iterator[SymbolSpec]:
        for symbol in sorted({name for name, _ in self._series}):
            rows = [
                row for (name, _), series in self._series.items() if name == symbol for row in series.rows
            ]
            quote = next((asset for asset in _QUOTE_ASSETS if symbol.endswith(asset)), "")
            yield SymbolSpec(
                symbol=symbol,
                base_asset=symbol.removesuffix(quote),
                base_price=Decimal(rows[-1][4]),
                price_decimals=max(_decimals(row[4]) for row in rows),
                quantity_decimals=max(_decimals(row[5]) for row in rows),
                quote_asset=quote,
                listed_at_ms=min(int(row[0]) for row in rows),
            )


def _series_of(path: Path) -> _Series:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise TapeError(
            f"{path}: expected a name such as BTCUSDT-1m-2022-01-01.zip or BTCUSDT-1h-2024-12.csv"
        )
    interval = "1M" if match[2] == "1mo" else match[2]
    if interval not in set(Interval):
        raise TapeError(f"{path}: {interval} is no interval of Binance's")
    return match[1], Interval(interval)


def _read_rows(path: Path) -> list[Row]:
    lines = [line for line in _read_text(path).splitlines() if line]
    if not lines:
        raise TapeError(f"{path} holds no rows")
    return [_parse_row(path, number, line) for number, line in enumerate(lines, 1)]


def _read_text(path: Path) -> str:
    try:
        if path.suffix == ".csv":
            return path.read_text(encoding="ascii")
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise TapeError(f"{path}: expected one CSV in the archive, found {len(names)} files")
            return archive.read(names[0]).decode("ascii")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise TapeError(f"{path} cannot be read: {error}") from error


def _parse_row(path: Path, number: int, line: str) -> Row:
    cells = line.split(",")
    if len(cells) != _COLUMNS:
        raise TapeError(f"{path} line {number}: expected {_COLUMNS} columns, found {len(cells)}")
    try:
        open_time, close_time, trades = int(cells[0]), int(cells[6]), int(cells[8])
    except ValueError as error:
        raise TapeError(f"{path} line {number}: times and trades must be whole numbers") from error
    unit = 1000 if open_time >= _FIRST_MICROSECOND else 1
    return [open_time // unit, *cells[1:6], close_time // unit, cells[7], trades, *cells[9:]]


def _decimals(text: int | str) -> int:
    """Return how many decimals are used, at most 8: 46216.93000000 uses two."""
    return min(len(str(text).partition(".")[2].rstrip("0")), DECIMALS)
