"""Minutes deleted from the facts by hand, and objects from the lake: all is to be found, and to come back.

What the lake has is to be reloaded from there, the rest fetched. Shared by a test and the soak.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from sqlalchemy import delete, select

from src.lake.store import Bucket
from src.settings import PROJECT_ROOT
from src.warehouse.gaps import GapFilter, GapRow, GapState, list_gaps
from src.warehouse.tables import fact_klines, lake_objects
from tests.faults.harness import PATIENCE_S, Pipeline
from tests.faults.truth import compare

_ROWS_A_STATEMENT = 500


class Healed(NamedTuple):
    """What came of it; *problems* are for people, none when all is as before."""

    deleted: int
    found: int
    reloaded: int
    fetched: int
    objects_gone: int
    seconds: float
    problems: list[str]


def lose_and_heal(pipeline: Pipeline, minutes: int, seed: int = 1) -> Healed:
    """Collect, delete so many minutes and half of the objects, recount, fill, compare with the exchange."""
    pipeline.run_cli("cycle")
    random = Random(seed)
    facts = _list_facts(pipeline)
    lost = random.sample(facts, min(minutes, len(facts)))
    _delete_facts(pipeline, lost)
    gone = _delete_objects(pipeline, random)
    started = time.monotonic()
    _run(pipeline, "coverage", "--recount", "--fix", expects=1)  # it differs, and says so
    filled = json.loads(_run(pipeline, "gaps", "fill", "--max-gaps", "100000", "--json").splitlines()[-1])
    seconds = time.monotonic() - started
    result = json.loads(_run(pipeline, "runs", "show", str(filled["id"]), "--json"))["result"]
    gaps = _list_gaps(pipeline)
    problems = [f"gap {gap.id} is {gap.state.value}" for gap in gaps if gap.state is not GapState.FILLED]
    since_ms = min(open_ms for _, open_ms in facts)
    problems += [one for one in compare(pipeline, since_ms).differences if not _is_of_lake(one, gone)]
    found = sum(gap.missing for gap in gaps)
    return Healed(len(lost), found, result["reloaded"], result["candles"], len(gone), seconds, problems)


def _list_facts(pipeline: Pipeline) -> list[tuple[str, int]]:
    query = select(fact_klines.c.symbol, fact_klines.c.open_time).order_by(*fact_klines.primary_key)
    with pipeline.app.warehouse.read() as connection:
        return [(symbol, open_ms) for symbol, open_ms in connection.execute(query)]


def _delete_facts(pipeline: Pipeline, lost: Sequence[tuple[str, int]]) -> None:
    c = fact_klines.c
    for symbol in {symbol for symbol, _ in lost}:
        times = [open_ms for name, open_ms in lost if name == symbol]
        with pipeline.app.warehouse.write() as connection:
            for start in range(0, len(times), _ROWS_A_STATEMENT):
                some = times[start : start + _ROWS_A_STATEMENT]
                connection.execute(delete(fact_klines).where(c.symbol == symbol, c.open_time.in_(some)))


def _delete_objects(pipeline: Pipeline, random: Random) -> set[str]:
    """Delete half of the objects of candles, but not a series' newest, which its watermark rests on."""
    c = lake_objects.c
    query = select(c.object_key, c.symbol).where(c.data_type == "klines").order_by(c.symbol, c.last_open_time)
    with pipeline.app.warehouse.read() as connection:
        rows = connection.execute(query).all()
    newest = {symbol: key for key, symbol in rows}
    keys = [key for key, symbol in rows if newest[symbol] != key]
    gone = set(random.sample(keys, len(keys) // 2))
    for key in gone:
        pipeline.app.lake.delete(Bucket.RAW, key)
    return gone


def _list_gaps(pipeline: Pipeline) -> list[GapRow]:
    with pipeline.app.warehouse.read() as connection:
        return list_gaps(connection, GapFilter())


def _run(pipeline: Pipeline, *arguments: str, expects: int = 0) -> str:
    command = [sys.executable, "-m", "src.cli", *arguments]
    done = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env=pipeline.environment,
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == expects, f"{arguments}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done.stdout


def _is_of_lake(difference: str, gone: set[str]) -> bool:
    """Whether it only says that an object is gone that was deleted here."""
    return difference.startswith("catalog: ") or any(f"sha256 of {key}" in difference for key in gone)
