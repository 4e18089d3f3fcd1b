"""Who may do what: looked at before each request, written down after each that changes something.

Reading is open where only this machine reaches us, and needs a viewer elsewhere. Everything that changes
something needs an operator and an origin of our own. A route says only where it differs: see ``needs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, current_app, g, request

from src.api.context import ANYBODY, Identity, Role, clock, parts, warehouse
from src.api.failures import Failures
from src.api.hosts import Gate, is_loopback
from src.api.preparation import is_answered_anyway, look_prepared
from src.api.problems import Problem
from src.domain import MINUTE_MS
from src.errors import StoreUnavailable
from src.settings import Settings
from src.warehouse import tokens
from src.warehouse.audit import AuditEntry, record

log = structlog.get_logger()

View = TypeVar("View", bound=Callable[..., Any])
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "Bearer "
_USE_NOTED_MS = 5 * MINUTE_MS
_EXTENSION = "candlehouse_access"


@dataclass
class Access:
    """What one process knows of its visitors."""

    gate: Gate
    is_open: bool
    """Whether reading needs no token."""
    cookie: str
    guesses: Failures = field(default_factory=lambda: Failures(10, MINUTE_MS))
    refusals: Failures = field(default_factory=lambda: Failures(30, MINUTE_MS))
    used_ms: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Access:
        # Behind a proxy everybody seems to come from this machine.
        is_open = is_loopback(settings.host) and not settings.trusted_proxies
        # Cookies know no ports: two Candlehouses on one machine would end each other's sessions.
        return cls(Gate.of(settings), is_open, f"candlehouse_session_{settings.port}")


def access() -> Access:
    found: Access = current_app.extensions[_EXTENSION]
    return found


def needs(role: Role | None) -> Callable[[View], View]:
    """Say below ``@routes.get`` or ``.post`` who may come, where that is not what the method says.

    None lets everybody in; VIEWER on a POST says that it changes nothing.
    """

    def mark(view: View) -> View:
        view.needed_role = role  # type: ignore[attr-defined]
        return view

    return mark


def changes_nothing(view: View) -> View:
    """Say that a POST for operators leaves all as it was, and so is no news to the audit log."""
    view.changes_nothing = True  # type: ignore[attr-defined]
    return view


def install(app: Flask, settings: Settings) -> None:
    """Guard *app*."""
    app.extensions[_EXTENSION] = Access.of(settings)
    app.before_request(_check)
    app.after_request(_write_down)


def _check() -> None:
    mine = access()
    g.identity = ANYBODY
    mine.gate.check_host(request)
    if request.method not in _READING:
        mine.gate.check_origin(request)
    role = _needed_role()
    if role is None:
        return
    try:
        identify()
    except StoreUnavailable:
        if not is_answered_anyway():
            raise
        g.is_unknown = not mine.is_open
        return
    if g.identity is ANYBODY and not (role is Role.VIEWER and mine.is_open):
        raise unauthorized("this needs a token: log in, or send Authorization: Bearer ...")
    if role is Role.OPERATOR and g.identity.role is not Role.OPERATOR:
        raise Problem(403, "operator-needed", f"the token {g.identity.name!r} may read, not change anything")


def identify() -> Identity:
    """Find out who asks; routes that let everybody in call it where they want to know."""
    g.identity = _identify(access()) or ANYBODY
    found: Identity = g.identity
    return found


def _needed_role() -> Role | None:
    """Return what the route needs; None lets everybody in, as it does where there is no route."""
    if request.endpoint is None or request.method == "OPTIONS":
        return None
    usual = Role.VIEWER if request.method in _READING else Role.OPERATOR
    role: Role | None = getattr(_view(), "needed_role", usual)
    return role


def _view() -> Any:
    assert request.endpoint is not None
    return current_app.view_functions[request.endpoint]


def _identify(mine: Access) -> Identity | None:
    """Return who asks; a token that is not valid is refused, a cookie that is over is just no cookie."""
    header = request.headers.get("Authorization", "")
    if header.startswith(_BEARER):
        return check_token(header.removeprefix(_BEARER).strip())
    if cookie := request.cookies.get(mine.cookie):
        row = _find(cookie)
        return None if row is None else _identity(row)
    return None


def check_token(secret: str) -> Identity:
    """Return whose token it is; 401 where it is not valid, 429 after too many of those."""
    return _identity(check_token_row(secret))


def check_token_row(secret: str) -> tokens.TokenRow:
    """As ``check_token``, for who opens a session with it."""
    row = _find(secret)
    if row is None or row.kind != tokens.TOKEN:
        raise _refuse_guess(access().guesses)
    return row


def _refuse_guess(guesses: Failures) -> Problem:
    """Count a token that is not valid; those that are keep working, whoever guesses at the same address."""
    now_ms = clock().now_ms()
    if wait_s := guesses.wait_s(_remote(), now_ms):
        return Problem(
            429,
            "too-many-attempts",
            f"too many tokens that are not valid from {_remote()}: try again in {wait_s} s",
            headers={"Retry-After": str(wait_s)},
        )
    guesses.add(_remote(), now_ms)
    return unauthorized("the token is not valid: it was never given out, or revoked, or its time is over")


def unauthorized(detail: str) -> Problem:
    return Problem(401, "token-needed", detail, headers={"WWW-Authenticate": 'Bearer realm="candlehouse"'})


def _find(secret: str) -> tokens.TokenRow | None:
    is_quick = is_answered_anyway()
    if is_quick:
        look_prepared()
    with (parts().glance if is_quick else warehouse()).read() as connection:
        row = tokens.find_live(connection, secret, clock().now_ms())
    if row is not None:
        _note_use(row.id)
    return row


def _identity(row: tokens.TokenRow) -> Identity:
    return Identity(row.name, Role(row.role), row.id, row.kind == tokens.SESSION)


def _note_use(token_id: int) -> None:
    """Have its use written down now and then, after the answer: nobody waits for that."""
    mine, now_ms = access(), clock().now_ms()
    if now_ms - mine.used_ms.get(token_id, 0) >= _USE_NOTED_MS:
        mine.used_ms[token_id] = now_ms
        g.used_token = token_id


def _remote() -> str:
    return request.remote_addr or "unknown"


def _write_down(response: Response) -> Response:
    """Keep who changed what and who was refused, and when tokens are used."""
    made = parts()
    entry = _entry(response) if _is_of_note(response) else None
    used: int | None = g.pop("used_token", None)
    if entry is not None:
        _store(lambda connection: record(connection, entry))
    if used is not None:
        response.call_on_close(
            lambda: _try(made.warehouse.run, lambda connection: tokens.note_use(connection, used))
        )
    return response


def _is_of_note(response: Response) -> bool:
    if request.method in _READING or _needed_role() is Role.VIEWER:
        return False
    if response.status_code not in (401, 403, 429):
        return request.endpoint is not None and not hasattr(_view(), "changes_nothing")
    mine, now_ms = access(), clock().now_ms()
    if response.status_code == 429 or mine.refusals.wait_s(_remote(), now_ms):
        return False
    mine.refusals.add(_remote(), now_ms)
    return True


def _entry(response: Response) -> AuditEntry:
    # None has been looked for where the warehouse is away.
    who: Identity = g.get("identity", ANYBODY)
    known = who is not ANYBODY
    return AuditEntry(
        actor=who.name if known else "nobody",
        role=who.role if known else None,
        remote=_remote(),
        method=request.method,
        path=request.path,
        status=response.status_code,
        detail=g.get("audit_detail"),
    )


def _store(work: Callable[[Any], None]) -> None:
    _try(warehouse().run, work)


def _try(run: Callable[..., Any], work: Callable[[Any], None]) -> None:
    try:
        run(work)
    except StoreUnavailable as error:
        log.error("not written down", error=str(error))
