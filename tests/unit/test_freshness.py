"""How late is too late, by tier."""

from __future__ import annotations

import pytest

from src.domain import HOUR_MS, MINUTE_MS, Interval
from src.freshness import Freshness, Tier, judge_freshness, lateness_ms
from tests.builders import DAY_START_MS

FRESH, AGING, STALE = Freshness


@pytest.mark.parametrize(("tier", "divisor"), [("TIER4", 1), ("TIER3", 2), ("TIER2", 4), ("TIER1", 8)])
def test_each_tier_allows_half_of_the_one_below(tier: str, divisor: int) -> None:
    fresh_ms, stale_ms = 2 * HOUR_MS // divisor, 24 * HOUR_MS // divisor
    late = [-1, 0, fresh_ms - 1, fresh_ms, stale_ms - 1, stale_ms]
    assert [judge_freshness(ms, Tier(tier)) for ms in late] == [FRESH, FRESH, FRESH, AGING, AGING, STALE]


def test_lateness_counts_from_the_close_of_the_next_candle_due() -> None:
    now_ms = DAY_START_MS + 10 * MINUTE_MS
    assert lateness_ms(Interval.M1, DAY_START_MS + 8 * MINUTE_MS, now_ms) == 0
    assert lateness_ms(Interval.M1, DAY_START_MS + 9 * MINUTE_MS, now_ms) == -MINUTE_MS
    # An hourly candle is due an hour after the last: a series of hours is not late because it is one.
    assert lateness_ms(Interval.H1, DAY_START_MS - HOUR_MS, now_ms) == -50 * MINUTE_MS
