"""``make soak``: a daemon is killed fifty times while it catches up, then everything is compared.

    python -m bench.soak [--kills 50] [--seed 1] [--cycles 2000]

Runs on SQLite and a folder, and on MariaDB and S3 where ``scripts/servers run`` has started them. Prints how
many kills fell into which phase, by the daemons' own logs, and every difference from the exchange's truth;
exits 1 if there is one, or if a phase got less than a fifth of the kills. Last, ``bench.endurance``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.endurance import endure
from src.domain import utc_from_ms
from src.settings import ENV_FILE_VARIABLE, VARIABLES
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from tests.faults.halting import Phase
from tests.faults.harness import Pipeline
from tests.faults.kills import Outcome, kill_repeatedly, list_half_written
from tests.servers import database_server, fresh_database, s3_server

# The middle of a day at the end of a February that has 29 days, so that all of it is crossed.
_START_MS = 1_709_037_296_000
_MARIADB, _S3 = "CANDLEHOUSE_TEST_MARIADB_URL", "CANDLEHOUSE_TEST_S3_ENDPOINT"


def main() -> int:
    """Run the soak on all stores there are; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--kills", type=int, default=50, help="how often on each pair of stores")
    parser.add_argument("--cycles", type=int, default=2000, help="how many while memory is watched")
    parser.add_argument("--seed", type=int, default=1, help="another seed kills at other moments")
    chosen = parser.parse_args()
    _hide_own_settings()
    is_fine = _soak("SQLite and folder", {}, chosen.kills, chosen.seed)
    if os.environ.get(_MARIADB) and os.environ.get(_S3):
        with _server_stores() as variables:
            is_fine &= _soak("MariaDB and S3", variables, chosen.kills, chosen.seed)
    else:
        print(f"MariaDB and S3 are left out: {_MARIADB} or {_S3} is not set (`make soak` starts both)")
    is_fine &= endure(chosen.cycles)
    return 0 if is_fine else 1


def _hide_own_settings() -> None:
    """Keep the settings of whoever runs this, who may collect for real, out of it."""
    for name in VARIABLES.values():
        os.environ.pop(name, None)
    os.environ[ENV_FILE_VARIABLE] = os.devnull


@contextmanager
def _server_stores() -> Iterator[Mapping[str, str]]:
    server = database_server(_MARIADB, "MariaDB")
    with fresh_database(server) as name:
        buckets = {"MINIO_BUCKET_RAW": "soak-raw", "MINIO_BUCKET_ARCHIVE": "soak-archive"}
        yield server.environment(name) | s3_server().environment() | buckets


def _soak(stores: str, variables: Mapping[str, str], kills: int, seed: int) -> bool:
    started = time.monotonic()

    def tell(progress: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {progress}", flush=True)

    print(f"\n{stores}: {kills} kills, seed {seed}")
    config = SimulatorConfig(start_at_ms=_START_MS)
    with tempfile.TemporaryDirectory() as folder, Simulator(config).serve_in_thread() as simulator:
        pipeline = Pipeline(Path(folder), simulator, variables)
        outcome = kill_repeatedly(pipeline, kills, seed, tell)
        is_fine = _show(stores, outcome, kills)
        print(
            f"  {len(list_half_written(pipeline))} half-written files left by the killed, none of them listed"
        )
        print(f"  the exchange's clock went from {utc_from_ms(_START_MS)} to ", end="")
        print(f"{utc_from_ms(simulator.clock.now_ms())}; took {time.monotonic() - started:.0f} s")
        pipeline.close()
    return is_fine


def _show(stores: str, outcome: Outcome, kills: int) -> bool:
    """Print the table and the comparison; return whether all is as it must be."""
    print(f"\n  {stores:34} kills aimed   in the log")
    for phase in Phase:
        seen = "" if phase is Phase.ANYWHERE else f"{outcome.seen[phase]:12}"
        print(f"  {phase.value:34} {outcome.aimed[phase]:11} {seen}")
    compared = outcome.comparison
    print(
        f"  compared with the exchange's truth: {compared.candles:,} candles, {compared.rollups:,} rollups, "
        f"{compared.objects:,} objects, {compared.levels:,} order-book levels"
    )
    for difference in outcome.differences:
        print(f"  DIFFERENCE {difference}")
    aimed_phases = [phase for phase in Phase if phase is not Phase.ANYWHERE]
    is_spread = all(outcome.seen[phase] >= kills // 5 for phase in aimed_phases)
    print(f"  {len(outcome.differences)} differences" + ("" if is_spread else "; A PHASE HAS TOO FEW KILLS"))
    return is_spread and not outcome.differences


if __name__ == "__main__":
    sys.exit(main())
