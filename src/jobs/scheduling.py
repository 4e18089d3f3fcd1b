"""When jobs fire: APScheduler, following what people change in the table of jobs while it runs.

What a job does when it fires is ``enqueue``'s business. A warehouse that is away changes nothing about the
schedules last known; it is told once, not every second.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from src.clock import Clock
from src.domain import ClockOffset, ms_from_utc
from src.errors import CandlehouseError, ConfigurationError
from src.jobs.exchange_trigger import KnownOffset
from src.jobs.job_registry import JobSpec
from src.jobs.schedules import Schedule
from src.warehouse.engine import Warehouse
from src.warehouse.jobs import JobRow, ensure_jobs, list_jobs, set_next_run, versions

log = structlog.get_logger()

ORIGIN = "schedule"
_LOOK_S = 1.0
# What is due next is news for people; for a job of every second it is stored this seldom.
_TELL_MS = 5_000
_CLOCK_STEP_MS = 2_000


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a job was scheduled by, to see when that changes; *text* None means the default."""

    enabled: bool
    text: str | None
    time_zone: str
    default: str


class JobScheduler:
    """Fires jobs for one term of leading; the next term takes a new one.

    Missed times are made up for once: those of a term before are seen by ``next_run_at`` in the past.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        specs: Mapping[str, JobSpec],
        enqueue: Callable[[JobSpec, JobRow, str], object],
        exchange_offset: Callable[[], ClockOffset],
        clock: Clock,
    ) -> None:
        self._warehouse = warehouse
        self._specs = specs
        self._enqueue = enqueue
        self._offset = KnownOffset(exchange_offset)
        self._clock = clock
        # A second one that fires while the first still waits ends at once, see _fire; with one place alone
        # APScheduler would warn of it each time.
        defaults = {"coalesce": True, "max_instances": 2, "misfire_grace_time": None}
        self._scheduler: Any = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
        self._thread = threading.Thread(target=self._follow_on, name="jobs", daemon=True)
        self._at_once: list[threading.Thread] = []
        self._ending = threading.Event()
        self._rows: dict[str, JobRow] = {}
        self._plans: dict[str, _Plan] = {}
        self._troubles: dict[str, str] = {}
        self._firing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._told_at_ms = 0
        self._lead_ms = self._clock_lead_ms()

    def start(self) -> None:
        """Begin to fire, and to follow; what runs at the start fires at once."""
        self._scheduler.start()
        self.follow()
        self._thread.start()

    def stop(self) -> None:
        """Fire no more; what fires just now is waited for."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_LOOK_S * 5)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        for thread in self._at_once:
            thread.join()

    def follow(self) -> None:
        """Take over what changed since the last look; never raises."""
        try:
            self._notice_clock_step()
            is_read = self._read_changes()
            is_planned = self._plan_all()
            self._tell_next_runs(at_once=is_read or is_planned)
            self._worked("following jobs")
        except Exception as error:  # noqa: BLE001  _failed tells of it, once
            self._failed("following jobs", error)

    def _follow_on(self) -> None:
        while not self._ending.wait(_LOOK_S):
            self.follow()

    def _read_changes(self) -> bool:
        """Read the rows when one has changed; whether one had."""
        with self._warehouse.read() as connection:
            found = versions(connection)
        if missing := self._specs.keys() - found.keys():
            self._warehouse.run(lambda connection: ensure_jobs(connection, missing))
        elif found == {row.id: row.version for row in self._rows.values()}:
            return False
        with self._warehouse.read() as connection:
            self._rows = {row.id: row for row in list_jobs(connection)}
        return True

    def _plan_all(self) -> bool:
        """Schedule anew what has changed; whether anything had."""
        changed = [self._plan(spec, self._rows[spec.id]) for spec in self._specs.values()]
        return any(changed)

    def _plan(self, spec: JobSpec, row: JobRow) -> bool:
        plan = _Plan(row.enabled, row.schedule, row.time_zone, spec.default_text)
        before = self._plans.get(spec.id)
        if plan == before:
            return False
        if row.enabled:
            self._schedule(spec, self._valid_schedule(spec, row), is_first=before is None)
        elif self._scheduler.get_job(spec.id):
            self._scheduler.remove_job(spec.id)
            log.info("job disabled", job=spec.id)
        self._plans[spec.id] = plan
        return True

    def _valid_schedule(self, spec: JobSpec, row: JobRow) -> Schedule:
        try:
            return spec.schedule_of(row)
        except ConfigurationError as error:
            log.error("schedule not valid, the default holds", job=spec.id, error=str(error))
            return spec.default()

    def _schedule(self, spec: JobSpec, schedule: Schedule, *, is_first: bool) -> None:
        trigger = schedule.trigger(self._offset)
        self._scheduler.add_job(self._fire, trigger, [spec], id=spec.id, replace_existing=True)
        log.info("job scheduled", job=spec.id, schedule=schedule.in_words())
        if is_first and (spec.runs_at_start or self._was_missed(spec)):
            self._fire_at_once(spec)

    def _fire_at_once(self, spec: JobSpec) -> None:
        """Fire apart from the schedule, and from APScheduler: its thread can die of a stop while one ends."""
        thread = threading.Thread(target=self._fire, args=[spec], name=f"{spec.id} at once", daemon=True)
        thread.start()
        self._at_once.append(thread)

    def _was_missed(self, spec: JobSpec) -> bool:
        due_ms = self._rows[spec.id].next_run_ms
        return due_ms is not None and due_ms <= self._clock.now_ms()

    def _fire(self, spec: JobSpec) -> None:
        """Have a run queued; what goes wrong must not reach APScheduler."""
        firing = self._firing[spec.id]
        if self._ending.is_set() or not firing.acquire(blocking=False):
            return
        try:
            self._enqueue(spec, self._rows[spec.id], ORIGIN)
            self._worked(f"queueing {spec.id}")
        except Exception as error:  # noqa: BLE001  as above
            self._failed(f"queueing {spec.id}", error)
        finally:
            firing.release()

    def _tell_next_runs(self, *, at_once: bool) -> None:
        now_ms = self._clock.steady_ms()
        if not at_once and now_ms - self._told_at_ms < _TELL_MS:
            return
        due = {job.id: ms_from_utc(job.next_run_time.astimezone(UTC)) for job in self._scheduler.get_jobs()}
        times = {key: due.get(key) for key in self._specs if self._rows[key].next_run_ms != due.get(key)}
        if times:
            self._warehouse.run(lambda connection: set_next_run(connection, times))
            self._rows |= {key: replace(self._rows[key], next_run_ms=time) for key, time in times.items()}
        self._told_at_ms = now_ms

    def _notice_clock_step(self) -> None:
        """Schedule anew when our clock was set back: the next times would come too late by as much.

        When it was set forward, or the machine slept, APScheduler must look at it again.
        """
        lead_ms = self._clock_lead_ms()
        step_ms, self._lead_ms = lead_ms - self._lead_ms, lead_ms
        if step_ms > _CLOCK_STEP_MS:
            self._scheduler.wakeup()
        elif step_ms < -_CLOCK_STEP_MS:
            log.warning("our clock was set back", step_ms=step_ms)
            for job in self._scheduler.get_jobs():
                if job.id in self._specs:
                    job.reschedule(job.trigger)

    def _clock_lead_ms(self) -> int:
        return self._clock.now_ms() - self._clock.steady_ms()

    def _failed(self, what: str, error: Exception) -> None:
        """Tell of a trouble when it begins or becomes another."""
        kind = type(error).__name__
        is_known = self._troubles.get(what) == kind
        self._troubles[what] = kind
        if isinstance(error, CandlehouseError):
            (log.debug if is_known else log.error)("jobs in trouble", what=what, error=str(error))
        elif not is_known:
            log.error("jobs in unexpected trouble", what=what, exc_info=error)

    def _worked(self, what: str) -> None:
        if self._troubles.pop(what, None):
            log.info("jobs in order again", what=what)
