"""Whether what a request names is known here: a misspelt name would be answered like one without data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from src.api.context import parts, warehouse
from src.api.problems import invalid, not_found
from src.domain import Interval
from src.services.symbols import find_unknown, list_exchanges
from src.warehouse.series import list_series

_MOST_NAMED = 20


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


def check_kept(symbols: Collection[str], intervals: Mapping[str, Collection[Interval]] | None = None) -> None:
    """Refuse symbols of which no series is kept, and *intervals* (by the field) that none of theirs has.

    422 names what there is: a run would be queued that finds nothing to do and fails.
    """
    with warehouse().read() as connection:
        keys = [row.key for row in list_series(connection, tracked_only=False)]
    _check_named("symbols", set(symbols), {key.symbol for key in keys})
    kept = {key.interval.value for key in keys if not symbols or key.symbol in symbols}
    for field, named in (intervals or {}).items():
        _check_named(field, {one.value for one in named}, kept)


def _check_named(field: str, named: set[str], kept: set[str]) -> None:
    if unknown := sorted(named - kept):
        accepted = ", ".join(sorted(kept)[:_MOST_NAMED]) or "none yet"
        more = "" if len(kept) <= _MOST_NAMED else ", and what else /api/data-ingestion/symbols-status lists"
        raise invalid(field, f"nothing is kept of {', '.join(unknown)}", accepted + more)
