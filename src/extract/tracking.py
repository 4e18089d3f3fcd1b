"""Which series are tracked: begun from the settings once, changed by people afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from src.clock import Clock
from src.domain import Interval, Lane, SeriesKey
from src.errors import SourceError, SourcePermanent
from src.extract.exchange import Exchange, SymbolInfo, UnknownSymbols
from src.extract.lanes import in_lane
from src.extract.listing import fetch_delisted_ms, fetch_listed_ms
from src.warehouse.engine import Warehouse
from src.warehouse.series import list_series, set_tracked
from src.warehouse.symbols import (
    TRADING,
    Lifetime,
    SymbolRow,
    list_lifetimes,
    list_statuses,
    save_lifetime,
    upsert_symbols,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many symbols were refreshed, and the new status of those where it changed."""

    symbols: int
    changed: Mapping[str, str]


class Tracking:
    """Starts and stops the tracking of symbols of one exchange."""

    def __init__(self, exchange: Exchange, warehouse: Warehouse, clock: Clock) -> None:
        self._exchange = exchange
        self._warehouse = warehouse
        self._clock = clock

    def seed(self, symbols: Sequence[str], intervals: Sequence[Interval]) -> None:
        """While nothing was ever tracked, track what the settings name, leaving out what does not exist.

        Where the exchange cannot be asked they are tracked unseen; extraction says what is wrong later.
        """
        if symbols and not self._has_begun():
            self._track(self._existing(symbols), intervals)

    def add(self, symbols: Sequence[str], intervals: Sequence[Interval]) -> None:
        """Track these; UnknownSymbols, and nothing tracked, if one of them does not exist."""
        self._keep(self._exchange.fetch_symbols(symbols))
        self._track(symbols, intervals)

    def remove(self, symbols: Sequence[str]) -> list[SeriesKey]:
        """Stop tracking all series of these symbols; data and watermarks stay. Return what was tracked."""
        with self._warehouse.read() as connection:
            tracked = [row.key for row in list_series(connection)]
        keys = [key for key in tracked if key.exchange == self._exchange.name and key.symbol in symbols]
        if keys:
            self._warehouse.run(lambda connection: set_tracked(connection, keys, tracked=False))
        return keys

    def refresh(self) -> Refreshed:
        """Ask what the exchange says of the tracked symbols now; one that it knows no more keeps its row.

        Since when a symbol trades is asked once; until when, while it does not trade.
        """
        with self._warehouse.read() as connection:
            rows = list_series(connection)
            before = list_statuses(connection, self._exchange.name)
        names = sorted({row.key.symbol for row in rows if row.key.exchange == self._exchange.name})
        infos = self._fetch_known(names) if names else []
        self._keep(infos)
        changed = {
            info.symbol: info.status for info in infos if before.get(info.symbol, info.status) != info.status
        }
        if changed:
            log.info("symbols changed", exchange=self._exchange.name, changed=changed)
        self._keep_lifetimes(infos)
        return Refreshed(len(infos), changed)

    def find_listed_ms(self, symbol: str) -> int | None:
        """Return since when a symbol has candles (UTC ms): as known, else asked; None while it has none."""
        known = self._list_lifetimes().get(symbol, Lifetime())
        if known.listed_ms is not None:
            return known.listed_ms
        listed_ms = fetch_listed_ms(self._exchange, symbol)
        self._save_lifetime(symbol, Lifetime(listed_ms, known.delisted_ms))
        return listed_ms

    def _has_begun(self) -> bool:
        """Return whether anything is or was tracked.

        Series that were only made by loading what the lake held, as after a restore, do not count.
        """
        name = self._exchange.name
        with self._warehouse.read() as connection:
            rows = [row for row in list_series(connection, tracked_only=False) if row.key.exchange == name]
            # Symbols have rows since somebody tracked them, and keep them when they are removed.
            was_asked = bool(list_statuses(connection, name))
        return was_asked or any(row.tracked or row.wanted_from_ms is not None for row in rows)

    def _keep_lifetimes(self, infos: Sequence[SymbolInfo]) -> None:
        known = self._list_lifetimes()
        for info in infos:
            before = known.get(info.symbol, Lifetime())
            try:
                now = self._find_lifetime(info.symbol, before, info.status)
            except SourcePermanent as error:  # the others' can be known all the same
                log.warning("lifetime not known", symbol=info.symbol, error=str(error))
                continue
            if now != before:
                self._save_lifetime(info.symbol, now)

    def _list_lifetimes(self) -> dict[str, Lifetime]:
        with self._warehouse.read() as connection:
            found = list_lifetimes(connection)
        return {
            symbol: times for (exchange, symbol), times in found.items() if exchange == self._exchange.name
        }

    def _save_lifetime(self, symbol: str, lifetime: Lifetime) -> None:
        name = self._exchange.name
        self._warehouse.run(lambda connection: save_lifetime(connection, name, symbol, lifetime))

    def _find_lifetime(self, symbol: str, known: Lifetime, status: str) -> Lifetime:
        """Ask what is not known yet; a pause that is over was no end."""
        with in_lane(Lane.REPAIR):
            listed_ms = known.listed_ms
            if listed_ms is None:
                listed_ms = fetch_listed_ms(self._exchange, symbol)
            ended_ms = None if status == TRADING else fetch_delisted_ms(self._exchange, symbol)
        return Lifetime(listed_ms, ended_ms)

    def _fetch_known(self, names: Sequence[str]) -> Sequence[SymbolInfo]:
        try:
            return self._exchange.fetch_symbols(names)
        except UnknownSymbols as error:
            log.error("symbols unknown to the exchange", exchange=self._exchange.name, symbols=error.unknown)
            return error.known

    def _track(self, symbols: Sequence[str], intervals: Sequence[Interval]) -> None:
        keys = [
            SeriesKey(self._exchange.name, symbol, interval) for symbol in symbols for interval in intervals
        ]
        self._warehouse.run(lambda connection: set_tracked(connection, keys, tracked=True))

    def _existing(self, symbols: Sequence[str]) -> Sequence[str]:
        try:
            self._keep(self._exchange.fetch_symbols(symbols))
        except UnknownSymbols as error:
            log.error("symbols left out", error=str(error))
            self._keep(error.known)
            return [info.symbol for info in error.known]
        except SourceError as error:
            log.warning("symbols not checked", error=str(error))
        return symbols

    def _keep(self, infos: Sequence[SymbolInfo]) -> None:
        rows = [
            SymbolRow(
                self._exchange.name,
                info.symbol,
                info.status,
                info.base_asset,
                info.quote_asset,
                info.tick_size,
                info.step_size,
            )
            for info in infos
        ]
        self._warehouse.run(lambda connection: upsert_symbols(connection, rows, self._clock.now_ms()))
