"""What the command line draws: tables of series and of the pipeline's state."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from src.domain import SeriesKey, utc_from_ms
from src.maintenance.doctor.checkup import Report, is_healthy
from src.maintenance.doctor.findings import Finding, Verdict
from src.services.status import PipelineStatus, SeriesStatus

_PIPE_WIDTH = 110
_MINUTE_S = 60
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 30
_GAUGE_WIDTH = 30


def to_text(what: RenderableType, width: int | None = None) -> str:
    """Return what a terminal would show, without colours, for logs and pipes."""
    console = Console(width=width or _PIPE_WIDTH, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(what)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).rstrip()


def series_table(
    rows: list[SeriesStatus],
    now_ms: int,
    closes: Mapping[SeriesKey, Sequence[Decimal]] | None = None,
    *,
    is_narrow: bool = False,
) -> Table:
    """Draw the tracked series with what is held of each, and their last *closes* as a line.

    *is_narrow* fits it into 80 columns: the lag then stands alone for the last candle.
    """
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("symbol", style="bold")
    table.add_column("interval")
    for name in ("candles", "last price", "lag"):
        table.add_column(name, justify="right")
    if not is_narrow:
        table.add_column("last candle (UTC)")
    if closes:
        table.add_column("last hour")
    for row in rows:
        last = [] if is_narrow else [_minute(row.last_open_ms)]
        width = _SPARK_WIDTH // 2 if is_narrow else _SPARK_WIDTH
        spark = [sparkline(closes.get(row.key, ()), width)] if closes else []
        table.add_row(
            row.key.symbol,
            row.key.interval.value,
            f"{row.candles:,}",
            price_text(row.last_price),
            _lag(row, now_ms),
            *last,
            *spark,
        )
    return table


def pipeline_view(
    status: PipelineStatus,
    now_ms: int,
    closes: Mapping[SeriesKey, Sequence[Decimal]] | None = None,
    *,
    is_narrow: bool = False,
) -> RenderableType:
    """Draw the whole pipeline: the series, and one line each for the stores and the budget."""
    table = series_table(status.series, now_ms, closes, is_narrow=is_narrow)
    return Group(table, Text(), _totals(status), _budget(status, now_ms))


def sparkline(values: Sequence[Decimal], width: int = _SPARK_WIDTH) -> Text:
    """Draw values as a line of blocks from their lowest to their highest; red when they fell."""
    if not values:
        return Text()
    low, high = min(values), max(values)
    span = high - low or Decimal(1)
    steps = [int((value - low) / span * (len(_BLOCKS) - 1)) for value in _thinned(values, width)]
    style = "green" if values[-1] >= values[0] else "red"
    return Text("".join(_BLOCKS[step] for step in steps), style=style)


def _thinned(values: Sequence[Decimal], width: int) -> list[Decimal]:
    if len(values) <= width:
        return list(values)
    return [values[(index + 1) * len(values) // width - 1] for index in range(width)]


def _totals(status: PipelineStatus) -> Text:
    objects = ", ".join(f"{count:,} {state}" for state, count in sorted(status.objects.items())) or "none yet"
    text = Text()
    _field(text, "lake     ", f"{objects} objects")
    _field(text, "warehouse", f"{sum(row.candles for row in status.series):,} candles")
    return text


def _field(text: Text, name: str, value: str) -> None:
    text.append(f"{name} ", style="dim")
    text.append(f"{value}   ")


def _budget(status: PipelineStatus, now_ms: int) -> Text:
    text = Text("budget    ", style="dim")
    if status.blocked_until_ms and status.blocked_until_ms > now_ms:
        wait = duration_text(status.blocked_until_ms - now_ms)
        return text.append(f"the exchange asked us to wait: {wait} to go", style="yellow")
    if not status.weight_limit:
        return text.append("limit not read yet")
    filled = min(_GAUGE_WIDTH, round(_GAUGE_WIDTH * status.used_weight / status.weight_limit))
    text.append("━" * filled, style="green").append("━" * (_GAUGE_WIDTH - filled), style="bright_black")
    return text.append(
        f" {status.used_weight:,} of {status.weight_limit:,} weight this minute", style="default"
    )


_MARKS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "bold red"}


def doctor_view(report: Report) -> RenderableType:
    """Draw what the doctor found, area by area, with what to do below each finding."""
    # Text and not str throughout: an error's [brackets] are no markup.
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("verdict", "check"):
        table.add_column(name, no_wrap=True)
    table.add_column("found", overflow="fold")
    for area, findings in report.items():
        table.add_row(Text(area, style="bold"))
        for finding in findings:
            verdict = Text(f"  {finding.verdict.value}", style=_MARKS[finding.verdict])
            table.add_row(verdict, Text(finding.check), _with_advice(finding))
    return Group(table, Text(), _diagnosis(report))


def _with_advice(finding: Finding) -> Text:
    text = Text(finding.found)
    return text.append(f"\n→ {finding.advice}", style="cyan") if finding.advice else text


def _diagnosis(report: Report) -> Text:
    found = Counter(finding.verdict for findings in report.values() for finding in findings)
    problems, warnings = found[Verdict.PROBLEM], found[Verdict.WARNING]
    if not problems and not warnings:
        return Text("all is well", style=_MARKS[Verdict.OK])
    worst = Verdict.PROBLEM if problems else Verdict.WARNING
    return Text(f"problems: {problems}, warnings: {warnings}", style=_MARKS[worst])


def doctor_json(report: Report) -> dict[str, Any]:
    """Return the report for programs."""
    findings = [
        {"area": area, **asdict(finding)} for area, findings in report.items() for finding in findings
    ]
    return {"healthy": is_healthy(report), "findings": findings}


def output_width() -> int:
    """Return how wide ``show`` prints."""
    return Console().width if sys.stdout.isatty() else _PIPE_WIDTH


def show(what: RenderableType) -> None:
    """Print in colour on a terminal (unless NO_COLOR is set), plainly and 110 wide into a file or pipe."""
    if sys.stdout.isatty():
        Console().print(what)
    else:
        sys.stdout.write(f"{to_text(what)}\n")


def price_text(price: Decimal | None) -> str:
    """Return a price without the zeros that only fill up its 8 decimals, two decimals at least."""
    if price is None:
        return "-"
    whole, _, decimals = f"{price:,.8f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def duration_text(milliseconds: int) -> str:
    """Return a duration as people say it: ``8 s``, ``3 min``, ``2 h``, ``5 d``."""
    seconds = max(0, milliseconds) // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (_MINUTE_S, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _lag(row: SeriesStatus, now_ms: int) -> Text:
    if row.is_halted:
        return Text(str(row.status), style="yellow")  # nothing is to come, so nothing is late
    lag_ms, interval_ms = row.lag_ms(now_ms), row.key.interval.fixed_ms
    if lag_ms is None:
        return Text("no data yet", style="dim")
    # The next candle is due an interval after the last one ended; give it another to arrive.
    is_late = interval_ms is not None and lag_ms > 2 * interval_ms
    return Text(duration_text(lag_ms), style="yellow" if is_late else "green")


def _minute(time_ms: int | None) -> str:
    return "-" if time_ms is None else f"{utc_from_ms(time_ms):%Y-%m-%d %H:%M}"


def status_json(rows: list[SeriesStatus], now_ms: int) -> list[dict[str, Any]]:
    """Return the series for programs; times in UTC milliseconds, prices as text, exact."""
    return [
        {
            "exchange": row.key.exchange,
            "symbol": row.key.symbol,
            "interval": row.key.interval.value,
            "candles": row.candles,
            "last_open_time_ms": row.last_open_ms,
            "last_price": None if row.last_price is None else f"{row.last_price:f}",
            "lag_ms": row.lag_ms(now_ms),
            "status": row.status,
            "tier": row.tier.value,
            "freshness": row.freshness(now_ms),
        }
        for row in rows
    ]
