"""Request weight per address and minute, and what happens to those who ignore it.

As Binance: weight above the limit is answered 429 until the minute of the exchange's clock is over. Refused
calls count as well. Whoever goes on calling is banned (418), each time twice as long, up to three days.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from src.domain import MINUTE_MS

_LONGEST_BAN_S = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass: *status* is 200, 429 or 418; *used* counts this call in."""

    status: int
    used: int
    retry_after_s: int | None = None
    until_ms: int = 0


@dataclass(slots=True)
class _Account:
    minute: int = -1
    used: int = 0
    refused: int = 0
    bans: int = 0
    banned_until_ms: int = 0


class WeightLimiter:
    """Keeps one account per address. Time is given by the caller, in milliseconds of the exchange's clock."""

    def __init__(self, limit: int, calls_before_ban: int, first_ban_s: int) -> None:
        self.limit = limit
        self._calls_before_ban = calls_before_ban
        self._first_ban_s = first_ban_s
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()

    def charge(self, address: str, weight: int, now_ms: int) -> Verdict:
        with self._lock:
            account = self._accounts.setdefault(address, _Account())
            _turn_minute(account, now_ms // MINUTE_MS)
            account.used += weight
            if now_ms < account.banned_until_ms or account.used > self.limit:
                return self._refuse(account, now_ms)
            return Verdict(200, account.used)

    def _refuse(self, account: _Account, now_ms: int) -> Verdict:
        account.refused += 1
        if account.refused > self._calls_before_ban:
            self._ban(account, now_ms)
        if now_ms < account.banned_until_ms:
            return _verdict(418, account, account.banned_until_ms, now_ms)
        return _verdict(429, account, (now_ms // MINUTE_MS + 1) * MINUTE_MS, now_ms)

    def _ban(self, account: _Account, now_ms: int) -> None:
        seconds = min(self._first_ban_s * 2**account.bans, _LONGEST_BAN_S)
        account.bans += 1
        account.refused = 0
        account.banned_until_ms = now_ms + seconds * 1000


def _turn_minute(account: _Account, minute: int) -> None:
    """Forget another minute's weight, and its refused calls unless a ban goes on."""
    if account.minute != minute:
        account.minute, account.used = minute, 0
        if account.banned_until_ms < minute * MINUTE_MS:
            account.refused = 0


def _verdict(status: int, account: _Account, until_ms: int, now_ms: int) -> Verdict:
    return Verdict(status, account.used, -(-(until_ms - now_ms) // 1000), until_ms)
