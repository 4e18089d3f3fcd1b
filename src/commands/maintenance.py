"""The command ``maintenance``: lets things age now, all of it or a step, or says what would happen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import json_option, ready_app, show_result
from src.commands.progress_bar import progress_bar

if TYPE_CHECKING:
    from src.warehouse.runs import RunRow

# As in ``src.jobs.ageing_steps``, which --help need not import.
_STEPS = ("pack", "archive", "cleanup", "retention", "housekeeping", "optimise", "recount")
# Of these each works on what the one before has left.
_IN_TURN = {"pack", "archive", "cleanup"}
_NAMED = 20


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would happen; nothing is changed.")
@click.option("--step", "steps", multiple=True, type=click.Choice(_STEPS), help="Only this; may be repeated.")
@json_option
def maintenance(dry_run: bool, steps: tuple[str, ...], as_json: bool) -> None:
    """Archive, pack and delete old objects, age out facts, tidy up: what the jobs do daily and weekly.

    Exit status 1 when something could not be done.

    \b
    Example: ./candlehouse maintenance --dry-run
    """
    from src.commands.work import perform

    app = ready_app()
    with progress_bar() as tell:
        parameters = {"steps": list(steps), "dry_run": dry_run}
        run = perform(app, "maintenance", parameters, lambda one: _tell_step(one, tell))
    is_file = app.settings.mysql_host is None
    show_result(run.result, as_json, lambda: "\n".join(_lines(run.result, is_file=is_file)))
    if run.error:
        click.echo(f"not all was done: {run.error['what']}", err=True)
        sys.exit(1)


def _tell_step(run: RunRow, tell: Callable[[str, int, int], None]) -> None:
    """Show how far the step is that runs; one of which nobody knows how much it is shows nothing."""
    running = [name for name, state in run.steps.items() if state == "running"]
    if running and run.total:
        what = "planned" if run.parameters.get("dry_run") else running[-1]
        tell(f"{what} ({run.unit})", min(run.done, run.total), run.total)


def _lines(result: Mapping[str, Any], *, is_file: bool) -> Iterator[str]:
    would = "would " if result["dry_run"] else ""
    for name, told in result["steps"].items():
        yield f"{name:<13}{_TELLERS[name](told, would)}"
        for problem in told.get("problems", [])[:_NAMED]:
            yield f"{'':<13}left: {problem}"
        for kept in told.get("kept", [])[:_NAMED]:
            yield f"{'':<13}kept: {_kept_text(kept)}"
    if not result["dry_run"]:
        later = (
            "; the file gives space back at the next optimise" if is_file and _is_file_hollow(result) else ""
        )
        yield f"{'freed':<13}{_size(result['freed_bytes'])} of the lake and the warehouse{later}"
    elif len(_IN_TURN.intersection(result["steps"])) > 1:
        yield "each step is counted alone: a run also does what the steps before it make ready"


def _is_file_hollow(result: Mapping[str, Any]) -> bool:
    """Whether facts went from a SQLite file, and nothing shrank it in the same run."""
    retention = result["steps"].get("retention") or {}
    went = retention.get("rows", 0) + retention.get("depth_rows", 0)
    return went > 0 and "optimise" not in result["steps"]


def _objects(done: str, do: str) -> Any:
    def tell(told: Mapping[str, Any], would: str) -> str:
        if not told:
            return "failed"
        packs = f", {told['packs']:,} packs" if told.get("packs") else ""
        freed = f", {_size(told['freed_bytes'])} freed" if told.get("freed_bytes") else ""
        left = f", {told['leftovers']:,} left by a crash removed" if told.get("leftovers") else ""
        what = f"{would}{do}" if would else done
        return f"{what} {told['objects']:,} objects of {_size(told['bytes'])}{packs}{freed}{left}"

    return tell


def _retention(told: Mapping[str, Any], would: str) -> str:
    if not told:
        return "failed"
    count = len(told["partitions"])
    partitions = f", {count} partition{'s' if count > 1 else ''}" if count else ""
    what = "would age out" if would else "aged out"
    return f"{what} {told['rows']:,} candles and {told['depth_rows']:,} rows of depth{partitions}"


def _housekeeping(told: Mapping[str, Any], would: str) -> str:
    rows = {name: count for name, count in told.get("rows", {}).items() if count}
    named = ", ".join(f"{name} {count:,}" for name, count in rows.items()) or "nothing"
    return f"{'would delete' if would else 'deleted'} rows of: {named}"


def _optimise(told: Mapping[str, Any], would: str) -> str:
    if would:
        back = f", give back {_size(told['give_back_bytes'])}" if told["give_back_bytes"] else ""
        return f"would analyse {told['analyse']} tables{back}"
    gave = f", gave back {_size(told['given_back_bytes'])}" if told["given_back_bytes"] else ""
    return f"analysed {told['analysed']} tables{gave}"


def _recount(told: Mapping[str, Any], would: str) -> str:
    if would:
        return "would count what the facts hold of all series"
    return f"{told['series']:,} series counted, {told['differences']:,} differences"


_TELLERS = {
    "pack": _objects("packed", "pack"),
    "archive": _objects("archived", "archive"),
    "cleanup": _objects("deleted", "delete"),
    "retention": _retention,
    "housekeeping": _housekeeping,
    "optimise": _optimise,
    "recount": _recount,
}


def _kept_text(kept: Any) -> str:
    return f"{kept['series']} {kept['why']}" if isinstance(kept, Mapping) else str(kept)


def _size(size_bytes: int) -> str:
    from src.maintenance.doctor.findings import size_text

    return size_text(size_bytes)
