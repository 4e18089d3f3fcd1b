"""A local lake moved into S3 while the mover is killed again and again, and the comparison afterwards.

Shared by the fault test, with some hundred objects, and the soak, with fifty thousand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from src.domain import MINUTE_MS
from src.lake.local_store import LocalStore
from src.lake.store import Bucket, ObjectStore
from src.maintenance.reconcile import Reconciler
from src.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, VARIABLES, load_settings
from src.wiring import App, build
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    make_depth,
    make_object,
    open_pipeline,
    random_kline,
)

# Of a hundred objects, so many are pages of history; the others are what a live cycle lands.
_PAGES_IN_100 = 2
_PAGE_CANDLES = 1000
_PATIENCE_S = 120.0
# Listing thousands of objects is work for the server: it must not be all that it does.
_LISTED_A_SECOND = 4_000
_ARCHIVED_IN = 3


def live_objects(count: int, seed: int = 1) -> Iterator[LakeObject]:
    """Make objects of the sizes that live cycles and backfills land, each with a key of its own."""
    random = Random(seed)
    page = [random_kline(random, DAY_START_MS + i * MINUTE_MS) for i in range(_PAGE_CANDLES)]
    levels = [
        (f"{random.randrange(1, 10**6)}.{random.randrange(10**8):08d}", "1.50000000") for _ in range(20)
    ]
    for number in range(count):
        captured_ms = CAPTURED_MS + number * MINUTE_MS
        if number % 100 < _PAGES_IN_100:
            yield make_object("BTCUSDT", page, captured_ms)
        elif number % 2:
            yield make_object("ETHUSDT", page[:2], captured_ms)
        else:
            yield make_depth("BTCUSDT", levels, levels, captured_ms)


def fill_lake(folder: Path, url: str, count: int) -> None:
    """Fill a local lake and its catalog; every third object lies in the archive."""
    with open_pipeline(url, LocalStore(folder / "data_lake")) as pipeline:
        objects = list(live_objects(count))

        def put(number: int) -> None:
            bucket = Bucket.RAW if number % _ARCHIVED_IN else Bucket.ARCHIVE
            pipeline.lake.put_new(bucket, objects[number].key.text, objects[number].content)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, range(count)))
        pipeline.catalog(objects)
        with pipeline.warehouse.write() as connection:
            connection.exec_driver_sql("UPDATE lake_objects SET state = 'loaded'")
            connection.exec_driver_sql("UPDATE lake_objects SET bucket = 'archive' WHERE (id - 1) % 3 = 0")


@dataclass
class Installation:
    """A Candlehouse in *folder* with the settings *variables*, which name an S3 server."""

    folder: Path
    variables: Mapping[str, str]

    @cached_property
    def app(self) -> App:
        attributes = {variable: attribute for attribute, variable in VARIABLES.items()}
        variables = {**self.variables, "CANDLEHOUSE_DATA_DIR": str(self.folder)}
        return build(load_settings(**{attributes[name]: value for name, value in variables.items()}))

    @property
    def target(self) -> ObjectStore:
        return self.app.lake

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the mover as a person does."""
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES.values()}
        ours = {"CANDLEHOUSE_DATA_DIR": str(self.folder), "PYTHONPATH": str(PROJECT_ROOT)}
        return subprocess.Popen(
            [sys.executable, str(PROJECT_ROOT / "migrate_to_minio.py"), *arguments],
            cwd=PROJECT_ROOT,
            env={**kept, **ours, **self.variables, ENV_FILE_VARIABLE: os.devnull},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def move(self, *arguments: str) -> dict[str, Any]:
        """Move to the end and return the report."""
        with self.start("--json", *arguments) as process:
            output, errors = process.communicate()
        assert process.returncode == 0, errors
        return dict(json.loads(output))

    def kill_after(self, objects: int) -> None:
        """Start the mover and kill it as soon as so many objects are in the target."""
        moved, moved_at = self.count_moved(), time.monotonic()
        with self.start() as process:
            while moved < objects and process.poll() is None:
                before, moved = moved, self.count_moved()
                moved_at = time.monotonic() if moved > before else moved_at
                assert time.monotonic() < moved_at + _PATIENCE_S, "the mover does not get on"
                time.sleep(objects / _LISTED_A_SECOND)
            process.kill()

    def count_moved(self) -> int:
        missing = self.target.missing_buckets()
        return sum(1 for b in Bucket if b not in missing for _ in self.target.list_keys(b))


def move_with_kills(
    installation: Installation, objects: int, kills: int, tell: Callable[[str], object] = str
) -> list[str]:
    """Move that many objects, killed on the way; return what is wrong afterwards."""
    problems = []
    for kill in range(1, kills + 1):
        installation.kill_after(objects * kill // (kills + 1))
        moved = installation.count_moved()
        tell(f"kill {kill}: {moved:,} of {objects:,} objects were there")
        if moved >= objects:
            problems.append(f"kill {kill} came too late")
    first = installation.move()
    tell(f"finished: {first}")
    again = installation.move()
    tell(f"again: {again}")
    if again["copied"] or again["verified"] != objects:
        problems.append(f"the second run copied {again['copied']} and verified {again['verified']}")
    return problems + list_differences(installation, objects)


def list_differences(installation: Installation, objects: int) -> list[str]:
    """Compare source, target and catalog, byte for byte."""
    problems: list[str] = []
    source = LocalStore(installation.folder / "data_lake")
    for bucket in Bucket:
        keys = [stat.key for stat in source.list_keys(bucket)]
        same = [installation.target.get(bucket, key) == source.get(bucket, key) for key in keys]
        problems += [f"{key} is another one" for key, is_same in zip(keys, same, strict=True) if not is_same]
    with closing(installation.app.warehouse) as warehouse:
        now_ms = CAPTURED_MS + 10**12
        report = Reconciler(installation.target, warehouse).run(now_ms, checksums=True)
    if not report.is_clean or report.adopted or report.objects != objects:
        problems.append(f"reconcile: {report}")
    return problems
