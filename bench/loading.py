"""Landed objects of 1000 candles to facts with rollups, against the database's own fastest ways in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench.parts import CANDLES_AN_OBJECT, House, house, land_pages, timed
from bench.table import Result
from src.warehouse.facts import KLINE_COLUMNS
from src.warehouse.tables import fact_klines

_COLUMNS = ", ".join(KLINE_COLUMNS)
_ROUNDS = 3
_EXECUTEMANY_ROWS = 50_000


def measure(symbols: int, pages: int) -> Iterator[Result]:
    """Measure loading into empty windows and reloading identical rows; medians of interleaved rounds."""
    rows = symbols * pages * CANDLES_AN_OBJECT
    with house("loading", symbols) as parts:
        for symbol in parts.simulator.symbols:
            land_pages(parts, symbol, range(pages))
        parts.transform().load_waiting()  # warm: partitions made, buffers filled
        rounds = [_round(parts, rows) for _ in range(_ROUNDS)]
    ours, again, bare, many = (median(column) for column in zip(*rounds, strict=True))
    detail = f"{rows:,} rows of {symbols} symbols; ours {ours:,.0f} rows/s"
    yield _result("empty windows ÷ bare LOAD DATA", ours / bare, 0.7, f"{detail}, bare {bare:,.0f}")
    yield _result("empty windows ÷ executemany", ours / many, 2.5, f"{detail}, executemany {many:,.0f}")
    yield _result("identical rows again ÷ bare LOAD DATA", again / bare, 0.35, f"again {again:,.0f} rows/s")


def _result(what: str, ratio: float, wanted: float, detail: str) -> Result:
    return Result(what, f"{ratio:.2f} ×", f"≥ {wanted} ×", detail, ratio >= wanted)


def _round(parts: House, rows: int) -> tuple[float, float, float, float]:
    """Return rows/s of: us into empty windows, us again, bare LOAD, executemany of the facts alone."""
    _forget(parts)
    ours = rows / timed(parts.transform().load_waiting)
    _let_wait(parts)
    again = rows / timed(parts.transform().load_waiting)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        file, values = _copy_of_facts(parts, Path(folder))
        bare = rows / _timed_on_empty_facts(
            parts, f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE fact_klines ({_COLUMNS})"
        )
    many = len(values) / _timed_on_empty_facts(parts, _upsert_sql(), values)
    return ours, again, bare, many


def _copy_of_facts(parts: House, folder: Path) -> tuple[Path, list[tuple[Any, ...]]]:
    """Write the facts as LOAD DATA reads them, and return some of them for executemany."""
    with parts.warehouse.read() as connection:
        columns = [fact_klines.c[name] for name in KLINE_COLUMNS]
        found = connection.exec_driver_sql(
            f"SELECT {_COLUMNS} FROM fact_klines ORDER BY {', '.join(c.name for c in columns[:4])}"
        )
        values = [tuple(row) for row in found]
    file = folder / "facts.tsv"
    with file.open("w") as lines:
        lines.writelines("\t".join(map(str, row)) + "\n" for row in values)
    return file, values[:_EXECUTEMANY_ROWS]


def _upsert_sql() -> str:
    updates = ", ".join(f"{name} = VALUES({name})" for name in KLINE_COLUMNS[4:])
    marks = ", ".join(["%s"] * len(KLINE_COLUMNS))
    return f"INSERT INTO fact_klines ({_COLUMNS}) VALUES ({marks}) ON DUPLICATE KEY UPDATE {updates}"


def _timed_on_empty_facts(parts: House, sql: str, values: list[tuple[Any, ...]] | None = None) -> float:
    _execute(parts, "TRUNCATE fact_klines")

    def work() -> None:
        with parts.warehouse.write() as connection:
            if values is None:
                connection.exec_driver_sql(sql)
            else:
                for start in range(0, len(values), 1000):
                    connection.exec_driver_sql(sql, values[start : start + 1000])

    return timed(work)


def _forget(parts: House) -> None:
    for table in ("fact_klines", "hourly_klines", "daily_klines", "coverage_ranges"):
        _execute(parts, f"TRUNCATE {table}")
    _let_wait(parts)


def _let_wait(parts: House) -> None:
    _execute(parts, "UPDATE lake_objects SET state = 'landed'")


def _execute(parts: House, sql: str) -> None:
    with parts.warehouse.write() as connection:
        connection.exec_driver_sql(sql)
