"""Refuses simulated candles in a warehouse of real ones, and the other way round, before any is fetched."""

from __future__ import annotations

from sqlalchemy import select

from src.errors import ConfigurationError
from src.extract.exchange_kind import ExchangeKind, find_kind
from src.extract.http import without_secrets
from src.warehouse.engine import Warehouse
from src.warehouse.homes import EXCHANGE_KINDS, find_note, save_note
from src.warehouse.tables import extraction_metadata


def settle_exchange(warehouse: Warehouse, exchange: str, address: str) -> None:
    """Note what answers at *address*; ConfigurationError where candles were fetched from the other kind."""
    kind = find_kind(address)
    if kind is None:  # nobody answers: then nothing is fetched, or the next start sees who it is
        return
    with warehouse.read() as connection:
        known = find_note(connection, EXCHANGE_KINDS) or {}
        fetched = select(extraction_metadata.c.symbol).where(extraction_metadata.c.exchange == exchange)
        is_used = connection.execute(fetched.limit(1)).first() is not None
    if is_used and known.get(exchange, kind) != kind:
        raise ConfigurationError(_explain(exchange, without_secrets(address), kind))
    if known.get(exchange) != kind:
        noted = {**known, exchange: kind.value}
        warehouse.run(lambda connection: save_note(connection, EXCHANGE_KINDS, noted), guarded=False)


def _explain(exchange: str, address: str, kind: ExchangeKind) -> str:
    variable = f"{exchange.upper()}_BASE_URL"
    own = "a CANDLEHOUSE_DATA_DIR of its own (and a MYSQL_DATABASE and buckets, where those are set)"
    if kind is ExchangeKind.SIMULATOR:
        return (
            f"{variable}={address} is a simulator, but this warehouse holds candles of the real {exchange}: "
            f"give the simulator {own}, or take {variable} out of the environment and .env"
        )
    return (
        f"{variable} is the real {exchange} ({address}), but this warehouse holds simulated candles: give "
        f"the real one {own}, or set {variable} to the simulator again"
    )
