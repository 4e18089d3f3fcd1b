"""The daemon's loop: APScheduler runs the cycle, and a signal ends it cleanly.

Whatever a cycle raises is logged and the next one comes all the same; two never run at once.
"""

from __future__ import annotations

import _thread
import signal

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from src.clock import SystemClock
from src.domain import ClockOffset
from src.errors import CandlehouseError, Stopped, StoreUnavailable
from src.extract.exchange import Exchange
from src.extract.manager import ExtractionManager
from src.jobs.cycle import run_cycle
from src.jobs.exchange_trigger import ExchangeTrigger
from src.jobs.start import Starter
from src.transform.manager import TransformManager

log = structlog.get_logger()

_START_RETRY_S = 5.0
# Extraction may take this part of a cycle before what has landed is loaded all the same, and so may loading.
_WAIT_SHARE = 0.5


class Daemon:
    """Runs cycles until told to stop."""

    def __init__(
        self,
        exchange: Exchange,
        extraction: ExtractionManager,
        transform: TransformManager,
        starter: Starter,
        clock: SystemClock,
        cycle_seconds: int,
    ) -> None:
        self._exchange = exchange
        self._extraction = extraction
        self._transform = transform
        self._starter = starter
        self._clock = clock
        self._cycle_seconds = cycle_seconds
        self._offset = ClockOffset(0, 0)

    def run(self) -> None:
        """Prepare the stores, then cycle until SIGTERM, SIGINT or the clock's stop event."""
        # Not set right here: a handler runs between any two steps of the main thread, which may be holding
        # the event's own lock just then, and would wait for itself.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _thread.start_new_thread(self._clock.stop.set, ()))
        try:
            self._prepare()
            self._cycle_until_stopped()
        except Stopped:
            pass  # asked to stop before the first cycle
        finally:
            self._extraction.close()
        log.info("daemon stopped")

    def _prepare(self) -> None:
        """Wait for stores that are not there yet: after a power failure they may start later than we do."""
        while True:
            try:
                self._starter.prepare()
                return
            except StoreUnavailable as error:
                log.error("not started yet", error=str(error), retry_in_s=_START_RETRY_S)
                self._clock.sleep(_START_RETRY_S)

    def _cycle_until_stopped(self) -> None:
        scheduler = BackgroundScheduler(timezone="UTC")
        trigger = ExchangeTrigger(self._cycle_seconds, self._exchange_offset)
        scheduler.add_job(
            self._cycle, trigger, id="cycle", coalesce=True, max_instances=1, misfire_grace_time=None
        )
        log.info("daemon started", cycle=str(trigger), exchange=self._exchange.name)
        self._cycle()
        scheduler.start()
        self._clock.stop.wait()
        log.info("daemon stopping", waiting_for="the cycle under way")
        scheduler.shutdown(wait=True)

    def _cycle(self) -> None:
        try:
            wait_s = self._cycle_seconds * _WAIT_SHARE
            run_cycle(self._extraction, self._transform, self._clock, wait_s, self._clock.stop.is_set)
        except Stopped:
            pass
        except CandlehouseError as error:
            log.error("cycle failed", error=str(error))
        except Exception:
            log.exception("cycle failed unexpectedly")

    def _exchange_offset(self) -> ClockOffset:
        """Return the newest offset known; an exchange that cannot be reached must not stop the clock."""
        try:
            self._offset = self._exchange.clock_offset()
        except CandlehouseError as error:
            log.debug("offset kept", offset_ms=self._offset.offset_ms, error=str(error))
        except Exception:  # it would end APScheduler's thread, and with it all cycles
            log.exception("offset kept", offset_ms=self._offset.offset_ms)
        return self._offset
