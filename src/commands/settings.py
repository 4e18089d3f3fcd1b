"""The command ``settings``: what may change while Candlehouse runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import json_option, requested_by, show_result, warehouse_app
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.mutable_settings import SettingState
    from src.wiring import App


@click.group()
def settings() -> None:
    """See and change what may change while Candlehouse runs.

    What the environment or .env sets is locked and wins.

    \b
    Example: ./candlehouse settings set cycle_seconds 30
    """


@settings.command("list")
@json_option
def settings_list(as_json: bool) -> None:
    """List them with their values, who set them and what is accepted.

    \b
    Example: ./candlehouse settings list --json
    """
    states = _states(warehouse_app())
    show_result([_json(state) for state in states.values()], as_json, lambda: _table(states))


# Else -1 would be an unknown option, and not a value that is out of range.
@settings.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("value")
@json_option
def settings_set(name: str, value: str, as_json: bool) -> None:
    """Change one; a running scheduler follows within two seconds.

    VALUE - reads it from standard input, so that a secret stays out of the shell's history.

    \b
    Example: ./candlehouse settings set depth_levels 100
    """
    from src.mutable_settings import check_unlocked, check_value, to_name
    from src.warehouse.app_settings import set_setting

    name = to_name(name)
    text = check_value(name, sys.stdin.read().strip() if value == "-" else value)
    parts = warehouse_app()
    check_unlocked(parts.settings, name)
    if name == "notify_urls":
        _check_targets(text)
    old = _states(parts)[name]
    parts.warehouse.run(lambda connection: set_setting(connection, name, text, requested_by()))
    _show_change(old, _states(parts)[name], as_json)
    if name == "cycle_seconds":
        _tell_if_scheduled(parts)
    if name in ("archive_days", "delete_days"):
        _tell_if_kept_longer(_states(parts))


@settings.command("reset")
@click.argument("name")
@json_option
def settings_reset(name: str, as_json: bool) -> None:
    """Take back a change, so that the default counts again.

    \b
    Example: ./candlehouse settings reset depth_levels
    """
    from src.mutable_settings import check_name, to_name
    from src.warehouse.app_settings import reset_setting

    name = to_name(name)
    check_name(name)
    parts = warehouse_app()
    old = _states(parts)[name]
    was_stored = parts.warehouse.run(lambda connection: reset_setting(connection, name))
    new = _states(parts)[name]
    _show_change(old, new, as_json, None if was_stored else f"nothing was stored, it is {_value(new)}")


def _states(parts: App) -> dict[str, SettingState]:
    from src.mutable_settings import list_states
    from src.warehouse.app_settings import read_settings

    with parts.warehouse.read() as connection:
        stored = read_settings(connection)
    return {state.name: state for state in list_states(parts.settings, stored)}


def _check_targets(urls: str) -> None:
    from src.jobs.sending import find_unusable

    if unusable := find_unusable(urls):
        raise ConfigurationError(
            f"notify_urls: Apprise does not understand {', '.join(unusable)}: see "
            "https://github.com/caronc/apprise/wiki for how each service is spelled"
        )


def _tell_if_scheduled(parts: App) -> None:
    """Say so where the cycle goes by a schedule of its own, whatever the setting says."""
    from src.commands.job_views import JobView
    from src.jobs.job_registry import CYCLE
    from src.warehouse.jobs import find_job

    with parts.warehouse.read() as connection:
        row = find_job(connection, CYCLE)
    if row is None or row.schedule is None or (view := JobView(parts.jobs[CYCLE], row, [])).problem:
        return
    click.echo(
        f"the job {CYCLE} has a schedule of its own, which wins: {view.schedule.in_words()}\n"
        f"./candlehouse jobs schedule {CYCLE} --default drops it",
        err=True,
    )


def _tell_if_kept_longer(states: dict[str, SettingState]) -> None:
    """Say so where objects live longer than *delete_days*, as they are deleted from the archive alone."""
    archive_days, delete_days = (int(states[name].value or 0) for name in ("archive_days", "delete_days"))
    if 0 < delete_days < archive_days:
        told = f"objects live at least as long as archive_days ({archive_days})"
        click.echo(f"only what lies in the archive is deleted: {told}", err=True)


def _show_change(old: SettingState, new: SettingState, as_json: bool, instead: str | None = None) -> None:
    change = {"name": new.name, "old": old.value, "new": new.value, "source": new.source.value}
    told = instead or f"{_value(old)} → {_value(new)}"
    show_result(change, as_json, lambda: f"{new.name}: {told} ({_source(new)})")


def _json(state: SettingState) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(state), "source": state.source.value}


def _table(states: dict[str, SettingState]) -> str:
    from rich.table import Table
    from rich.text import Text

    from src.terminal import to_text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("name", "value", "from", "accepted"):
        table.add_column(column, overflow="fold")
    for state in states.values():
        accepted = f"{state.accepted}; {state.problem}" if state.problem else state.accepted
        table.add_row(*map(Text, (state.name, _value(state), _source(state), accepted)))
    return to_text(table)


def _value(state: SettingState) -> str:
    return state.value if state.value is not None else "(none)"


def _source(state: SettingState) -> str:
    return f"locked by {state.locked_by}" if state.locked_by else state.source.value
