"""The command ``lineage``: from a candle to the object that it came from, or why there is no candle."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import app, json_option, show_result
from src.commands.times import parse_time
from src.domain import format_utc
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.domain import Candle
    from src.maintenance.lineage import Opened
    from src.warehouse.lineage import Lineage
    from src.warehouse.objects import ObjectRow
    from src.wiring import App

_HOME = "binance"


@click.command()
@click.argument("symbol", required=False)
@click.argument("time", required=False)
@click.option("--interval", default="1m", show_default=True, help="The candle's interval.")
@click.option("--object", "key", metavar="KEY", help="Show this object of the lake instead.")
@json_option
def lineage(symbol: str | None, time: str | None, interval: str, key: str | None, as_json: bool) -> None:
    """Show where a candle came from: the object, the request, the run; or why there is no candle.

    TIME is any moment (UTC) of the candle. Exit status 1 when there is no candle, or its object cannot be
    opened.

    \b
    Example: ./candlehouse lineage BTCUSDT 2026-01-09T14:30
    """
    parts = app()
    parts.starter.prepare_warehouse()
    if key is not None:
        value, is_whole = _object_json(parts, key)
        show_result(value, as_json, lambda: "\n".join(_object_lines(value)))
    elif symbol is None or time is None:
        raise ConfigurationError("a SYMBOL and a TIME are needed, or --object KEY")
    else:
        value, is_whole = _candle_json(parts, symbol, time, interval)
        show_result(value, as_json, lambda: "\n".join(_candle_lines(value)))
    if not is_whole:
        sys.exit(1)


def _object_json(parts: App, key: str) -> tuple[dict[str, Any], bool]:
    from src.maintenance.lineage import open_source
    from src.warehouse.lineage import count_held_from
    from src.warehouse.objects import get_object

    with parts.warehouse.read() as connection:
        row = get_object(connection, key)
        held = count_held_from(connection, row)
    opened = open_source(parts.lake, row)
    return {**_source(row, opened), "candles_held": held}, opened.problem is None


def _candle_json(parts: App, symbol: str, time: str, interval: str) -> tuple[dict[str, Any], bool]:
    from src.commands.fetch_request import parse_intervals, parse_symbols
    from src.maintenance.lineage import explain_absence, open_source
    from src.warehouse.app_settings import read_settings
    from src.warehouse.lineage import find_lineage, get_series
    from src.warehouse.symbols import Lifetime, list_lifetimes

    (name,), (of,) = parse_symbols([symbol]), parse_intervals([interval])
    time_ms = parse_time(time, "TIME")
    with parts.warehouse.read() as connection:
        series = get_series(connection, _HOME, name, of)
        found = find_lineage(connection, series, time_ms)
        lifetime = list_lifetimes(connection).get((_HOME, name), Lifetime())
        keep_days = parts.live.take(read_settings(connection)).keep_days
    value = _told(found)
    if found.candle is None:
        value["why_not"] = explain_absence(found, lifetime, parts.clock.now_ms(), keep_days)
        return value, False
    if found.source is None:
        value["object"] = _gone_json(found)
        return value, False
    opened = open_source(parts.lake, found.source, found.candle.open_time_ms)
    value["object"] = _source(found.source, opened)
    return value, opened.problem is None


def _gone_json(found: Lineage) -> dict[str, Any]:
    """Return what is known of an object that the catalog has no more."""
    from src.maintenance.lineage import deletion_text

    assert found.candle is not None
    gone, stone = {"id": found.candle.object_id}, found.tombstone
    if stone is None:
        return {**gone, "problem": "the catalog has it no more"}
    return {
        **gone,
        "deleted_at_ms": stone.deleted_ms,
        "problem": f"{deletion_text(stone.deleted_ms)}, with {stone.objects:,} objects of {stone.date}",
    }


def _told(found: Lineage) -> dict[str, Any]:
    """Return a lineage for programs, its object left out; times in UTC ms, amounts as text, exact."""
    from src.warehouse.facts import CANDLE_COLUMNS

    candle = found.candle
    return {
        "series": str(found.series.key),
        "open_time_ms": candle.open_time_ms if candle else found.slot.start_ms,
        "is_held": candle is not None,
        "candle": dict(zip(CANDLE_COLUMNS, candle.row.split("\t"), strict=True)) if candle else None,
        "rollups": [
            {
                "length": key.length,
                "start_ms": key.start_ms,
                "candle_count": rollup.candle_count,
                "sealed_at_ms": rollup.sealed_at_ms,
            }
            for key, rollup in sorted(found.rollups.items(), reverse=True)
        ],
        "earlier_versions": [
            {
                "known_from_ms": one.known_from_ms,
                "known_until_ms": one.known_until_ms,
                **_values(one.candle),
                "object_id": one.object_id,
                "replaced_by": one.replaced_by,
            }
            for one in found.versions
        ],
        "gap": _gap(found),
    }


def _values(candle: Candle) -> dict[str, str]:
    """Return what a candle says, as the one that holds is told: as text, exact."""
    from src.warehouse.facts import CANDLE_COLUMNS

    names = [name for name in CANDLE_COLUMNS if not name.endswith("_time")]
    return {name: format(getattr(candle, name), "d" if name == "trade_count" else "f") for name in names}


def _gap(found: Lineage) -> dict[str, Any] | None:
    if found.gap is None:
        return None
    return {"id": found.gap.id, "state": found.gap.state.value, "reason": found.gap.reason.value}


def _source(row: ObjectRow, opened: Opened) -> dict[str, Any]:
    request = opened.request
    return {
        "id": row.id,
        "key": row.key,
        "bucket": row.bucket,
        "state": row.state.value,
        "sha256": row.sha256,
        "size_bytes": row.size_bytes,
        "captured_at_ms": row.captured_at_ms,
        "exchange_time_ms": row.exchange_time_ms,
        "loaded_at_ms": row.loaded_ms,
        "run_id": row.run_id,
        "lane": row.lane.value,
        "record_count": row.record_count,
        "request": None
        if request is None
        else {"url": request.url, "params": request.params, "weight": request.weight},
        "row": opened.place,
        "pack": row.pack,
        "code_version": row.code_version,
        "deleted_at_ms": row.deleted_ms,
        "problem": opened.problem,
    }


def _candle_lines(value: dict[str, Any]) -> Iterator[str]:
    at = format_utc(value["open_time_ms"])
    if not value["is_held"]:
        yield f"{value['series']} {at}: no candle: {value['why_not']}"
    else:
        yield f"{value['series']} {at}: {_values_text(value['candle'])}"
        yield from _object_lines(value["object"])
    for one in value["rollups"]:
        sealed = f", sealed {format_utc(one['sealed_at_ms'])}" if one["sealed_at_ms"] else ""
        start, count = format_utc(one["start_ms"]), one["candle_count"]
        yield f"{one['length']} rollup    {start} of {count} candles{sealed}"
    for one in value["earlier_versions"]:
        known = f"{format_utc(one['known_from_ms'])} until {format_utc(one['known_until_ms'])}"
        yield f"earlier      known from {known}: {_values_text(one)}"


def _values_text(candle: dict[str, str]) -> str:
    told = {name: candle[f"{name}_price"] for name in ("open", "high", "low", "close")}
    told |= {"volume": candle["volume"], "quote volume": candle["quote_volume"]}
    told["trades"] = candle["trade_count"]
    return " ".join(f"{name} {value}" for name, value in told.items())


def _object_lines(value: dict[str, Any]) -> Iterator[str]:
    if "key" not in value:
        yield f"object       {value['id']}: {value['problem']}"
        return
    yield f"object       {value['key']}"
    yield f"             {value['bucket']} bucket, {value['state']}, {value['size_bytes']:,} bytes"
    if value["pack"]:
        yield f"             in {value['pack']}"
    yield f"sha256       {value['sha256']}"
    yield f"captured     {format_utc(value['captured_at_ms'])}"
    yield f"exchange     {format_utc(value['exchange_time_ms'])}"
    yield f"loaded       {format_utc(value['loaded_at_ms']) if value['loaded_at_ms'] else 'not yet'}"
    yield f"run          {value['run_id'] or 'a cycle'}"
    if request := value["request"]:
        parameters = "&".join(f"{name}={given}" for name, given in request["params"].items())
        yield f"request      {request['url']}?{parameters} (weight {request['weight']})"
    if value["row"] is not None:
        yield f"row          {value['row']} of the answer, counted from 0"
    if "candles_held" in value:
        yield f"candles      {value['record_count']} in it, {value['candles_held']} held from it"
    if value["problem"]:
        yield f"problem      {value['problem']}"
    yield f"loaded by    candlehouse {value['code_version'] or 'before it said so'}"
