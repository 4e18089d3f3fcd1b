"""Logging in and out, and the tokens that there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Response, g, redirect, request
from pydantic import AfterValidator, Field
from sqlalchemy import Connection

from src.api.access import access, check_token_row, identify, needs
from src.api.context import ANYBODY, Identity, Role, clock, identity, note, warehouse
from src.api.operator_token import FROM_ENVIRONMENT
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.preparation import answers_anyway
from src.api.problems import conflict, invalid
from src.api.routing import Routes
from src.api.schemas import Done, In, OfId, Out, Spelling, TimeMs, parameter
from src.domain import DAY_MS, format_utc
from src.warehouse import audit, tokens
from src.warehouse.tokens import NewToken, TokenRow

routes = Routes("access", "Who may do what: sessions and tokens.")

_SESSION_MS = 30 * DAY_MS
_NAME = Spelling("[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}", "letters, digits, blanks and . _ @ -, 1 to 64 of them")


class Login(In):
    token: str = parameter(about="A token.", example="ch_…", min_length=1, max_length=200)


class Start(In):
    token: Annotated[str, Field(max_length=200)]


class Session(Out):
    """Who one is: *role* null means that one has to log in even to read."""

    name: str | None = Field(description="The token's name; null without one.")
    role: Role | None = Field(description="What one may do; null where even reading needs a token.")
    logged_in: bool = Field(description="Whether this is a session, which can be ended.")
    reading_is_open: bool = Field(description="Whether reading needs no token here.")


class TokenIn(In):
    name: Annotated[str, AfterValidator(_NAME.check), _NAME.schema] = parameter(
        about="For whom it is.", example="grafana"
    )
    role: Role = parameter(Role.VIEWER, about="viewer reads, operator does everything.")
    expires: TimeMs | None = parameter(None, about="When it ends by itself; never without.")


class TokenOut(Out):
    id: int
    name: str
    role: Role
    created_ms: int
    created: str
    created_by: str | None = Field(description="Who made it: a token's name, or where it came from.")
    expires_ms: int | None
    last_used_ms: int | None = Field(description="Within five minutes.")
    revoked_ms: int | None
    sessions: int = Field(description="How many sessions are open with it.")


class NewTokenOut(Out):
    token: str = Field(description="What opens the door. It is shown now and never again.")
    details: TokenOut


class TokensOut(Out):
    tokens: list[TokenOut]


class TokensQuery(In):
    revoked: bool = parameter(False, about="Whether those that were revoked are listed, too.")


class AuditOut(Out):
    id: int
    at_ms: int
    actor: str
    role: Role | None
    remote: str
    method: str
    path: str
    status: int
    detail: str | None


class AuditPage(Page):
    entries: list[AuditOut]


@routes.post("/api/login", responses={200: Session})
@needs(None)
def login(body: Login) -> Response:
    """Open a session with a token: sets a cookie that no script can read.

    It lasts 30 days, or until logout, or until the token is revoked.
    """
    secret = _open_session(body.token)
    response = Response(_session().model_dump_json(), mimetype="application/json")
    _set_cookie(response, secret)
    return response


@routes.post("/api/logout", responses={200: Done})
@needs(Role.VIEWER)
def logout() -> Response:
    """End the session that asks, at once and for good."""
    who = identity()
    if who.is_session and who.token_id is not None:
        ended = who.token_id
        warehouse().run(lambda connection: tokens.revoke(connection, ended))
    response = Response(Done().model_dump_json(), mimetype="application/json")
    response.delete_cookie(access().cookie, path=_cookie_path(), httponly=True, samesite="Strict")
    return response


@routes.get("/api/session", responses={200: Session})
@needs(None)
@answers_anyway
def session() -> Session:
    """Say who asks, and what they may do.

    While the warehouse is away nobody can be recognised: 503 for who has a token or session.
    """
    identify()
    return _session()


@routes.get("/", doc_ui=False)
@needs(None)
def start(query: Start) -> Any:
    """Open a session with the token of the link that the first start shows, and take it off the address."""
    home = redirect(request.script_root + "/")
    _set_cookie(home, _open_session(query.token))
    return home


@routes.get("/api/tokens", responses={200: TokensOut})
@needs(Role.OPERATOR)
def list_tokens(query: TokensQuery) -> TokensOut:
    """List the tokens; what opens the door is not kept and cannot be shown."""
    with warehouse().read() as connection:
        rows = tokens.list_tokens(connection, revoked=query.revoked)
        sessions = tokens.count_sessions(connection, clock().now_ms())
    return TokensOut(tokens=[_out(row, sessions) for row in rows])


@routes.post("/api/tokens", responses={201: NewTokenOut})
def create_token(body: TokenIn) -> tuple[NewTokenOut, int]:
    """Make a token."""
    if body.expires is not None and body.expires <= clock().now_ms():
        raise invalid("expires", "is over already", "a time to come")
    new, secret = NewToken(body.name, body.role, identity().name, body.expires), tokens.make_secret()
    token_id = warehouse().run(lambda connection: tokens.add_token(connection, new, secret))
    note(f"made token {token_id} ({body.name}, {body.role})")
    with warehouse().read() as connection:
        row = tokens.get_token(connection, token_id)
    return NewTokenOut(token=secret, details=_out(row, {})), 201


@routes.delete("/api/tokens/<id>", responses={200: Done})
def revoke_token(path: OfId) -> Done:
    """Revoke a token; it and the sessions opened with it fail at once."""
    with warehouse().read() as connection:
        row = tokens.get_token(connection, path.id)
    if row.created_by == FROM_ENVIRONMENT and row.revoked_ms is None:
        raise conflict(f"token {row.id} is set by {FROM_ENVIRONMENT}: change it there and start again")
    if not warehouse().run(lambda connection: tokens.revoke(connection, path.id)):
        raise conflict(f"token {row.id} was revoked at {format_utc(row.revoked_ms or 0)}")
    note(f"revoked token {row.id} ({row.name})")
    return Done()


@routes.get("/api/audit", responses={200: AuditPage})
@needs(Role.OPERATOR)
def list_audit(query: Paged) -> AuditPage:
    """List who changed what over HTTP and who was refused, the newest first."""
    before = read_cursor(query.cursor, int) or (None,)
    with warehouse().read() as connection:
        rows = audit.list_audit(connection, query.limit + 1, before[0])
    page, next_cursor = split_page(rows, query.limit, lambda row: make_cursor(row.id))
    entries = [AuditOut(id=row.id, at_ms=row.at_ms, **asdict(row.entry)) for row in page]
    return AuditPage(entries=entries, next_cursor=next_cursor)


def _open_session(token: str) -> str:
    """Check a token and open a session with it; return the cookie's secret."""
    parent, now_ms = check_token_row(token), clock().now_ms()
    g.identity = Identity(parent.name, Role(parent.role), parent.id, is_session=True)
    expires = min(now_ms + _SESSION_MS, parent.expires_at_ms or now_ms + _SESSION_MS)

    def work(connection: Connection) -> str:
        tokens.prune_sessions(connection, now_ms - _SESSION_MS)
        return tokens.add_session(connection, parent, expires)

    return warehouse().run(work)


def _set_cookie(response: Any, secret: str) -> None:
    response.set_cookie(
        access().cookie,
        secret,
        max_age=_SESSION_MS // 1000,
        path=_cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def _cookie_path() -> str:
    return request.script_root or "/"


def _session() -> Session:
    who, is_open = identity(), access().is_open
    if who is ANYBODY:
        role = Role.VIEWER if is_open else None
        return Session(name=None, role=role, logged_in=False, reading_is_open=is_open)
    return Session(name=who.name, role=who.role, logged_in=who.is_session, reading_is_open=is_open)


def _out(row: TokenRow, sessions: dict[int, int]) -> TokenOut:
    return TokenOut(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_ms=row.created_ms,
        created=format_utc(row.created_ms),
        created_by=row.created_by,
        expires_ms=row.expires_at_ms,
        last_used_ms=row.last_used_ms,
        revoked_ms=row.revoked_ms,
        sessions=sessions.get(row.id, 0),
    )
