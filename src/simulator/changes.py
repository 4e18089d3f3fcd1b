"""Changes of the market: properties of the data themselves, the same for every client and every interval.

A change is written ``KIND[:key=value,...]``, for instance::

    hole:minutes=80,cut=17.123,restored=+3h      no candles for 80 minutes; three hours later they are there
    zero_trades:symbol=BTCUSDT,minutes=72        candles without a trade, all at one price
    amended:from=-10m,minutes=2                  two candles of ten minutes ago are restated now
    listing:symbol=BTCUSDT,from=-3h              the symbol begins three hours ago
    delisting:symbol=BTCUSDT,from=+1h            no candle opens from then on; status BREAK

Each change has a moment: now, or that of its step in a scenario. Offsets count from it, and it is where
``from`` lies when that is not given. Only an amendment begins to hold at its moment: a hole, a run without
trades, a listing and a delisting hold as if it had never been otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from src.domain import MINUTE_MS, Interval, format_utc
from src.simulator.grammar import Bounds, SpecError, check_keys, parse_moment, parse_number, split_spec


class ChangeKind(StrEnum):
    HOLE = "hole"
    ZERO_TRADES = "zero_trades"
    AMENDED = "amended"
    LISTING = "listing"
    DELISTING = "delisting"


@dataclass(frozen=True, slots=True)
class MarketChange:
    """One change; times are UTC milliseconds of the exchange's clock, *symbol* None means all.

    It is about the minutes that open in ``[from_ms, until_ms)``; a listing and a delisting know no end. An
    amendment holds from *at_ms* on, a hole until *restored_ms*. *cut_ms* is how long the last candle before
    a hole lasted.
    """

    kind: ChangeKind
    at_ms: int
    from_ms: int
    until_ms: int | None = None
    symbol: str | None = None
    restored_ms: int | None = None
    cut_ms: int | None = None

    @property
    def settled_ms(self) -> int:
        """Return the moment from which on this change makes no more difference than it has made."""
        return max(self.at_ms, self.until_ms or self.from_ms, self.restored_ms or self.from_ms)


_RUN_KEYS = ("symbol", "from", "until", "minutes")
_KEYS: dict[ChangeKind, tuple[str, ...]] = {
    ChangeKind.HOLE: (*_RUN_KEYS, "restored", "cut"),
    ChangeKind.ZERO_TRADES: _RUN_KEYS,
    ChangeKind.AMENDED: _RUN_KEYS,
    ChangeKind.LISTING: ("symbol", "from"),
    ChangeKind.DELISTING: ("symbol", "from"),
}
_MINUTES = Bounds(int, 1, 10**7)
_CUT_SECONDS = Bounds(float, 0.001, 59.999)


def parse_change(spec: str, at_ms: int) -> MarketChange:
    """Read a change as the command line would write it; *at_ms* is its moment."""
    kind, fields = split_spec("market change", spec)
    return build_change(kind, fields, at_ms)


def build_change(kind_name: str, fields: Mapping[str, object], at_ms: int) -> MarketChange:
    """Check a change's parts, as they come from a spec, from JSON or from YAML."""
    if kind_name not in set(ChangeKind):
        raise SpecError(f"unknown market change {kind_name!r}; known are {', '.join(ChangeKind)}")
    kind = ChangeKind(kind_name)
    given = {key: value for key, value in fields.items() if value is not None}
    what = f"market change {kind}"
    check_keys(what, given, _KEYS[kind])
    from_ms = parse_moment(what, "from", given["from"], at_ms) if "from" in given else at_ms
    symbol = str(given["symbol"]) if "symbol" in given else None
    if "minutes" not in _KEYS[kind]:
        if symbol is None:
            raise SpecError(f"{what}: symbol must be given")
        return MarketChange(kind, at_ms, from_ms, symbol=symbol)
    until_ms = _parse_end(what, given, from_ms, at_ms)
    if kind is ChangeKind.AMENDED:
        return _amendment(what, at_ms, from_ms, until_ms, symbol)
    restored_ms = parse_moment(what, "restored", given["restored"], at_ms) if "restored" in given else None
    if restored_ms is not None and restored_ms <= from_ms:
        raise SpecError(f"{what}: restored must lie after from")
    cut_s = parse_number(what, "cut", given["cut"], _CUT_SECONDS) if "cut" in given else None
    cut_ms = None if cut_s is None else round(cut_s * 1000)
    return MarketChange(kind, at_ms, _ceil(from_ms), _ceil(until_ms), symbol, restored_ms, cut_ms)


def describe_change(change: MarketChange) -> dict[str, object]:
    """Return what is set, as the specs name it; times as ISO 8601."""
    times = {
        "at": change.at_ms,
        "from": change.from_ms,
        "until": change.until_ms,
        "restored": change.restored_ms,
    }
    texts = {key: format_utc(time_ms) for key, time_ms in times.items() if time_ms is not None}
    cut = {} if change.cut_ms is None else {"cut": change.cut_ms / 1000}
    return {"kind": change.kind, "symbol": change.symbol, **texts, **cut}


def _parse_end(what: str, given: Mapping[str, object], from_ms: int, at_ms: int) -> int:
    if ("until" in given) == ("minutes" in given):
        raise SpecError(f"{what}: either minutes or until must be given")
    if "minutes" in given:
        return from_ms + int(parse_number(what, "minutes", given["minutes"], _MINUTES)) * MINUTE_MS
    until_ms = parse_moment(what, "until", given["until"], at_ms)
    if until_ms <= from_ms:
        raise SpecError(f"{what}: until must lie after from")
    return until_ms


def _amendment(what: str, at_ms: int, from_ms: int, until_ms: int, symbol: str | None) -> MarketChange:
    """Return the restatement of the minutes that *from_ms* and what follows lie in; all must be closed."""
    first_ms = Interval.M1.floor(from_ms)
    end_ms = max(Interval.M1.floor(until_ms), first_ms + MINUTE_MS)
    if end_ms > at_ms:
        raise SpecError(
            f"{what}: only closed candles are amended, so from must be given and all of them must end "
            f"before the amendment ({format_utc(at_ms)})"
        )
    return MarketChange(ChangeKind.AMENDED, at_ms, first_ms, end_ms, symbol)


def _ceil(time_ms: int) -> int:
    return -(-time_ms // MINUTE_MS) * MINUTE_MS
