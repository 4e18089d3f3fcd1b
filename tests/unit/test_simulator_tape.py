"""Tape mode: real archives, shifted by whole days, otherwise untouched."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from src.simulator.slots import KlinesQuery
from src.simulator.tape import Tape, TapeError
from src.simulator.wire import Row

# 2026-11-22T13:00:30Z
NOW_MS = 1_795_352_430_000
TODAY_MS = Interval.D1.floor(NOW_MS)
LINE = "1640995200000,1.50000000,2.0,1.0,1.25000000,10.5,1640995259999,12.0,7,3.0,4.0,0"


def all_rows(tape: Tape, symbol: str, interval: Interval = Interval.M1, now_ms: int = NOW_MS) -> list[Row]:
    return tape.klines(symbol, KlinesQuery(interval, limit=10**9), now_ms)


def archive_rows(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        text = path.read_text()
    else:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
    return [line.split(",") for line in text.splitlines()]


def untimed(row: Row | list[str]) -> list[str]:
    return [str(cell) for column, cell in enumerate(row) if column not in {0, 6}]


def test_files_of_a_series_join_and_end_today(real_data_dir: Path) -> None:
    files = sorted((real_data_dir / "binance").glob("BTCUSDT-1m-*.zip"), reverse=True)
    end_of_today = TODAY_MS + DAY_MS
    rows = all_rows(Tape(files, NOW_MS), "BTCUSDT", now_ms=end_of_today)
    assert [row[0] for row in rows] == list(range(end_of_today - 3 * DAY_MS, end_of_today, MINUTE_MS))
    original = [row for path in sorted(files) for row in archive_rows(path)]
    assert [untimed(row) for row in rows] == [untimed(row) for row in original]
    assert all(int(row[6]) == int(row[0]) + MINUTE_MS - 1 for row in rows)


def test_what_lies_ahead_is_not_served(real_data_dir: Path) -> None:
    tape = Tape([real_data_dir / "binance" / "BTCUSDT-1m-2022-01-03.zip"], NOW_MS)
    rows = all_rows(tape, "BTCUSDT")
    assert rows[0][0] == TODAY_MS
    assert rows[-1][0] == Interval.M1.floor(NOW_MS)
    later = all_rows(tape, "BTCUSDT", now_ms=NOW_MS + 30_000)
    assert len(later) == len(rows) + 1


def test_hole_stays_a_hole(real_data_dir: Path) -> None:
    tape = Tape([real_data_dir / "binance" / "SOLUSDT-1m-2023-02-14.zip"], NOW_MS)
    rows = all_rows(tape, "SOLUSDT", now_ms=NOW_MS + DAY_MS)
    missing = TODAY_MS + (16 * 60 + 39) * MINUTE_MS
    assert set(range(TODAY_MS, TODAY_MS + DAY_MS, MINUTE_MS)) - {int(row[0]) for row in rows} == {missing}
    query = KlinesQuery(Interval.M1, missing, missing + MINUTE_MS)
    assert [row[0] for row in tape.klines("SOLUSDT", query, NOW_MS + DAY_MS)] == [missing + MINUTE_MS]


def test_microseconds_are_served_as_milliseconds(real_data_dir: Path) -> None:
    binance = real_data_dir / "binance"
    files = [binance / "BTCUSDT-1h-2024-12.csv", binance / "BTCUSDT-1h-2025-01.csv"]
    rows = all_rows(Tape(files, NOW_MS), "BTCUSDT", Interval.H1, TODAY_MS + DAY_MS)
    opens = [int(row[0]) for row in rows]
    assert opens == list(range(TODAY_MS + DAY_MS - 1488 * HOUR_MS, TODAY_MS + DAY_MS, HOUR_MS))
    assert all(int(row[6]) == int(row[0]) + HOUR_MS - 1 for row in rows)
    original = [row for path in files for row in archive_rows(path)]
    assert [untimed(row) for row in rows] == [untimed(row) for row in original]


def test_archive_that_ends_early_ends_early(real_data_dir: Path) -> None:
    rows = all_rows(Tape([real_data_dir / "binance" / "ARBUSDT-1m-2023-07-27.zip"], NOW_MS), "ARBUSDT")
    assert len(rows) == 230
    assert rows[-1][0] == TODAY_MS + (3 * 60 + 49) * MINUTE_MS


def test_symbols_are_described_from_what_the_tape_shows(real_data_dir: Path) -> None:
    tape = Tape(sorted((real_data_dir / "binance").glob("*-1m-*.zip")), NOW_MS)
    specs = {spec.symbol: spec for spec in tape.list_symbols(NOW_MS)}
    assert sorted(specs) == ["ARBUSDT", "BTCUSDT", "SOLUSDT"]
    btc = specs["BTCUSDT"]
    assert (btc.base_asset, btc.quote_asset, btc.price_decimals, btc.quantity_decimals) == (
        "BTC",
        "USDT",
        2,
        5,
    )


def test_mid_price_is_the_newest_close_served(real_data_dir: Path) -> None:
    tape = Tape([real_data_dir / "binance" / "BTCUSDT-1m-2022-01-03.zip"], NOW_MS)
    close = str(all_rows(tape, "BTCUSDT")[-1][4])
    assert tape.mid_ticks("BTCUSDT", NOW_MS) == int(close.replace(".", "")) // 10**6
    assert tape.mid_ticks("BTCUSDT", TODAY_MS - 1) is None


def test_pages_follow_the_rules_of_klines(tmp_path: Path) -> None:
    lines = [LINE.replace("1640995200000", str(1_640_995_200_000 + n * MINUTE_MS)) for n in range(10)]
    (path := tmp_path / "BTCUSDT-1m-2022-01-01.csv").write_text("\n".join(lines) + "\n")
    tape = Tape([path], NOW_MS)

    def opens(start: int | None, end: int | None, limit: int) -> list[int]:
        start_ms, end_ms = (None if n is None else TODAY_MS + n * MINUTE_MS for n in (start, end))
        rows = tape.klines("BTCUSDT", KlinesQuery(Interval.M1, start_ms, end_ms, limit), NOW_MS)
        return [(int(row[0]) - TODAY_MS) // MINUTE_MS for row in rows]

    assert opens(None, None, 2) == [8, 9]
    assert opens(3, None, 2) == [3, 4]
    assert opens(None, 5, 2) == [4, 5]
    assert opens(3, 4, 500) == [3, 4]
    assert opens(-9, -1, 500) == []
    assert tape.klines("BTCUSDT", KlinesQuery(Interval.H1), NOW_MS) == []


def test_later_file_wins_where_two_overlap(tmp_path: Path) -> None:
    (first := tmp_path / "BTCUSDT-1m-2022-01-01.csv").write_text(LINE + "\n")
    (second := tmp_path / "BTCUSDT-1m-2022-01.csv").write_text(LINE.replace("10.5", "11.5") + "\n")
    assert [row[5] for row in all_rows(Tape([first, second], NOW_MS), "BTCUSDT")] == ["11.5"]


def test_close_time_that_was_cut_short_stays_short(tmp_path: Path) -> None:
    (path := tmp_path / "BTCUSDT-1m-2022-01-01.csv").write_text(LINE.replace("5259999", "5217123"))
    assert all_rows(Tape([path], NOW_MS), "BTCUSDT")[0][6] == TODAY_MS + 17_123


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("BTCUSDT.csv", LINE, "expected a name such as"),
        ("BTCUSDT-7m-2022-01-01.csv", LINE, "7m is no interval"),
        ("BTCUSDT-1m-2022-01-01.csv", "", "holds no rows"),
        ("BTCUSDT-1m-2022-01-01.csv", "1,2,3", "line 1: expected 12 columns, found 3"),
        ("BTCUSDT-1m-2022-01-01.csv", LINE + "\nx" + LINE, "line 2: times and trades must be whole numbers"),
        ("BTCUSDT-1m-2022-01-01.zip", "no zip", "cannot be read"),
    ],
)
def test_file_that_is_no_tape_is_refused(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (path := tmp_path / name).write_text(content)
    with pytest.raises(TapeError, match=complaint) as caught:
        Tape([path], NOW_MS)
    assert name in str(caught.value)


def test_zip_with_several_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m-2022-01-01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", LINE)
        archive.writestr("b.csv", LINE)
    with pytest.raises(TapeError, match="found 2 files"):
        Tape([path], NOW_MS)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"BTCUSDT-1m-2022-01-01\.zip cannot be read"):
        Tape([tmp_path / "BTCUSDT-1m-2022-01-01.zip"], NOW_MS)
