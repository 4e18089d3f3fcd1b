"""Weight per address and minute, 429, and the bans of those who go on calling."""

from __future__ import annotations

from src.domain import MINUTE_MS
from src.simulator.limits import Verdict, WeightLimiter

MINUTE = 29_466_140 * MINUTE_MS


def limiter(limit: int = 100) -> WeightLimiter:
    return WeightLimiter(limit, calls_before_ban=3, first_ban_s=120)


def test_weight_adds_up_and_starts_anew_each_minute() -> None:
    account = limiter()
    assert account.charge("a", 40, MINUTE).used == 40
    assert account.charge("a", 60, MINUTE + 59_999) == Verdict(200, 100)
    assert account.charge("a", 2, MINUTE + MINUTE_MS) == Verdict(200, 2)


def test_over_the_limit_is_429_until_the_minute_is_over() -> None:
    account = limiter()
    account.charge("a", 100, MINUTE)
    refused = account.charge("a", 1, MINUTE + 12_345)
    assert (refused.status, refused.used, refused.retry_after_s) == (429, 101, 48)
    assert MINUTE + 12_345 + 48_000 >= MINUTE + MINUTE_MS
    assert account.charge("a", 1, MINUTE + MINUTE_MS).status == 200


def test_addresses_do_not_share_their_weight() -> None:
    account = limiter()
    account.charge("a", 101, MINUTE)
    assert account.charge("b", 1, MINUTE) == Verdict(200, 1)


def test_going_on_after_429_is_banned_longer_each_time() -> None:
    account = limiter()
    account.charge("a", 100, MINUTE)
    verdicts = [account.charge("a", 1, MINUTE) for _ in range(12)]
    assert [verdict.status for verdict in verdicts] == [429] * 3 + [418] * 9
    assert [verdict.retry_after_s for verdict in verdicts[3:]] == [120] * 4 + [240] * 4 + [480]


def test_ban_outlives_the_minute_and_ends() -> None:
    account = limiter()
    for _ in range(5):
        account.charge("a", 101, MINUTE)
    assert account.charge("a", 1, MINUTE + 119_999).status == 418
    assert account.charge("a", 1, MINUTE + 120_000).status == 200


def test_refusals_of_another_minute_do_not_add_up_to_a_ban() -> None:
    account = limiter()
    statuses = [account.charge("a", 101, MINUTE + n * MINUTE_MS).status for n in range(10)]
    assert statuses == [429] * 10


def test_bans_end_at_three_days() -> None:
    account = limiter(limit=1)
    longest = max(account.charge("a", 2, MINUTE).retry_after_s or 0 for _ in range(200))
    assert longest == 3 * 86_400
