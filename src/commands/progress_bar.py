"""A bar on a terminal, a line now and then in a log, for work that a command does itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_LINE_EVERY_MS = 10_000


@contextmanager
def progress_bar(unit: str = "") -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that is told the phase, how much is done, and of how much; it writes to stderr."""
    if sys.stderr.isatty():
        with _bar(unit) as tell:
            yield tell
    else:
        yield _lines(unit)


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = {}

        def tell(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase, total=total)
            progress.update(tasks[phase], completed=done, total=total)

        yield tell


def _lines(unit: str) -> Callable[[str, int, int], None]:
    from src.clock import SystemClock

    clock, told_ms, line = SystemClock(), 0, ""

    def tell(phase: str, done: int, total: int) -> None:
        nonlocal told_ms, line
        now_ms, before = clock.steady_ms(), line
        line = f"{phase}: {done:,} of {total:,} {unit}".rstrip()
        if line != before and (now_ms - told_ms >= _LINE_EVERY_MS or done == total):
            told_ms = now_ms
            click.echo(line, err=True)

    return tell
