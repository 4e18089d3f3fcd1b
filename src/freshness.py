"""How fresh a series is: how late its next candle is, judged by what is expected of its tier. Pure."""

from __future__ import annotations

from enum import StrEnum

from src.domain import HOUR_MS, Interval

# Of the lowest tier; a higher one allows a half, a quarter, an eighth of it.
_FRESH_MS, _STALE_MS = 2 * HOUR_MS, 24 * HOUR_MS


class Tier(StrEnum):
    """How much a series matters, the first the most; TIER4 unless somebody says otherwise."""

    TIER1 = "TIER1"
    TIER2 = "TIER2"
    TIER3 = "TIER3"
    TIER4 = "TIER4"


class Freshness(StrEnum):
    """Fresh, aging, or stale: then somebody should look."""

    FRESH = "fresh"
    AGING = "aging"
    STALE = "stale"


_DIVISORS = {Tier.TIER1: 8, Tier.TIER2: 4, Tier.TIER3: 2, Tier.TIER4: 1}


def lateness_ms(interval: Interval, last_open_ms: int, now_ms: int) -> int:
    """Return for how long the candle after the last one has been closed; negative before that."""
    return now_ms - interval.next(interval.next(last_open_ms))


def judge_freshness(late_ms: int, tier: Tier) -> Freshness:
    """Judge how late the next candle is: less than so much is fresh, from so much on it is stale."""
    if late_ms * _DIVISORS[tier] < _FRESH_MS:
        return Freshness.FRESH
    return Freshness.AGING if late_ms * _DIVISORS[tier] < _STALE_MS else Freshness.STALE
