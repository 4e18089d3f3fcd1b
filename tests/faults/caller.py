"""Threads that call the exchange as fast as they are allowed to, in a test or in a process of their own.

Each thread has a symbol of its own, by which the simulator's request log tells the threads apart.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from src.clock import SystemClock
from src.domain import Interval
from src.errors import SourceBlocked, Stopped
from src.extract.binance import Binance
from src.extract.budget import Budget
from src.extract.http import HttpClient
from src.warehouse.engine import open_warehouse


@contextmanager
def calling(warehouse_url: str, base_url: str, symbols: Sequence[str]) -> Iterator[threading.Event]:
    """Keep calling with one thread a symbol; the event given is set once a call was refused by a block."""
    clock = SystemClock()
    warehouse = open_warehouse(warehouse_url)
    http = HttpClient("binance", clock)
    exchange = Binance(base_url, http, Budget(warehouse, "binance", "default", 0.8, clock), clock)
    blocked = threading.Event()
    threads = [
        threading.Thread(target=_call_eagerly, args=(exchange, clock, symbol, blocked)) for symbol in symbols
    ]
    for thread in threads:
        thread.start()
    try:
        yield blocked
    finally:
        clock.stop.set()
        for thread in threads:
            thread.join()
        http.close()
        warehouse.close()


def _call_eagerly(exchange: Binance, clock: SystemClock, symbol: str, blocked: threading.Event) -> None:
    while not clock.stop.is_set():
        try:
            exchange.fetch_klines(symbol, Interval.M1, limit=1)
        except SourceBlocked:
            blocked.set()
            clock.stop.wait(0.005)
        except Stopped:
            return


def main() -> None:
    """Call until standard input closes; say ``blocked`` when a block was met."""
    warehouse_url, base_url, *symbols = sys.argv[1:]
    with calling(warehouse_url, base_url, symbols) as blocked:
        threading.Thread(target=_tell, args=(blocked,), daemon=True).start()
        sys.stdin.read()


def _tell(blocked: threading.Event) -> None:
    blocked.wait()
    sys.stdout.write("blocked\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
