"""Tells people what happened: stores it always, and sends it on where targets are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.domain import DAY_MS, HOUR_MS, format_utc
from src.errors import CandlehouseError, Stopped
from src.jobs.outbox import Outbox
from src.jobs.sending import list_targets
from src.warehouse.engine import Warehouse
from src.warehouse.notifications import (
    News,
    NewsKind,
    Notification,
    Severity,
    find_last_told,
    is_failing,
    list_unsent,
    mark_sent,
    notify,
)
from src.warehouse.runs import RunRow, RunState

log = structlog.get_logger()

_REPEAT_MS = HOUR_MS
# What nobody could be told for that long is no news any more; it stays to be read.
_NEWS_MS = DAY_MS


class Notifier:
    """Stores news and sends them on; *targets* returns the addresses as they are set at the moment.

    Nothing here raises into the work that it tells of.
    """

    def __init__(self, warehouse: Warehouse, clock: Clock, targets: Callable[[], str | None]) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._targets = targets
        self._outboxes: dict[str, Outbox] = {}
        self._gone: set[int] = set()

    def run_failed(self, run: RunRow, error: Mapping[str, Any]) -> None:
        """Tell of a failed run; *error* is as in ``RunRow.error``. Those of one batch are counted as one."""
        body = "\n".join(str(error[name]) for name in ("what", "todo") if error.get(name))
        is_partly = run.state is RunState.PARTLY_FAILED
        title = f"{_name(run)} {'partly ' if is_partly else ''}failed"
        severity = Severity.WARNING if is_partly else Severity.ERROR
        self._store(News(NewsKind.RUN_FAILED, _subject(run), severity, title, body, run.id))

    def run_recovered(self, run: RunRow) -> None:
        """Tell that what failed works again; where nothing had failed, nothing is told.

        A batch's children are left out: of them ``batch_finished`` tells.
        """
        if run.parent_id is not None:
            return
        subject, title = _subject(run), f"{_name(run)} works again"
        news = News(NewsKind.RUN_RECOVERED, subject, Severity.INFO, title, f"Run {run.id} succeeded.", run.id)
        self._store(news, only_if=lambda connection: is_failing(connection, subject))

    def batch_finished(self, run: RunRow, counts: Mapping[RunState, int]) -> None:
        """Tell that a batch came to an end, with how many of its runs ended how."""
        told = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count)
        is_bad = counts.get(RunState.FAILED, 0) + counts.get(RunState.PARTLY_FAILED, 0) > 0
        severity = Severity.WARNING if is_bad else Severity.INFO
        title = f"batch {run.id} finished: {told}"
        body = "A retry tries those again that may still succeed." if is_bad else ""
        self._store(News(NewsKind.BATCH_FINISHED, _subject(run), severity, title, body, run.id))

    def blocked(self, exchange: str, until_ms: int, reason: str) -> None:
        """Tell that an exchange asked us to wait or banned us."""
        title = f"{exchange} lets nobody call until {format_utc(until_ms)}"
        body = f"{reason}\nCalls go on by themselves then; nothing needs to be done."
        subject = f"exchange:{exchange}"
        self._store(News(NewsKind.EXCHANGE_BLOCKED, subject, Severity.WARNING, title, body))

    def tell_daily(self, news: News) -> None:
        """Tell of something that lasts: again when a day has passed, or when it became worse or better."""
        since_ms = self._clock.now_ms() - DAY_MS

        def is_due(connection: Connection) -> bool:
            last = find_last_told(connection, news.subject)
            is_same = last is not None and (last.kind, last.severity) == (news.kind.value, news.severity)
            return not is_same or (last is not None and last.last_ms < since_ms)

        self._store(news, only_if=is_due)

    def tell_end(self, news: News, of: NewsKind) -> None:
        """Tell that something is over, where the last told about the subject is that it was."""

        def is_on(connection: Connection) -> bool:
            last = find_last_told(connection, news.subject)
            return last is not None and last.kind == of.value

        self._store(news, only_if=is_on)

    def send_due(self) -> None:
        """Send what is due to each target; call it every few seconds. Only Stopped is raised."""
        self._open_outboxes()
        if not self._outboxes:
            return
        try:
            self._mark_gone()
            due = self._list_due()
            for outbox in self._outboxes.values():
                outbox.put(due)
                self._gone.update(outbox.flush())
                self._mark_gone()
        except Stopped:
            raise
        except (CandlehouseError, SQLAlchemyError) as error:
            log.debug("notifications not sent", error=str(error))

    def _mark_gone(self) -> None:
        """Note what went out; until that is done nothing is read, or it would go out again."""
        if self._gone:
            self._warehouse.run(lambda connection: mark_sent(connection, list(self._gone)))
            self._gone.clear()

    def _list_due(self) -> list[Notification]:
        now_ms = self._clock.now_ms()
        with self._warehouse.read() as connection:
            since_ms, repeat_before_ms = now_ms - _NEWS_MS, now_ms - _REPEAT_MS
            return list_unsent(connection, since_ms=since_ms, repeat_before_ms=repeat_before_ms)

    def _open_outboxes(self) -> None:
        """Follow the targets as they are set now; one that stays keeps what it waits with."""
        targets = list_targets(self._targets())
        if [target.url for target in targets] != list(self._outboxes):
            known = self._outboxes
            self._outboxes = {
                target.url: known.get(target.url) or Outbox(target, self._clock) for target in targets
            }

    def _store(self, news: News, only_if: Callable[[Connection], bool] | None = None) -> None:
        try:
            if only_if is not None:
                with self._warehouse.read() as connection:
                    if not only_if(connection):
                        return
            self._warehouse.run(lambda connection: notify(connection, news))
        except (CandlehouseError, SQLAlchemyError) as error:
            log.error("notification not stored", title=news.title, error=str(error))


def _subject(run: RunRow) -> str:
    """Return what the news is about: a job's runs follow each other, a batch's belong together."""
    return f"job:{run.job_id}" if run.job_id else f"run:{run.parent_id or run.id}"


def _name(run: RunRow) -> str:
    if run.job_id:
        return f"job {run.job_id}"
    about = f" of {run.series}" if run.series else ""
    return f"run {run.id} ({run.kind}{about})"
