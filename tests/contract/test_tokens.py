"""Tokens, sessions and the audit log, in each warehouse."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from src.domain import HOUR_MS
from src.errors import NotFound
from src.warehouse import tokens
from src.warehouse.access_tables import audit_log
from src.warehouse.access_tables import tokens as table
from src.warehouse.audit import AuditEntry, list_audit, record
from src.warehouse.engine import Warehouse
from src.warehouse.tokens import NewToken, TokenRow
from tests.builders import CAPTURED_MS, Pipeline

ANNA = NewToken("anna", "operator", "test")


@pytest.fixture
def warehouse(emptied_pipeline: Pipeline) -> Warehouse:
    return emptied_pipeline.warehouse


def add(warehouse: Warehouse, new: NewToken = ANNA) -> tuple[int, str]:
    secret = tokens.make_secret()
    return warehouse.run(lambda connection: tokens.add_token(connection, new, secret)), secret


def find(warehouse: Warehouse, secret: str, now_ms: int = CAPTURED_MS) -> TokenRow | None:
    with warehouse.read() as connection:
        return tokens.find_live(connection, secret, now_ms)


def open_session(warehouse: Warehouse, secret: str) -> str:
    parent = find(warehouse, secret)
    assert parent
    expires_ms = CAPTURED_MS + HOUR_MS
    return warehouse.run(lambda connection: tokens.add_session(connection, parent, expires_ms))


def test_token_is_found_by_its_secret_which_is_not_stored(warehouse: Warehouse) -> None:
    token_id, secret = add(warehouse)
    found = find(warehouse, secret)
    assert found
    assert (found.id, found.name, found.role, found.kind) == (token_id, "anna", "operator", "token")
    assert find(warehouse, secret + "x") is None
    assert find(warehouse, secret.swapcase()) is None
    with warehouse.read() as connection:
        assert secret not in str(connection.execute(select(table)).all())


def test_known_secret_is_added_once(warehouse: Warehouse) -> None:
    token_id, secret = add(warehouse)
    assert warehouse.run(lambda connection: tokens.add_token(connection, ANNA, secret)) == token_id
    with warehouse.read() as connection:
        assert len(tokens.list_tokens(connection)) == 1


def test_revoked_token_takes_its_sessions_with_it_and_no_others(warehouse: Warehouse) -> None:
    token_id, secret = add(warehouse)
    _, other = add(warehouse, NewToken("eve", "viewer"))
    session, kept = open_session(warehouse, secret), open_session(warehouse, other)
    with warehouse.read() as connection:
        assert tokens.count_sessions(connection, CAPTURED_MS)[token_id] == 1
    assert warehouse.run(lambda connection: tokens.revoke(connection, token_id))
    assert not warehouse.run(lambda connection: tokens.revoke(connection, token_id))
    assert [find(warehouse, each) is None for each in (secret, session, other, kept)] == [
        True,
        True,
        False,
        False,
    ]


def test_token_and_session_end_by_themselves_and_a_session_with_its_token(warehouse: Warehouse) -> None:
    ends_ms = CAPTURED_MS + HOUR_MS // 2
    _, secret = add(warehouse, NewToken("brief", "viewer", expires_at_ms=ends_ms))
    session = open_session(warehouse, secret)
    assert find(warehouse, session, ends_ms - 1)
    assert find(warehouse, secret, ends_ms) is None
    assert find(warehouse, session, ends_ms) is None
    _, lasting = add(warehouse)
    session = open_session(warehouse, lasting)
    assert find(warehouse, session, CAPTURED_MS + HOUR_MS) is None


def test_sessions_are_not_listed_as_tokens(warehouse: Warehouse) -> None:
    token_id, secret = add(warehouse)
    open_session(warehouse, secret)
    with warehouse.read() as connection:
        assert [row.id for row in tokens.list_tokens(connection)] == [token_id]
        with pytest.raises(NotFound, match="no token"):
            tokens.get_token(connection, token_id + 1)


def test_audit_log_keeps_odd_names_and_long_paths(warehouse: Warehouse) -> None:
    entry = AuditEntry("Jürgen", "operator", "::1", "POST", "/ü" * 1_500, 200, "µ")
    warehouse.run(lambda connection: record(connection, entry))
    warehouse.run(lambda connection: record(connection, AuditEntry("eve", None, "x", "POST", "/", 401)))
    with warehouse.read() as connection:
        newest, oldest = list_audit(connection, 10)
        assert [row.id for row in list_audit(connection, 10, before_id=newest.id)] == [oldest.id]
        assert connection.execute(select(audit_log.c.at)).scalars().first()
    assert oldest.entry.actor == "J?rgen"
    assert len(oldest.entry.path) == 2_000
    assert (oldest.entry.detail, newest.entry.role) == ("µ", None)
