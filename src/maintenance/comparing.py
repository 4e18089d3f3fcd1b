"""Finds where the warehouse says something else than the lake gives, by candle and by rollup. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext

from src.domain import DAY_MS, HOUR_MS, format_utc
from src.maintenance.rebuilding import Part
from src.warehouse.candles import Candles, Rollup, RollupKey, StoredCandle
from src.warehouse.facts import CANDLE_COLUMNS

# Sums of a day need more digits than a single amount.
_DIGITS = 60
_SUMS = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


@dataclass(frozen=True, slots=True)
class Difference:
    """One candle or rollup that is not what the lake gives; *what* names its columns and values."""

    at_ms: int
    what: str

    def __str__(self) -> str:
        return f"{format_utc(self.at_ms)}: {self.what}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """*truth* is what the warehouse should hold; of *unproven* candles the objects are lost."""

    differences: list[Difference]
    truth: Candles
    unproven: int


def compare_candles(part: Part) -> Comparison:
    """Compare both sides of *part*; minutes that aged out behind a sealed rollup are no difference."""
    result = Comparison([], {}, 0)
    unproven = 0
    held, rebuilt = part.held.candles, part.rebuilt.candles
    for at in sorted(held.keys() | rebuilt.keys()):
        if is_unproven(part, at):
            result.truth[at] = held[at]
            unproven += 1
        elif at in rebuilt and (at in held or not has_aged_out(part, at)):
            result.truth[at] = rebuilt[at]
        if result.truth.get(at) != held.get(at):
            result.differences.append(Difference(at, _tell(part, held.get(at), result.truth.get(at))))
    return Comparison(result.differences, result.truth, unproven)


def is_unproven(part: Part, at: int) -> bool:
    """Whether the candle that is held can only be believed: its object is lost, and none beats it."""
    held, rebuilt = part.held.candles.get(at), part.rebuilt.candles.get(at)
    if held is None or held.object_id not in part.rebuilt.lost:
        return False
    return rebuilt is None or part.precedence(rebuilt) < part.precedence(held)


def has_aged_out(part: Part, at: int) -> bool:
    """Whether a candle that is not held is gone on purpose, or a minute's hour is sealed and was fuller."""
    if at not in part.held.candles and any(one.start_ms <= at < one.end_ms for one in part.held.aged):
        return True
    hour = at - at % HOUR_MS
    rollup = part.held.rollups.get(RollupKey("1h", hour))
    if at in part.held.candles or rollup is None or rollup.sealed_at_ms is None:
        return False
    held = sum(hour <= time < hour + HOUR_MS for time in part.held.candles)
    return held < rollup.candle_count


def compare_rollups(part: Part, truth: Candles) -> list[Difference]:
    """Compare the rollups of a whole day with *truth*, but for sealed ones whose minutes have aged out."""
    expected = roll_up(truth)
    stored = part.held.rollups
    aged = {key for key, rollup in stored.items() if _is_aged(rollup, expected.get(key))}
    found: list[Difference] = []
    for key in sorted(stored.keys() | expected.keys()):
        if key not in aged and not (key.length == "1d" and aged):
            found += _compare_rollup(key, stored.get(key), expected.get(key))
    return found


def roll_up(minutes: Candles) -> dict[RollupKey, Rollup]:
    """Return the hours and days of these minutes."""
    buckets: dict[RollupKey, list[StoredCandle]] = defaultdict(list)
    for at in sorted(minutes):
        for length, length_ms in (("1h", HOUR_MS), ("1d", DAY_MS)):
            buckets[RollupKey(length, at - at % length_ms)].append(minutes[at])
    with localcontext(prec=_DIGITS):
        return {key: _aggregate(rows) for key, rows in buckets.items()}


def _aggregate(candles: list[StoredCandle]) -> Rollup:
    columns = dict(zip(CANDLE_COLUMNS, zip(*(c.row.split("\t") for c in candles), strict=True), strict=True))
    values: dict[str, str | int] = {
        "open_price": columns["open_price"][0],
        "high_price": max(columns["high_price"], key=Decimal),
        "low_price": min(columns["low_price"], key=Decimal),
        "close_price": columns["close_price"][-1],
        "trade_count": sum(map(int, columns["trade_count"])),
        "candle_count": len(candles),
    }
    values |= {name: f"{sum(map(Decimal, columns[name])):f}" for name in _SUMS}
    return Rollup(values, None)


def _is_aged(stored: Rollup, expected: Rollup | None) -> bool:
    count = expected.candle_count if expected else 0
    return stored.sealed_at_ms is not None and count < stored.candle_count


def _compare_rollup(key: RollupKey, stored: Rollup | None, expected: Rollup | None) -> Iterator[Difference]:
    name = f"{key.length} rollup"
    if expected is None:
        yield Difference(key.start_ms, f"{name}: there are no minutes for it")
    elif stored is None:
        yield Difference(key.start_ms, f"{name}: it is not in the warehouse")
    elif told := [
        f"{column} {stored.values[column]} in the warehouse, {value} by its minutes"
        for column, value in expected.values.items()
        if stored.values[column] != value
    ]:
        yield Difference(key.start_ms, f"{name}: {'; '.join(told)}")


def _tell(part: Part, held: StoredCandle | None, truth: StoredCandle | None) -> str:
    if held is None:
        assert truth is not None
        return f"not in the warehouse, but in {part.keys[truth.object_id]}"
    if truth is None:
        return "in the warehouse, but in no object of the lake"
    columns = zip(CANDLE_COLUMNS, held.row.split("\t"), truth.row.split("\t"), strict=True)
    told = [
        f"{name} {ours} in the warehouse, {theirs} in the lake"
        for name, ours, theirs in columns
        if ours != theirs
    ]
    if held.object_id != truth.object_id:
        ours, theirs = (part.keys.get(one.object_id, f"#{one.object_id}") for one in (held, truth))
        told.append(f"object {ours} in the warehouse, {theirs} by precedence")
    elif held.captured_at_ms != truth.captured_at_ms:
        told.append(
            f"captured_at {format_utc(held.captured_at_ms)}, {format_utc(truth.captured_at_ms)} by its key"
        )
    return "; ".join(told)
