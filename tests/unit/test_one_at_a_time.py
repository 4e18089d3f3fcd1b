"""What many ask for at once is made by one of them, and nobody waits for it who could have the last one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from src.api.services import OneAtATime
from src.clock import ManualClock

NOW_MS = 1_768_000_000_000


def keeper(clock: ManualClock) -> OneAtATime:
    return OneAtATime(clock, fresh_ms=1_000, stale_ms=3_000)


def number(now_ms: int) -> bytes:
    return b"%d" % now_ms


def test_it_is_made_anew_when_it_is_no_longer_fresh() -> None:
    clock = ManualClock(NOW_MS)
    kept = keeper(clock)
    first = kept.get("a", number)
    clock.sleep(0.9)
    assert kept.get("a", number) is first
    clock.sleep(0.1)
    assert kept.get("a", number).body == b"%d" % (NOW_MS + 1_000)
    assert kept.get("b", number).made_ms == NOW_MS + 1_000


def test_one_makes_it_while_the_others_get_the_last_one() -> None:
    clock = ManualClock(NOW_MS)
    kept, begun, goes_on = keeper(clock), threading.Event(), threading.Event()
    last = kept.get("a", number)
    clock.sleep(1)

    def slow(now_ms: int) -> bytes:
        begun.set()
        goes_on.wait(10)
        return number(now_ms)

    with ThreadPoolExecutor() as threads:
        making = threads.submit(kept.get, "a", slow)
        begun.wait(10)
        assert kept.get("a", number) is last
        clock.sleep(2)  # now it is too old to be given to anybody
        waiting = threads.submit(kept.get, "a", number)
        goes_on.set()
        assert waiting.result(10) is making.result(10)


def test_who_comes_after_a_failure_makes_it() -> None:
    def fail(_: int) -> bytes:
        raise OSError

    kept = keeper(ManualClock(NOW_MS))
    with ThreadPoolExecutor() as threads:
        assert isinstance(threads.submit(kept.get, "a", fail).exception(10), OSError)
    assert kept.get("a", number).body == number(NOW_MS)
