"""Tables about who may do what over HTTP, and who did it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, UniqueConstraint

from src.warehouse.columns import Id, coded, created_at, table_of, time_of
from src.warehouse.types import code, prose

# Tokens, and the sessions opened with them: what is stored is a hash, which opens nothing.
tokens = table_of(
    "tokens",
    Column("id", Id, primary_key=True),
    coded("name", 64),
    # token or session.
    coded("kind", 8, default="token"),
    # viewer or operator.
    coded("role", 8),
    # The token that a session was opened with: revoking that one ends it.
    Column("parent_id", BigInteger(), nullable=True),
    coded("token_hash", 64),
    created_at(),
    Column("created_by", code(64), nullable=True),
    time_of("expires_at", nullable=True),
    time_of("last_used_at", nullable=True),
    time_of("revoked_at", nullable=True),
    UniqueConstraint("token_hash", name="uq_tokens_hash"),
    Index("ix_tokens_parent", "parent_id"),
)

# Everything that changed something over HTTP, and what was refused.
audit_log = table_of(
    "audit_log",
    Column("id", Id, primary_key=True),
    created_at("at"),
    coded("actor", 64),
    Column("role", code(8), nullable=True),
    coded("remote", 64),
    coded("method", 8),
    Column("path", prose(), nullable=False),
    Column("status", Integer(), nullable=False),
    Column("detail", prose(), nullable=True),
    Index("ix_audit_log_at", "at"),
)
