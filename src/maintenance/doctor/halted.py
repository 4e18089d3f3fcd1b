"""Tracked symbols that their exchange does not trade: nothing is to come from them, and nobody is late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from src.errors import SourceError, Stopped
from src.extract.exchange import Exchange, UnknownSymbols
from src.maintenance.doctor.findings import Finding, warning
from src.warehouse.engine import Warehouse
from src.warehouse.series import list_series
from src.warehouse.symbols import TRADING, list_statuses

_UNKNOWN = "no such symbol"


def check_halted(exchange: Exchange, warehouse: Warehouse) -> Iterator[Finding]:
    """Ask the exchange of the tracked symbols, and tell what is not known yet of those it does not trade."""
    with warehouse.read() as connection:
        rows, stored = list_series(connection), list_statuses(connection, exchange.name)
    names = sorted({row.key.symbol for row in rows if row.key.exchange == exchange.name})
    found = _fetch_statuses(exchange, names)
    news = {name: found[name] for name in names if found.get(name, TRADING) != stored.get(name, TRADING)}
    if halted := {name: status for name, status in news.items() if status != TRADING}:
        yield judge_halted(halted)


def judge_halted(statuses: Mapping[str, str]) -> Finding:
    """Warn of symbols that do not trade, given with what the exchange says of each."""
    shown = ", ".join(f"{name} ({status})" for name, status in sorted(statuses.items()))
    found = f"the exchange does not trade {shown}: nothing comes from there"
    advice = (
        f"./candlehouse symbols remove {' '.join(sorted(statuses))} stops asking for what is delisted; the "
        "data stay. What is only halted goes on by itself"
    )
    return warning("halted", found, advice, halted=len(statuses))


def _fetch_statuses(exchange: Exchange, names: list[str]) -> dict[str, str]:
    try:
        return {info.symbol: info.status for info in exchange.fetch_symbols(names)}
    except UnknownSymbols as error:
        known = {info.symbol: info.status for info in error.known}
        return known | dict.fromkeys(error.unknown, _UNKNOWN)
    except (SourceError, Stopped):
        return {}  # whether it answers has been judged before
