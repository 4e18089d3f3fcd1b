"""The fault dial: which faults are set, and which of them happens to a request.

The first fault in the order of setting that applies is the one that happens; chance is seeded, so that
the same requests in the same order meet the same faults. Times are the simulator's, without skew.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from src.simulator.faults import Fault, describe_fault
from src.simulator.wire import Request


@dataclass(slots=True)
class _Armed:
    """A fault on the dial and what became of it."""

    fault_id: int
    fault: Fault
    armed_at_ms: int
    chance: random.Random
    matched: int = 0
    happened: int = 0

    def is_spent(self, now_ms: int) -> bool:
        fault = self.fault
        if fault.count is not None and self.happened >= fault.count:
            return True
        return fault.seconds is not None and now_ms >= self.armed_at_ms + fault.seconds * 1000

    def happens(self, request: Request, now_ms: int) -> bool:
        if now_ms < self.armed_at_ms or not self.fault.concerns(request) or self.is_spent(now_ms):
            return False
        self.matched += 1
        if self.matched <= self.fault.after or self.chance.random() >= self.fault.probability:
            return False
        self.happened += 1
        return True


@dataclass(slots=True)
class FaultDial:
    """The faults that are set, in the order they were set. Safe for many threads."""

    seed: int
    _armed: list[_Armed] = field(default_factory=list)
    _last_id: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, at_ms: int) -> int:
        """Set a fault that may happen from *at_ms* on, and return its id."""
        with self._lock:
            self._last_id += 1
            chance = random.Random(f"{self.seed}:{self._last_id}")
            self._armed.append(_Armed(self._last_id, fault, at_ms, chance))
            return self._last_id

    def pick(self, request: Request, now_ms: int) -> Fault | None:
        """Return the fault that happens to this request, and count it."""
        with self._lock:
            return next((armed.fault for armed in self._armed if armed.happens(request, now_ms)), None)

    def describe(self, now_ms: int) -> list[dict[str, object]]:
        """List all faults with how often each happened, spent ones included."""
        with self._lock:
            return [_describe(armed, now_ms) for armed in self._armed]

    def clear(self, fault_ids: Iterable[int] | None = None) -> int:
        """Take faults off the dial (default: all) and return how many there were."""
        with self._lock:
            doomed = {armed.fault_id for armed in self._armed} if fault_ids is None else set(fault_ids)
            kept = [armed for armed in self._armed if armed.fault_id not in doomed]
            removed = len(self._armed) - len(kept)
            self._armed = kept
            return removed


def _describe(armed: _Armed, now_ms: int) -> dict[str, object]:
    outcome = {"happened": armed.happened, "spent": armed.is_spent(now_ms)}
    return {"id": armed.fault_id, **describe_fault(armed.fault), "at_ms": armed.armed_at_ms, **outcome}
