"""Findings of quality in every warehouse: found from the facts, kept by day, acknowledged once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import update

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window, utc_from_ms
from src.errors import NotFound
from src.maintenance.quality import check_quality
from src.warehouse.ledger_tables import quality_findings
from src.warehouse.quality import FindingFilter, FindingRow, Severity, acknowledge, list_findings
from src.warehouse.series import set_tier, set_tracked
from src.warehouse.symbols import SymbolRow, upsert_symbols
from src.warehouse.tables import fact_klines
from tests.builders import CAPTURED_MS, DAY_START_MS, Kline, Pipeline, make_kline, make_object

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
DAY = Window(DAY_START_MS, DAY_START_MS + DAY_MS)
NOON_MS = DAY_START_MS + 12 * HOUR_MS


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    emptied_pipeline.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    return emptied_pipeline


def load(pipeline: Pipeline, klines: list[Kline], captured_at_ms: int = CAPTURED_MS) -> None:
    pipeline.land(make_object("BTCUSDT", klines, captured_at_ms))
    assert not pipeline.load().quarantined


def minutes(count: int) -> list[Kline]:
    return [make_kline(DAY_START_MS + minute * MINUTE_MS) for minute in range(count)]


def check(pipeline: Pipeline, now_ms: int = NOON_MS, window: Window = DAY) -> dict[str, int]:
    """Check, and return what is then listed as not acknowledged."""
    pipeline.warehouse.run(lambda connection: check_quality(connection, BTC, window, now_ms))
    return {row.finding.kind.value: row.finding.count for row in listed(pipeline)}


def listed(pipeline: Pipeline, wanted: FindingFilter | None = None) -> list[FindingRow]:
    with pipeline.warehouse.read() as connection:
        return list_findings(connection, wanted or FindingFilter())


def see_all(pipeline: Pipeline) -> int:
    ids = [row.id for row in listed(pipeline)]
    return pipeline.warehouse.run(lambda connection: acknowledge(connection, ids, "anna@pi"))


def test_everything_odd_about_a_day_is_found(pipeline: Pipeline) -> None:
    odd = minutes(719)
    odd[100] = odd[100]._replace(close_price="90.00000001")
    odd[200] = odd[200]._replace(close_price="145.00000000", high_price="190.00000000")
    odd[300:370] = [one._replace(volume="0.00000000", trade_count=0) for one in odd[300:370]]
    odd[400] = odd[400]._replace(volume="999.00000000")
    odd.insert(501, make_kline(DAY_START_MS + 500 * MINUTE_MS + 7_000))
    odd.append(odd[-1]._replace(trade_count=8))
    odd.append(make_kline(DAY_START_MS + 719 * MINUTE_MS, high_price="1.00000000"))
    load(pipeline, odd)
    load(pipeline, [odd[0]._replace(trade_count=9)], CAPTURED_MS + 1)
    with pipeline.warehouse.write() as connection:
        is_tampered = fact_klines.c.open_time == DAY_START_MS + 10 * MINUTE_MS
        connection.execute(update(fact_klines).where(is_tampered).values(high_price=Decimal(104)))
    assert check(pipeline) == {
        "ohlc": 1,
        "price_jump": 2,  # up to 145 and back; 105 to 90 is less than a fifth
        "zero_volume": 70,
        "volume_outlier": 1,
        "off_grid": 1,
        "duplicate": 1,
        "quarantined": 1,
        "restatement": 1,
    }
    kinds = {row.finding.kind.value: row.finding.severity.value for row in listed(pipeline)}
    assert (kinds["ohlc"], kinds["price_jump"], kinds["zero_volume"]) == ("error", "warning", "info")
    errors = listed(pipeline, FindingFilter(severities=[Severity.ERROR]))
    assert [row.finding.detail for row in errors] == ["prices that cannot be: 00:10 (UTC)"]


def test_what_is_mended_is_no_finding_any_more(pipeline: Pipeline) -> None:
    odd = minutes(719)
    odd[200] = odd[200]._replace(volume="999.00000000")
    load(pipeline, odd)
    assert check(pipeline) == {"volume_outlier": 1}
    load(pipeline, minutes(719), CAPTURED_MS + 1)
    assert check(pipeline) == {"restatement": 1}


def test_acknowledgement_stays_until_there_is_more_of_the_same(pipeline: Pipeline) -> None:
    odd = minutes(719)
    odd[200] = odd[200]._replace(volume="999.00000000")
    load(pipeline, odd)
    check(pipeline)
    assert see_all(pipeline) == 1
    assert check(pipeline) == {}
    [seen] = listed(pipeline, FindingFilter(open_only=False))
    assert (seen.acknowledged_by, seen.series, seen.finding.count) == ("anna@pi", BTC, 1)
    assert seen.finding.date == utc_from_ms(DAY_START_MS).date()
    load(pipeline, [odd[201]._replace(volume="999.00000000")], CAPTURED_MS + 1)
    assert check(pipeline) == {"volume_outlier": 2, "restatement": 1}


def test_acknowledging_what_is_not_there_names_it(pipeline: Pipeline) -> None:
    with pytest.raises(NotFound, match="no finding 7"):
        pipeline.warehouse.run(lambda connection: acknowledge(connection, [7], "anna@pi"))


def test_other_days_stay_as_they_are(pipeline: Pipeline) -> None:
    odd = minutes(1_500)
    odd[200] = odd[200]._replace(volume="999.00000000")
    load(pipeline, odd)
    check(pipeline)
    tomorrow = Window(DAY.end_ms, DAY.end_ms + DAY_MS)
    assert check(pipeline, now_ms=DAY.end_ms + HOUR_MS, window=tomorrow) == {"volume_outlier": 1}


@pytest.mark.parametrize(
    ("tier", "late_h", "is_stale"), [("TIER4", 23, 0), ("TIER4", 24, 1), ("TIER1", 3, 1)]
)
def test_series_that_is_late_for_its_tier_is_stale_today(
    pipeline: Pipeline, tier: str, late_h: int, is_stale: int
) -> None:
    load(pipeline, minutes(2))
    pipeline.warehouse.run(lambda connection: set_tier(connection, [BTC], tier))
    now_ms = DAY_START_MS + 3 * MINUTE_MS + late_h * HOUR_MS
    both_days = Window(DAY.start_ms, DAY.end_ms + DAY_MS)
    assert check(pipeline, now_ms, both_days) == ({"stale": 1} if is_stale else {})


def test_that_it_was_stale_yesterday_is_remembered_and_today_taken_back(pipeline: Pipeline) -> None:
    load(pipeline, minutes(2))
    pipeline.warehouse.run(lambda connection: set_tier(connection, [BTC], "TIER1"))
    assert check(pipeline, NOON_MS) == {"stale": 1}
    assert check(pipeline, DAY_START_MS + HOUR_MS) == {}
    check(pipeline, NOON_MS)
    load(pipeline, [make_kline(DAY.end_ms + HOUR_MS)], CAPTURED_MS + 1)
    both_days = Window(DAY.start_ms, DAY.end_ms + DAY_MS)
    assert check(pipeline, DAY.end_ms + HOUR_MS + MINUTE_MS, both_days) == {"stale": 1}


def test_symbol_that_does_not_trade_is_not_stale(pipeline: Pipeline) -> None:
    load(pipeline, minutes(2))
    row = SymbolRow("binance", "BTCUSDT", "BREAK", "BTC", "USDT", None, None)
    pipeline.warehouse.run(lambda connection: upsert_symbols(connection, [row], NOON_MS))
    long = Window(DAY_START_MS, DAY_START_MS + 101 * DAY_MS)
    assert check(pipeline, long.end_ms - HOUR_MS, long) == {}
    with pipeline.warehouse.read() as connection:
        assert connection.execute(quality_findings.select()).all() == []
