"""Watches a run until it has ended: bars that live on a terminal, lines in a log, JSON for programs.

Watching reads a few rows by their keys, however many runs there are, and never changes anything.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click
from rich.console import Console
from rich.live import Live
from sqlalchemy import Connection

from src.commands.follow_views import Sight, change_lines, end_view, live_view, summary_line
from src.commands.run_views import run_json
from src.jobs.doing import Parts
from src.terminal import show
from src.warehouse.batches import list_child_states
from src.warehouse.runs import RunFilter, RunRow, RunState, get_run, list_by_ids, list_runs

_LOOK_S = 0.5
_SUMMARY_MS = 10_000
# How long a child that has ended stays in the picture.
_LINGER_MS = 5_000
_FAILED_READ = 100

Tell = Callable[[Sight], None]


class Watcher:
    """Looks at one run again and again and remembers what has changed."""

    def __init__(self, parts: Parts, run_id: int) -> None:
        self._parts = parts
        self._run_id = run_id
        self._states: dict[int, RunState] = {}
        self._changed_ms: dict[int, int] = {}

    def look(self) -> Sight:
        """Return what there is to be seen now; NotFound when there is no such run."""
        with self._parts.warehouse.read() as connection:
            run = get_run(connection, self._run_id)
            children = list_child_states(connection, run.id) if run.is_batch else {}
            before, changed = self._note({**children, run.id: run.state})
            active = list_by_ids(connection, self._choose_active(children))
            failed = _list_failed(connection, run) if run.state.is_end else []
        return Sight(
            run=run,
            counts=Counter(children.values()),
            active=active,
            changed=[one for one in (*active, run) if one.id in changed],
            before=before,
            is_led=self._parts.leadership.find_leader() is not None,
            now_ms=self._parts.clock.now_ms(),
            failed=failed,
        )

    def _note(self, states: dict[int, RunState]) -> tuple[dict[int, RunState], set[int]]:
        """Take in how things stand; return how they stood, and what changed since: at first nothing."""
        before, self._states = self._states or states, states
        changed = {run_id for run_id, state in states.items() if before.get(run_id) is not state}
        self._changed_ms |= dict.fromkeys(changed, self._parts.clock.steady_ms())
        return before, changed

    def _choose_active(self, children: Mapping[int, RunState]) -> list[int]:
        since_ms = self._parts.clock.steady_ms() - _LINGER_MS
        return [
            run_id
            for run_id, state in children.items()
            if state is RunState.RUNNING or self._changed_ms.get(run_id, since_ms) > since_ms
        ]


def _list_failed(connection: Connection, run: RunRow) -> list[RunRow]:
    if not run.is_batch:
        return [run] if run.error else []
    wanted = RunFilter(parent_id=run.id, states=(RunState.FAILED, RunState.PARTLY_FAILED))
    return list_runs(connection, wanted, _FAILED_READ)[::-1]


def follow(parts: Parts, run_id: int, *, as_json: bool = False) -> RunState | None:
    """Show a run until it has ended and return how; None when Ctrl-C ended the watching before."""
    watcher = Watcher(parts, run_id)
    try:
        with _teller(as_json) as tell:
            while not (sight := watcher.look()).run.state.is_end:
                tell(sight)
                parts.clock.sleep(_LOOK_S)
            tell(sight)
    except KeyboardInterrupt:
        return None
    if not as_json:
        show(end_view(sight))
    return sight.run.state


@contextmanager
def _teller(as_json: bool) -> Iterator[Tell]:
    """Give what tells of each look, in the way that suits who reads it."""
    if as_json:
        yield _Lines(
            lambda sight: [_json_line(row) for row in sight.changed], lambda sight: _json_line(sight.run)
        )
    elif not sys.stdout.isatty():
        yield _Lines(change_lines, summary_line)
    else:
        console = Console()
        with Live(console=console, auto_refresh=False) as live:
            yield lambda sight: live.update(live_view(sight, console.width, console.height), refresh=True)


class _Lines:
    """Tells each change at once, and every now and then how far it is."""

    def __init__(self, changes: Callable[[Sight], list[str]], summary: Callable[[Sight], str]) -> None:
        self._changes = changes
        self._summary = summary
        self._next_ms = 0

    def __call__(self, sight: Sight) -> None:
        for line in self._changes(sight):
            click.echo(line)
        if sight.now_ms >= self._next_ms:
            click.echo(self._summary(sight))
            self._next_ms = sight.now_ms + _SUMMARY_MS


def _json_line(run: RunRow) -> str:
    return json.dumps(run_json(run), default=str)
