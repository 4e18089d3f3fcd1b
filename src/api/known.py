"""Whether what a request names is known here: a misspelt name would be answered like one without data."""

from __future__ import annotations

from collections.abc import Collection

from src.api.context import parts, warehouse
from src.api.problems import invalid, not_found
from src.services.symbols import find_unknown, list_exchanges


def check_exchange(name: str) -> None:
    """Refuse an exchange that is neither asked for data here nor has any; 422 names those there are."""
    if name == parts().exchange.name:
        return
    with warehouse().read() as connection:
        known = {parts().exchange.name, *list_exchanges(connection)}
    if name not in known:
        raise invalid("exchange", f"{name!r} is not known here", ", ".join(sorted(known)))


def check_symbols(names: Collection[str], exchange: str | None = None) -> None:
    """Refuse symbols that were never heard of, with 404; without *exchange* at any of them."""
    if exchange is not None:
        check_exchange(exchange)
    if not names:
        return
    with warehouse().read() as connection:
        unknown = find_unknown(connection, names, exchange)
    if unknown:
        raise not_found(
            f"nothing is known of {', '.join(unknown)}; /api/symbols?all=true tells of what is",
            "unknown-symbol",
        )
