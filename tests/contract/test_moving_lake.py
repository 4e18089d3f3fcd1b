"""Moving a lake into S3 and back: what is copied, what is refused, and when the catalog says so."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from sqlalchemy import Connection, select, update

from src.commands.migrate_lake import migrate_lake
from src.errors import ConfigurationError, LakeUnavailable, NotFound
from src.jobs.leadership import Leadership
from src.lake.local_store import LocalStore
from src.lake.packs import build_pack
from src.lake.store import Bucket, ObjectStore
from src.maintenance.reconcile import Reconciler
from src.settings import load_settings
from src.warehouse.ageing_tables import lake_packs
from src.warehouse.homes import FOLDER, S3, find_home, find_move
from src.warehouse.tables import lake_objects
from src.wiring import App, build
from tests.builders import CAPTURED_MS, DAY_START_MS, LakeObject, make_depth, make_kline, make_object
from tests.servers import S3Server

FOREIGN = {
    "symbol": "BTCUSDT",
    "type": "klines",
    "interval": "1m",
    "captured_at": "2026-01-09T14:20:00.123456",
    "data": [list(make_kline(DAY_START_MS))],
}


@dataclass
class Move:
    """An installation whose lake is to be moved."""

    app: App
    folder: Path
    environment: pytest.MonkeyPatch

    @property
    def local(self) -> LocalStore:
        return LocalStore(self.folder / "data_lake")

    @property
    def remote(self) -> ObjectStore:
        return self.app.lake

    def fill(self, count: int = 5) -> list[LakeObject]:
        """Prepare the folder as a start does, and land objects."""
        self.local.ensure_buckets()
        self.app.starter.prepare_warehouse()
        objects = [make_object("BTCUSDT", [make_kline(DAY_START_MS)], CAPTURED_MS + i) for i in range(count)]
        for one in objects:
            self.local.put_new(Bucket.RAW, one.key.text, one.content)
            self.catalogue(one)
        return objects

    def catalogue(self, one: LakeObject) -> None:
        from src.warehouse.catalog import record_landed

        self.app.warehouse.run(lambda connection: record_landed(connection, one.described()))

    def mark_loaded(self) -> None:
        self.app.warehouse.run(
            lambda connection: connection.execute(update(lake_objects).values(state="loaded"))
        )

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(migrate_lake, ["--json", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def succeed(self, *arguments: str) -> dict[str, Any]:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    def fail(self, *arguments: str, status: int = 1) -> str:
        result = self.run(*arguments)
        assert result.exit_code == status, result.output
        return result.stderr

    def home(self) -> str | None:
        with self.app.warehouse.read() as connection:
            found = find_home(connection)
        return found.kind if found else None

    def start_on(self, **changes: Any) -> None:
        """Do what a daemon does first, with other settings."""
        app = build(self.app.settings.model_copy(update={"symbols": (), **changes}))
        try:
            app.starter.prepare()
        finally:
            app.warehouse.close()


@pytest.fixture
def move(tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Move]:
    prefix = f"moving-{uuid.uuid4().hex[:12]}"
    variables = s3_server.environment() | {
        "CANDLEHOUSE_DATA_DIR": str(tmp_path / "data"),
        "CANDLEHOUSE_LOG": "error",
        "BINANCE_BASE_URL": "http://127.0.0.1:9",
        "MINIO_BUCKET_RAW": f"{prefix}-raw",
        "MINIO_BUCKET_ARCHIVE": f"{prefix}-archive",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    app = build(load_settings())
    yield Move(app, tmp_path / "data", monkeypatch)
    app.warehouse.close()
    # The command configures logging for its whole process.
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_every_object_is_copied_read_back_and_left_in_the_source(move: Move) -> None:
    objects = move.fill()
    report = move.succeed()
    assert (report["objects"], report["copied"], report["verified"], report["deleted"]) == (5, 5, 5, 0)
    for one in objects:
        assert move.remote.get(Bucket.RAW, one.key.text) == one.content
        assert move.local.get(Bucket.RAW, one.key.text) == one.content
    assert move.home() == S3


def test_second_run_copies_nothing_and_verifies_all(move: Move) -> None:
    move.fill()
    move.succeed()
    again = move.succeed()
    assert (again["copied"], again["verified"], again["adopted"], again["others"]) == (0, 5, 0, 0)


def collect_more(move: Move) -> LakeObject:
    """Land an object in S3, after the move into it."""
    more = make_object("ETHUSDT", [make_kline(DAY_START_MS)], CAPTURED_MS)
    move.remote.put_new(Bucket.RAW, more.key.text, more.content)
    move.catalogue(more)
    return more


def test_stale_folder_is_not_moved_into_another_bucket(move: Move) -> None:
    move.fill()
    move.succeed()
    more = collect_more(move)
    assert move.succeed()["copied"] == 0
    old = move.app.settings.minio_bucket_raw
    for name in ("RAW", "ARCHIVE"):
        move.environment.setenv(f"MINIO_BUCKET_{name}", f"moving-{uuid.uuid4().hex[:12]}")
    told = move.fail(status=2)
    assert "nothing was moved: 1 objects of the catalog are neither in" in told
    assert f"(the first: {more.key.text})" in told
    assert f"buckets {old} and" in told
    assert "from one s3 into another the way is through the folder: --back" in told.lower()
    other = build(load_settings())
    assert other.lake.missing_buckets() == list(Bucket)
    with move.app.warehouse.read() as connection:
        home = find_home(connection)
    assert home is not None
    assert f"buckets {old} and" in home.place


def test_from_one_bucket_into_another_through_the_folder(move: Move) -> None:
    move.fill()
    move.succeed()
    more = collect_more(move)
    assert move.succeed("--back")["copied"] == 1
    for name in ("RAW", "ARCHIVE"):
        move.environment.setenv(f"MINIO_BUCKET_{name}", f"moving-{uuid.uuid4().hex[:12]}")
    assert move.succeed()["copied"] == 6
    assert build(load_settings()).lake.get(Bucket.RAW, more.key.text) == more.content


def test_folder_that_lacks_an_object_is_not_moved_until_that_is_known_to_be_lost(move: Move) -> None:
    objects = move.fill()
    move.mark_loaded()
    victim = objects[3].key.text
    move.local.delete(Bucket.RAW, victim)
    told = move.fail(status=2)
    assert f"(the first: {victim})" in told
    assert "restore what is gone from a backup" in told
    assert move.home() is None
    assert move.remote.missing_buckets()
    assert Reconciler(move.local, move.app.warehouse).run(CAPTURED_MS).missing == [victim]
    assert move.succeed()["copied"] == 4


def test_pack_that_is_nowhere_is_told_by_its_objects(move: Move) -> None:
    packed = move.fill(2)[1]
    values = {
        "object_key": "packs/2026-04-01/BTCUSDT_klines_0123456789abcdef.tar.zst",
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "data_type": "klines",
        "date": date.fromisoformat(packed.key.date),
        "objects": 1,
        "size_bytes": 1,
        "raw_bytes": len(packed.content),
        "sha256": "0" * 64,
    }
    is_packed = lake_objects.c.object_key == packed.key.text

    def pack(connection: Connection) -> None:
        connection.execute(lake_packs.insert().values(values))
        pack_id = connection.execute(select(lake_packs.c.id)).scalar_one()
        in_pack = {"pack_id": pack_id, "bucket": "archive", "state": "loaded"}
        connection.execute(update(lake_objects).where(is_packed).values(in_pack))

    move.app.warehouse.run(pack)
    assert f"(the first: {packed.key.text})" in move.fail(status=2)


def test_objects_that_only_the_target_has_are_told_of_and_left_alone(move: Move) -> None:
    move.fill(1)
    move.remote.ensure_buckets()
    keys = ["2020-01-01/OLDUSDT_depth_1577836800000.json", "2030-01-01/NEWUSDT_depth_1893456000000.json"]
    for key in keys:
        move.remote.put_new(Bucket.RAW, key, b"{}")
    assert move.succeed()["others"] == 2
    assert move.succeed("--delete-source")["others"] == 2
    assert move.remote.get(Bucket.RAW, keys[0]) == b"{}"


def test_archive_and_packs_move_too(move: Move) -> None:
    move.fill(1)
    packed = make_depth("BTCUSDT", [("1.0", "2.0")], [("3.0", "4.0")])
    pack = build_pack({packed.key.text: packed.content})
    move.local.put_new(Bucket.ARCHIVE, "packs/2026-04-01/BTCUSDT_depth_0123456789abcdef.tar.zst", pack)
    values = {
        "object_key": "packs/2026-04-01/BTCUSDT_depth_0123456789abcdef.tar.zst",
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "data_type": "depth",
        "date": date(2026, 4, 1),
        "objects": 1,
        "size_bytes": len(pack),
        "raw_bytes": len(packed.content),
        "sha256": hashlib.sha256(pack).hexdigest(),
    }
    move.app.warehouse.run(lambda connection: connection.execute(lake_packs.insert().values(values)))
    report = move.succeed()
    assert (report["copied"], report["adopted"]) == (2, 0)
    assert move.remote.get(Bucket.ARCHIVE, str(values["object_key"])) == pack


def test_source_is_deleted_only_on_request_and_with_its_folders(move: Move) -> None:
    objects = move.fill()
    move.succeed()
    report = move.succeed("--delete-source")
    assert (report["copied"], report["verified"], report["deleted"]) == (0, 5, 5)
    assert list(move.local.list_keys(Bucket.RAW)) == []
    assert not (move.folder / "data_lake" / "raw" / objects[0].key.date).exists()
    assert move.succeed("--delete-source")["objects"] == 0
    for one in objects:
        assert move.remote.get(Bucket.RAW, one.key.text) == one.content


def test_damaged_object_is_named_not_copied_and_nothing_is_switched_or_deleted(move: Move) -> None:
    objects = move.fill()
    victim = objects[2].key.text
    path = move.folder / "data_lake" / "raw" / victim
    path.write_bytes(path.read_bytes().replace(b"100.0", b"100.1"))
    told = move.fail("--delete-source")
    assert f"damaged: {victim} in the source is not what was landed" in told
    assert "1 objects are not equal in both places" in told
    with pytest.raises(NotFound):
        move.remote.get(Bucket.RAW, victim)
    assert len(list(move.local.list_keys(Bucket.RAW))) == 5
    assert move.home() is None
    path.write_bytes(objects[2].content)
    assert move.succeed()["copied"] == 1
    assert move.home() == S3


def test_other_object_in_the_target_is_named_and_left_alone(move: Move) -> None:
    objects = move.fill()
    move.remote.ensure_buckets()
    key = objects[1].key.text
    move.remote.put_new(Bucket.RAW, key, b"{}")
    assert f"differs: {key} in http://" in move.fail()
    assert move.remote.get(Bucket.RAW, key) == b"{}"
    assert move.home() is None


def test_lake_of_an_earlier_pipeline_needs_no_catalog(move: Move, tmp_path: Path) -> None:
    names = ["2026-01-09/BTCUSDT_klines_1767968400123.json", "2026-01-10/BTCUSDT_klines_1768054800123.json"]
    for bucket, name in zip(("raw", "archive"), names, strict=True):
        path = tmp_path / "old" / "data_lake" / bucket / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(FOREIGN))
    stranger = tmp_path / "old" / "data_lake" / "raw" / "notes of mine.txt"
    stranger.write_text("hello")
    neighbour = tmp_path / "old" / "data_lake" / "raw" / "2026-01-09" / "notes.txt"
    neighbour.write_text("a store would take it")
    result = move.run("--source", str(tmp_path / "old" / "data_lake"))
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["copied"], report["adopted"]) == (2, 2)
    assert f"left where it is: {stranger}" in result.stderr
    assert "left where it is: raw/2026-01-09/notes.txt" in result.stderr
    assert (report["objects"], report["left_count"]) == (2, 1)
    assert "2026-01-09/notes.txt" not in [stat.key for stat in move.remote.list_keys(Bucket.RAW)]
    with move.app.warehouse.read() as connection:
        rows = connection.execute(select(lake_objects).order_by(lake_objects.c.object_key)).all()
    assert [(row.object_key, row.bucket, row.state) for row in rows] == [
        (names[0], "raw", "landed"),
        (names[1], "archive", "landed"),
    ]
    assert all(row.sha256 == hashlib.sha256(json.dumps(FOREIGN).encode()).hexdigest() for row in rows)
    again = move.succeed("--source", str(tmp_path / "old" / "data_lake"), "--delete-source")
    assert (again["copied"], again["adopted"], again["deleted"]) == (0, 0, 2)
    assert again["others"] == 0
    assert stranger.exists()
    assert neighbour.exists()


def test_strange_lake_is_refused_while_the_own_one_is_still_a_folder(move: Move, tmp_path: Path) -> None:
    move.fill()
    (tmp_path / "old" / "raw").mkdir(parents=True)
    told = move.fail("--source", str(tmp_path / "old"), status=2)
    assert "move that first, without --source" in told


def test_move_into_the_folder_again(move: Move) -> None:
    objects = move.fill()
    move.succeed("--delete-source")
    report = move.succeed("--back", "--delete-source")
    assert (report["copied"], report["deleted"]) == (5, 5)
    assert move.home() == FOLDER
    assert [stat.key for stat in move.local.list_keys(Bucket.RAW)] == [one.key.text for one in objects]
    assert list(move.remote.list_keys(Bucket.RAW)) == []


def test_nothing_is_moved_while_a_daemon_leads(move: Move) -> None:
    move.fill()
    daemon = Leadership(move.app.warehouse, move.app.clock)
    assert daemon.try_acquire()
    try:
        told = move.fail()
    finally:
        daemon.resign()
    assert told.startswith(f"candlehouse: process {os.getpid()} on host ")
    assert "works with these stores: stop it" in told
    assert move.remote.missing_buckets()
    assert move.succeed()["copied"] == 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "there is no lake to move: "), (("--back", "--source", "."), "leave --source out")],
)
def test_wrong_use_is_said_and_exits_with_2(move: Move, arguments: tuple[str, ...], told: str) -> None:
    assert told in move.fail(*arguments, status=2)


def test_without_a_server_to_move_to_it_says_what_to_set(move: Move) -> None:
    move.environment.delenv("MINIO_ENDPOINT")
    assert "MINIO_ENDPOINT is not set" in move.fail(status=2)


def test_server_that_is_away_is_told_with_status_1(move: Move) -> None:
    move.fill()
    move.environment.setenv("MINIO_ENDPOINT", "127.0.0.1:9")
    assert "cannot be reached" in move.fail()


# --- starting on the wrong lake ---


def test_start_on_a_server_to_which_nothing_was_moved_is_refused(move: Move) -> None:
    move.fill()
    move.start_on(minio_endpoint=None)
    with pytest.raises(
        ConfigurationError, match=r"MINIO_ENDPOINT is set, but the catalog describes the lake"
    ):
        move.start_on()
    move.succeed()
    move.start_on()


def test_start_on_the_folder_that_was_moved_away_is_refused(move: Move) -> None:
    move.fill()
    move.succeed()
    with pytest.raises(ConfigurationError, match=r"the lake was moved to http://.*: set MINIO_ENDPOINT"):
        move.start_on(minio_endpoint=None)


def test_start_after_a_move_that_was_cut_off_goes_on_with_the_folder_alone(move: Move) -> None:
    objects = move.fill()
    move.start_on(minio_endpoint=None)
    (move.folder / "data_lake" / "raw" / objects[4].key.text).write_bytes(b"{}")
    move.fail()
    with pytest.raises(ConfigurationError, match="goes on with a move that was cut off"):
        move.start_on()
    move.start_on(minio_endpoint=None)


def test_start_on_an_empty_lake_is_refused_when_the_catalog_knows_objects(move: Move) -> None:
    objects = move.fill()
    move.mark_loaded()
    moved_away = (move.folder / "data_lake").rename(move.folder / "unmounted")
    with pytest.raises(LakeUnavailable):
        move.start_on(minio_endpoint=None)
    assert not (move.folder / "data_lake").exists()
    LocalStore(move.folder / "data_lake").ensure_buckets()
    with pytest.raises(LakeUnavailable, match=objects[4].key.text):
        move.start_on(minio_endpoint=None)
    shutil.rmtree(move.folder / "data_lake")
    moved_away.rename(move.folder / "data_lake")
    move.start_on(minio_endpoint=None)


def test_another_server_may_be_named_as_long_as_nothing_was_collected(move: Move) -> None:
    move.start_on(minio_endpoint=None)
    move.start_on()
    assert move.home() == S3


def test_place_of_a_move_that_ended_is_forgotten(move: Move) -> None:
    move.fill()
    move.succeed()
    with move.app.warehouse.read() as connection:
        home = find_home(connection)
        assert home is not None
        assert find_move(connection, home.place) is None
