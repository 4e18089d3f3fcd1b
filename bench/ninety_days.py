"""``make ninety-days``: ninety simulated days of collecting and ageing: do the stores stop growing?

    python -m bench.ninety_days [--days 90] [--hours 1] [--keep 21] [--archive 3] [--delete 10]
                                [--only laptop|servers] [--svg FILE]

Two symbols, a cycle every hour, all ages from a clock that is moved by hand; after a third of the time
the exchange has nothing for three hours. Each night ageing runs, each Sunday maintenance. Prints how much
there is day by day, then what 10, 100 and 500 symbols come to, from sizes that it measures. Runs on SQLite
and a folder, then on MariaDB and S3 where ``scripts/servers run`` has started them. Exits 1 when
something grows that should not, a partition that is over stays, or a rollup is not what it was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ageing_life import Life, Plan, Sample
from bench.ageing_scale import measure_sizes, print_scale
from bench.ageing_svg import draw
from src.lake.store import ObjectStore
from src.logs import configure_logging
from tests.ageing_rig import s3_lake
from tests.servers import database_server, fresh_database

_MARIADB, _S3 = "CANDLEHOUSE_TEST_MARIADB_URL", "CANDLEHOUSE_TEST_S3_ENDPOINT"
_SHOWN = ("files", "inodes", "packs", "catalog_rows", "lake_bytes", "facts", "depth_rows", "warehouse_bytes")
_BARS = " ▁▂▃▄▅▆▇█"
# What has levelled off may still breathe: partitions hold weeks, and pages are filled and freed.
_MOST_GROWTH = 1.1
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Stores:
    """Where it lives: by default a warehouse and a lake in a folder of its own."""

    name: str
    url: str | None = None
    lake: ObjectStore | None = None


def main() -> int:
    """Run, print and judge; return the exit status."""
    chosen = _read_arguments()
    configure_logging("warning")
    plan = Plan(chosen.days, chosen.hours, chosen.keep, chosen.archive, chosen.delete)
    is_fine = True
    if chosen.only != "servers":
        samples, problems = live(Stores("SQLite and a folder"), plan)
        is_fine &= not problems
        if chosen.svg:
            Path(chosen.svg).write_text(draw(samples, plan), encoding="utf-8")
    if chosen.only != "laptop":
        with _servers() as stores:
            is_fine &= stores is None or not live(stores, plan)[1]
    with tempfile.TemporaryDirectory() as folder:
        print_scale(measure_sizes(Path(folder)))
    return 0 if is_fine else 1


def live(stores: Stores, plan: Plan) -> tuple[list[Sample], list[str]]:
    """Live through *plan* and print it; return what there was each day, and what is wrong."""
    started = time.monotonic()
    print(f"\n{stores.name}: {plan}")
    with tempfile.TemporaryDirectory() as folder, Life(Path(folder), plan, stores.url, stores.lake) as life:
        samples = list(_printed(life.days(), every=max(1, plan.days // 9)))
        problems = [*find_growth(samples, plan), *life.find_wrong()]
    for name in _SHOWN:
        values = [getattr(one, name) for one in samples]
        print(f"  {name.replace('_', ' '):<16}{_sparkline(values)}  at most {max(values):,}")
    for problem in problems:
        print(f"  WRONG: {problem}")
    print(f"  {plan.days} days in {time.monotonic() - started:.0f} s", flush=True)
    return samples, problems


def find_growth(samples: list[Sample], plan: Plan) -> list[str]:
    """Name what is more in the last week than in the one after everything had come of age for the first time.

    Weeks, since partitions hold weeks.
    """
    first = max(plan.keep_days, plan.delete_days) + 2 * _WEEK
    if len(samples) < first + 2 * _WEEK:
        return []
    grown = []
    for name in _SHOWN:
        early = max(getattr(one, name) for one in samples[first : first + _WEEK])
        late = max(getattr(one, name) for one in samples[-_WEEK:])
        if late > early * _MOST_GROWTH + 2:
            grown.append(f"{name} from {early:,} to {late:,}")
    return grown


def _printed(samples: Iterable[Sample], every: int) -> Iterator[Sample]:
    print(f"  {'day':<16}" + "".join(f"{name.replace('_', ' '):>16}" for name in _SHOWN))
    for number, sample in enumerate(samples, start=1):
        if number % every == 0:
            values = "".join(f"{getattr(sample, name):>16,}" for name in _SHOWN)
            print(f"  {sample.day:<16}{values}", flush=True)
        yield sample


def _sparkline(values: list[int]) -> str:
    most = max(values) or 1
    return "".join(_BARS[-(-value * (len(_BARS) - 1) // most)] for value in values)


@contextmanager
def _servers() -> Iterator[Stores | None]:
    """Give an empty database and lake on the servers for tests, None where they are not running."""
    missing = [name for name in (_MARIADB, _S3) if not os.environ.get(name)]
    if missing:
        print(f"MariaDB and S3 are left out: {missing[0]} is not set (`make ninety-days` starts them)")
        yield None
        return
    server = database_server(_MARIADB, "MariaDB")
    with fresh_database(server) as name, s3_lake() as lake:
        yield Stores("MariaDB and S3", server.url(name), lake)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ninety_days")
    parser.add_argument("--days", type=int, default=90, help="how long it lives")
    parser.add_argument("--hours", type=int, default=1, help="hours between two cycles")
    parser.add_argument("--keep", type=int, default=21, help="days that facts are kept")
    parser.add_argument("--archive", type=int, default=3, help="days until objects are archived")
    parser.add_argument("--delete", type=int, default=10, help="days until objects are deleted")
    parser.add_argument("--only", choices=["laptop", "servers"], help="SQLite and a folder; MariaDB and S3")
    parser.add_argument("--svg", help="draw the curve on SQLite into this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
