"""Bad rows inside good objects: kept aside with place, reason and text, until loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from src.clock import SystemClock
from src.lake.local_store import LocalStore
from src.transform import klines
from src.warehouse.engine import open_warehouse
from src.warehouse.quarantine import release_all
from src.warehouse.schema import migrate
from src.warehouse.tables import fact_klines, lake_objects, quarantined_rows
from tests.builders import CAPTURED_MS, DAY_START_MS, Pipeline, make_kline, make_object, read_table

MINUTE_MS = 60_000


@pytest.fixture
def pipeline(warehouse_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    warehouse = open_warehouse(warehouse_url)
    migrate(warehouse)
    lake = LocalStore(tmp_path / "lake")
    lake.ensure_buckets()
    yield Pipeline(warehouse, lake, SystemClock())
    warehouse.close()


def test_bad_row_is_kept_aside_and_the_rest_loads(pipeline: Pipeline) -> None:
    good = [make_kline(DAY_START_MS + minute * MINUTE_MS) for minute in range(5)]
    bad = good[2]._replace(low_price="1000.00000000")
    pipeline.land(make_object("BTCUSDT", [*good[:2], bad, *good[3:]]))
    report = pipeline.load()
    assert (report.loaded.inserted, report.loaded.bad_rows, report.quarantined) == (4, 1, [])
    [row] = read_table(pipeline.warehouse, quarantined_rows)
    assert (row["symbol"], row["row_index"]) == ("BTCUSDT", 2)
    assert "not within low 1000.00000000" in row["reason"]
    assert row["raw"].startswith(f'[{bad.open_time},"100.00000000"')


def test_row_of_another_shape_is_kept_aside(pipeline: Pipeline) -> None:
    good = make_kline(DAY_START_MS)
    broken = make_kline(DAY_START_MS + MINUTE_MS)._replace(open_price=None)  # type: ignore[arg-type]
    pipeline.land(make_object("BTCUSDT", [good, broken]))
    assert pipeline.load().loaded.bad_rows == 1
    assert len(read_table(pipeline.warehouse, fact_klines)) == 1


def test_reason_of_another_shape_names_the_row_as_it_was_sent(pipeline: Pipeline) -> None:
    good = [make_kline(DAY_START_MS + minute * MINUTE_MS) for minute in range(12)]
    short = tuple(good[11])[:6]
    pipeline.land(make_object("BTCUSDT", [*good[:11], short]))  # type: ignore[list-item]
    pipeline.load()
    [row] = read_table(pipeline.warehouse, quarantined_rows)
    assert row["row_index"] == 11
    assert row["reason"] == "not a Binance kline: Expected `array` of length 12 - at `$[11]`"


def test_bad_rows_of_one_object_are_one_line_of_the_log(pipeline: Pipeline) -> None:
    good = [make_kline(DAY_START_MS + minute * MINUTE_MS) for minute in range(300)]
    bad = [kline._replace(trade_count=-1) for kline in good[1:]]
    made = make_object("BTCUSDT", [good[0], *bad])
    pipeline.land(made)
    with capture_logs() as logs:
        assert pipeline.load().loaded.bad_rows == 299
    [line] = [line for line in logs if line["log_level"] == "error"]
    assert (line["event"], line["key"], line["rows"]) == ("rows quarantined", made.key.text, 299)
    assert (line["first"], line["reason"]) == (1, "trade count -1 is out of range")


def test_bad_row_of_a_forming_candle_is_nobodys_business(pipeline: Pipeline) -> None:
    forming = make_kline(CAPTURED_MS, high_price="0.00000000")
    pipeline.land(make_object("BTCUSDT", [make_kline(DAY_START_MS), forming]))
    report = pipeline.load()
    assert (report.loaded.inserted, report.loaded.bad_rows) == (1, 0)


def test_loading_again_after_a_fix_releases_the_row(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.land(make_object("BTCUSDT", [make_kline(DAY_START_MS)]))
    with monkeypatch.context() as broken_parser:
        broken_parser.setattr(klines, "find_plain", lambda _: None)
        broken_parser.setattr(klines, "_MAX_TRADES", 1)
        assert pipeline.load().loaded.bad_rows == 1
    deleted = lake_objects.update().values(state="deleted")
    loaded = lake_objects.update().values(state="loaded")
    pipeline.warehouse.run(lambda connection: connection.execute(deleted))
    assert pipeline.warehouse.run(release_all) == 0, "what retention has deleted has no content any more"
    pipeline.warehouse.run(lambda connection: connection.execute(loaded))
    assert pipeline.warehouse.run(release_all) == 1
    report = pipeline.load()
    assert (report.loaded.inserted, report.loaded.bad_rows) == (1, 0)
    with pipeline.warehouse.read() as connection:
        assert connection.execute(select(quarantined_rows)).first() is None
