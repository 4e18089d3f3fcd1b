"""Where runs execute: threads of this process now. Nothing else knows; a queue of workers fits behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from src.clock import Clock
from src.jobs.progress import Progress
from src.stopping import Stop


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that was claimed: from now on its token is what lets it write."""

    run_id: int
    token: int
    lane: str


class Executor(Protocol):
    """A place where claimed runs are executed."""

    def submit(self, claim: Claim) -> None:
        """Begin to execute a run and return at once."""
        ...

    def stop(self, run_id: int, reason: str) -> None:
        """Ask a run to stop: cancel, pause or shutdown. Not known, or ended: nothing happens."""
        ...

    def abandon(self, run_id: int) -> None:
        """Forget a run that does not end by itself: its place is free, its token no longer good."""
        ...

    def executing(self) -> list[Claim]:
        """List what is being executed."""
        ...

    def close(self, reason: str, patience_s: float) -> list[int]:
        """Stop all runs and wait for them; return those that did not end in time."""
        ...


Perform = Callable[[int, int, Stop, Progress], None]


@dataclass(frozen=True, slots=True)
class _Execution:
    claim: Claim
    stop: Stop
    progress: Progress
    thread: threading.Thread


class ThreadExecutor:
    """A thread for each run. They are daemon threads: one that hangs must not keep the process alive."""

    def __init__(self, perform: Perform, clock: Clock, parent: Stop, on_free: Callable[[], None]) -> None:
        self._perform = perform
        self._clock = clock
        self._parent = parent
        self._on_free = on_free
        self._lock = threading.Lock()
        self._executions: dict[int, _Execution] = {}

    def submit(self, claim: Claim) -> None:
        stop, progress = Stop(self._parent), Progress(claim.run_id, claim.token, self._clock)
        thread = threading.Thread(
            target=self._run, args=(claim, stop, progress), name=f"run-{claim.run_id}", daemon=True
        )
        with self._lock:
            self._executions[claim.run_id] = _Execution(claim, stop, progress, thread)
        thread.start()

    def stop(self, run_id: int, reason: str) -> None:
        if found := self._executions.get(run_id):
            found.stop.set(reason)

    def abandon(self, run_id: int) -> None:
        with self._lock:
            found = self._executions.pop(run_id, None)
        if found:
            found.stop.set("revoked")

    def executing(self) -> list[Claim]:
        with self._lock:
            return [one.claim for one in self._executions.values()]

    def progress(self) -> Iterable[Progress]:
        """Return the progress of all that is being executed."""
        with self._lock:
            return [one.progress for one in self._executions.values()]

    def close(self, reason: str, patience_s: float) -> list[int]:
        with self._lock:
            executions = list(self._executions.values())
        for one in executions:
            one.stop.set(reason)
        ends_ms = self._clock.steady_ms() + patience_s * 1000
        for one in executions:
            one.thread.join(max(0.0, (ends_ms - self._clock.steady_ms()) / 1000))
        return [one.claim.run_id for one in executions if one.thread.is_alive()]

    def _run(self, claim: Claim, stop: Stop, progress: Progress) -> None:
        try:
            self._perform(claim.run_id, claim.token, stop, progress)
        finally:
            with self._lock:
                found = self._executions.get(claim.run_id)
                if found and found.claim == claim:  # an abandoned one may have been claimed anew
                    del self._executions[claim.run_id]
            self._on_free()
