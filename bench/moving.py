"""A lake of real-sized objects moved into S3, with the mover killed on the way, and compared afterwards.

    scripts/servers run python -m bench.moving [--objects 50000] [--kills 2]

Of a hundred objects two are pages of a thousand candles, the others what live cycles land. Exits 1 when an
object is lost, doubled or changed, when reconcile (with checksums) finds anything, or when a second run
copies anything.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

from src.logs import configure_logging
from src.settings import ENV_FILE_VARIABLE, VARIABLES
from src.warehouse.engine import sqlite_url
from tests.faults.lake_moves import Installation, fill_lake, move_with_kills
from tests.servers import s3_server


def main() -> int:
    """Move, print and judge; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.moving")
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=2)
    chosen = parser.parse_args()
    for name in VARIABLES.values():
        os.environ.pop(name, None)
    os.environ[ENV_FILE_VARIABLE] = os.devnull
    return 0 if soak_move(chosen.objects, chosen.kills) else 1


def soak_move(objects: int, kills: int) -> bool:
    """Fill a folder with that many objects and move them; return whether all is as it must be."""
    configure_logging("warning")
    started = time.monotonic()

    def tell(progress: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {progress}", flush=True)

    print(f"\nmoving {objects:,} objects into S3, {kills} kills on the way")
    prefix = f"moving-{uuid.uuid4().hex[:12]}"
    buckets = {"MINIO_BUCKET_RAW": f"{prefix}-raw", "MINIO_BUCKET_ARCHIVE": f"{prefix}-archive"}
    with tempfile.TemporaryDirectory() as folder:
        fill_lake(Path(folder), sqlite_url(Path(folder) / "warehouse.db"), objects)
        tell(f"{objects:,} objects lie in the folder")
        installation = Installation(Path(folder), s3_server().environment() | buckets)
        problems = move_with_kills(installation, objects, kills, tell)
    for problem in problems[:20]:
        print(f"  WRONG {problem}")
    tell(f"compared byte for byte and by reconcile: {len(problems)} differences")
    return not problems


if __name__ == "__main__":
    sys.exit(main())
