"""What people were told: failures, recoveries, finished batches; and whether messages reach them."""

from __future__ import annotations

from pydantic import Field

from src.api.asking import settings_now
from src.api.context import note, warehouse
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.problems import conflict, not_found
from src.api.routing import Routes
from src.api.schemas import OfId, Out, parameter
from src.jobs.sending import Message, list_targets, send
from src.warehouse.notifications import (
    NewsKind,
    Notification,
    Severity,
    count_unread,
    list_missing,
    list_notifications,
    mark_read,
)

routes = Routes("notifications", "What people were told.")

# A person waits for it.
_PATIENCE_S = 10.0


class NotificationsQuery(Paged):
    unread: bool = parameter(False, about="Only those that nobody has marked as read.")


class NotificationOut(Out):
    id: int
    kind: NewsKind
    subject: str = Field(description="What it is about, like job:cycle.")
    severity: Severity
    title: str
    body: str
    run_id: int | None
    times: int = Field(description="How often it came while it was unread.")
    first_ms: int
    last_ms: int
    read_ms: int | None
    sent_ms: int | None = Field(description="When it was sent to the addresses of notify_urls.")


class NotificationsOut(Page):
    unread: int = Field(description="How many are unread, of all.")
    notifications: list[NotificationOut]


@routes.get("/api/notifications", responses={200: NotificationsOut})
def notifications(query: NotificationsQuery) -> NotificationsOut:
    """List notifications, those that came last first."""
    before = read_cursor(query.cursor, int, int)
    with warehouse().read() as connection:
        rows = list_notifications(
            connection,
            unread_only=query.unread,
            limit=query.limit + 1,
            before=(before[0], before[1]) if before else None,
        )
        unread = count_unread(connection)
    page, cursor = split_page(rows, query.limit, lambda row: make_cursor(row.last_ms, row.id))
    return NotificationsOut(unread=unread, notifications=list(map(_out, page)), next_cursor=cursor)


def _out(row: Notification) -> NotificationOut:
    return NotificationOut(**{name: getattr(row, name) for name in NotificationOut.model_fields})


class ReadOut(Out):
    marked: int = Field(description="How many were unread.")


@routes.post("/api/notifications/<id>/read", responses={200: ReadOut})
def read_notification(path: OfId) -> ReadOut:
    """Mark a notification as read; what it tells is news again when it comes again."""
    with warehouse().read() as connection:
        if list_missing(connection, [path.id]):
            raise not_found(f"there is no notification {path.id}")
    return ReadOut(marked=warehouse().run(lambda connection: mark_read(connection, [path.id])))


@routes.post("/api/notifications/read", responses={200: ReadOut})
def read_all_notifications() -> ReadOut:
    """Mark all notifications as read."""
    return ReadOut(marked=warehouse().run(mark_read))


class SentOut(Out):
    target: str = Field(description="Which address, without its secrets.")
    sent: bool
    error: str | None


class TestOut(Out):
    results: list[SentOut]


@routes.post("/api/notifications/test", responses={200: TestOut})
def test_notifications() -> TestOut:
    """Send a test message to each address, and say whether it went out."""
    with warehouse().read() as connection:
        urls = settings_now(connection).notify_urls
    targets = list_targets(urls.get_secret_value() if urls else None)
    if not targets:
        raise conflict("there is nobody to notify: set notify_urls to addresses as Apprise spells them")
    message = Message("Candlehouse: a test", "If you read this, notifications reach you.")
    told = [(target.label, send(target, message, _PATIENCE_S)) for target in targets]
    note(f"test message to {len(told)}")
    return TestOut(results=[SentOut(target=label, sent=error is None, error=error) for label, error in told])
