"""How often an address failed lately: who guesses tokens has to wait, and who is refused fills no log."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque

_ADDRESSES = 10_000


class Failures:
    """Counts failures by address, in this process alone; thread-safe."""

    def __init__(self, most: int, within_ms: int) -> None:
        self._most = most
        self._within_ms = within_ms
        self._times: OrderedDict[str, deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, address: str, now_ms: int) -> int:
        """Return the seconds until the next attempt is allowed, 0 for now."""
        with self._lock:
            times = self._times.get(_network(address))
            if times is None or len(times) < self._most:
                return 0
            return max(0, -(-(times[0] + self._within_ms - now_ms) // 1000))

    def add(self, address: str, now_ms: int) -> None:
        with self._lock:
            times = self._times.setdefault(_network(address), deque(maxlen=self._most))
            times.append(now_ms)
            self._times.move_to_end(_network(address))
            while len(self._times) > _ADDRESSES:
                self._times.popitem(last=False)


def _network(address: str) -> str:
    """Return what one household shares: of IPv6, everybody has as many addresses as they like."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if found.version == 6 else address
