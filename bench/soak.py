"""``make soak``: what is too long for the tests: kills by the dozen, a batch at full size, a long life.

    python -m bench.soak [--only kills|batch|lost|moving|endurance] [--kills 50] [--seed 1] [--lost 10000]
                         [--batch-symbols 10] [--batch-days 30] [--batch-delay 1] [--cycles 2000]

*kills*: a daemon is killed fifty times while it catches up, then everything is compared. Prints how many
kills fell into which phase, by the daemons' own logs, and every difference from the exchange's truth; wrong
is one difference, or a phase with less than a fifth of the kills. *batch* is ``bench.batch``, *endurance* is
``bench.endurance``. *lost*: ten thousand minutes are deleted from the facts of a week, and half of the
objects; wrong is one that does not come back. *moving* is ``bench.moving``, which needs S3. The others run
on SQLite and a folder, and on MariaDB and S3 where ``scripts/servers run`` has started them. Exits 1 when
something is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from bench.batch import Size, compare_time_left, kill_and_take_up
from bench.endurance import endure
from bench.moving import soak_move
from src.domain import utc_from_ms
from src.settings import ENV_FILE_VARIABLE, VARIABLES
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator
from tests.faults.halting import Phase
from tests.faults.harness import Pipeline
from tests.faults.kills import Outcome, kill_repeatedly, list_half_written
from tests.faults.losing import lose_and_heal
from tests.servers import database_server, fresh_database, s3_server

# The middle of a day at the end of a February that has 29 days, so that all of it is crossed.
_START_MS = 1_709_037_296_000
_MARIADB, _S3 = "CANDLEHOUSE_TEST_MARIADB_URL", "CANDLEHOUSE_TEST_S3_ENDPOINT"
_PARTS = ("kills", "batch", "lost", "moving", "endurance")
_OF_THEIR_OWN = {"moving", "endurance"}
# So that ten thousand are a fifth of what there is.
_LOST_DAYS, _LOST_SYMBOLS = 7, 5

OpenStores = Callable[[], AbstractContextManager[Mapping[str, str] | None]]


def main() -> int:
    """Run what was chosen, all by default, on all stores there are; return the exit status."""
    chosen = _read_arguments()
    _hide_own_settings()
    is_fine = True
    if chosen.only not in _OF_THEIR_OWN:
        is_fine &= _soak_stores("SQLite and folder", nullcontext, chosen)
        if os.environ.get(_MARIADB) and os.environ.get(_S3):
            is_fine &= _soak_stores("MariaDB and S3", _server_stores, chosen)
        else:
            print(f"MariaDB and S3 are left out: {_MARIADB} or {_S3} is not set (`make soak` starts both)")
    if chosen.only in {None, "moving"} and os.environ.get(_S3):
        is_fine &= soak_move(chosen.moved, kills=2)
    if chosen.only in {None, "endurance"}:
        is_fine &= endure(chosen.cycles)
    return 0 if is_fine else 1


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--only", choices=_PARTS, help="leave the other parts out")
    parser.add_argument("--kills", type=int, default=50, help="how often on each pair of stores")
    parser.add_argument("--seed", type=int, default=1, help="another seed kills at other moments")
    parser.add_argument("--lost", type=int, default=10_000, help="minutes that are deleted from the facts")
    parser.add_argument("--moved", type=int, default=50_000, help="objects that are moved into S3")
    parser.add_argument(
        "--batch-symbols", type=int, default=10, help="symbols of the batch, two runs for each"
    )
    parser.add_argument("--batch-days", type=int, default=30, help="days that the batch fetches")
    parser.add_argument("--batch-delay", type=float, default=1.0, help="seconds that each answer takes")
    parser.add_argument("--cycles", type=int, default=2000, help="how many while memory is watched")
    return parser.parse_args()


def _soak_stores(stores: str, open_stores: OpenStores, chosen: argparse.Namespace) -> bool:
    is_fine = True
    if chosen.only in {None, "kills"}:
        with open_stores() as variables:
            is_fine &= _soak(stores, variables or {}, chosen.kills, chosen.seed)
    if chosen.only in {None, "batch"}:
        size = Size(chosen.batch_symbols, chosen.batch_days, chosen.batch_delay)
        print(f"\n{stores}: a batch of {size.symbols} symbols x 2 intervals x {size.days} days", flush=True)
        for part in (compare_time_left, kill_and_take_up):
            with open_stores() as variables:
                is_fine &= part(variables or {}, size)
    if chosen.only in {None, "lost"}:
        with open_stores() as variables:
            is_fine &= _lose(stores, variables or {}, chosen.lost, chosen.seed)
    return is_fine


def _lose(stores: str, variables: Mapping[str, str], minutes: int, seed: int) -> bool:
    """Print what came back of so many minutes; return whether all did."""
    print(f"\n{stores}: {minutes:,} minutes deleted from the facts of {_LOST_DAYS} days", flush=True)
    config = SimulatorConfig(symbols=extra_symbols(_LOST_SYMBOLS))
    lookback = {"CANDLEHOUSE_LOOKBACK_DAYS": str(_LOST_DAYS)}
    with tempfile.TemporaryDirectory() as folder, Simulator(config).serve_in_thread() as simulator:
        pipeline = Pipeline(Path(folder), simulator, {**variables, **lookback})
        healed = lose_and_heal(pipeline, minutes, seed)
        pipeline.close()
    print(f"  {healed.found:,} of {healed.deleted:,} found missing, {healed.objects_gone} objects gone")
    print(f"  {healed.reloaded:,} reloaded from the lake, {healed.fetched:,} candles fetched, ", end="")
    print(f"in {healed.seconds:.1f} s")
    for problem in healed.problems:
        print(f"  WRONG: {problem}")
    return not healed.problems and healed.found == healed.deleted


def _hide_own_settings() -> None:
    """Keep the settings of whoever runs this, who may collect for real, out of it."""
    for name in VARIABLES.values():
        os.environ.pop(name, None)
    os.environ[ENV_FILE_VARIABLE] = os.devnull


@contextmanager
def _server_stores() -> Iterator[Mapping[str, str]]:
    server = database_server(_MARIADB, "MariaDB")
    with fresh_database(server) as name:
        prefix = name.replace("_", "-")  # a bucket that held objects already would have them adopted
        buckets = {"MINIO_BUCKET_RAW": f"{prefix}-raw", "MINIO_BUCKET_ARCHIVE": f"{prefix}-archive"}
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
