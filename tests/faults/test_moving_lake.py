"""A lake on its way into S3: the mover is killed twice, and everything is there in the end, once."""

from __future__ import annotations

import uuid
from pathlib import Path

from src.warehouse.engine import sqlite_url
from tests.faults.lake_moves import Installation, fill_lake, move_with_kills
from tests.servers import S3Server

# So many that a kill between two looks comes before the end, however fast the machine.
OBJECTS = 900


def test_killed_twice_the_move_goes_on_where_it_was(tmp_path: Path, s3_server: S3Server) -> None:
    prefix = f"moving-{uuid.uuid4().hex[:12]}"
    buckets = {"MINIO_BUCKET_RAW": f"{prefix}-raw", "MINIO_BUCKET_ARCHIVE": f"{prefix}-archive"}
    folder = tmp_path / "data"
    folder.mkdir()
    fill_lake(folder, sqlite_url(folder / "warehouse.db"), OBJECTS)
    installation = Installation(folder, s3_server.environment() | buckets)
    assert move_with_kills(installation, OBJECTS, kills=2) == []
