"""The kind of run ``watch_disk``: looks at the disks, and tells people in time."""

from __future__ import annotations

from collections.abc import Callable

from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.job_registry import WATCH_DISK
from src.jobs.notifying import Notifier
from src.maintenance.disk_watch import DiskWatch, Level, PlaceReport
from src.warehouse.notifications import News, NewsKind, Severity

_TODO = (
    "Make room, get a larger disk, or keep less: CANDLEHOUSE_DELETE_DAYS, CANDLEHOUSE_KEEP_DAYS, fewer "
    "symbols."
)
_WAITING = "History and repairs wait until there is room again; live fetching goes on."


def disk_kind(watch: Callable[[], DiskWatch], notifier: Notifier) -> Kind:
    """Return the kind; *watch* is asked for when it is needed."""

    def execute(_: RunContext) -> Outcome:
        reports = watch().look()
        for report in reports:
            _tell(notifier, report)
        return Outcome({report.place: report.as_json() for report in reports})

    return Kind(WATCH_DISK, execute)


def _tell(notifier: Notifier, report: PlaceReport) -> None:
    subject = f"disk:{report.place}"
    if report.level is Level.OK:
        title = f"the disk of the {report.place} has room again"
        news = News(NewsKind.DISK_WELL, subject, Severity.INFO, title, report.told)
        notifier.tell_end(news, of=NewsKind.DISK_LOW)
        return
    is_full = report.level is Level.FULL
    title = f"the disk of the {report.place} {'is nearly full' if is_full else 'fills up'}"
    body = "\n".join([report.told, *([_WAITING] if is_full else []), _TODO])
    severity = Severity.ERROR if is_full else Severity.WARNING
    notifier.tell_daily(News(NewsKind.DISK_LOW, subject, severity, title, body))
