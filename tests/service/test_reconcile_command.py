"""``reconcile`` on the command line: it names what it took in, what it left and why."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from src.lake.local_store import LocalStore
from src.simulator.simulator import Simulator
from tests.builders import CAPTURED_MS, DAY_START_MS, make_kline
from tests.unit.test_cli import (
    environment,  # noqa: F401  a fixture
    exchange,  # noqa: F401  a fixture
    fail,
    simulated,  # noqa: F401  a fixture
    succeed,
    succeed_json,
)

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Return the folder of raw objects."""
    LocalStore(tmp_path / "data" / "data_lake").ensure_buckets()
    return tmp_path / "data" / "data_lake" / "raw"


def drop_in(raw: Path, key: str, *, is_old: bool = True) -> str:
    """Write a file of an earlier pipeline under *key*."""
    file = raw / key
    file.parent.mkdir(exist_ok=True)
    content = {"symbol": "BTCUSDT", "type": "klines", "data": [make_kline(DAY_START_MS)]}
    file.write_bytes(msgspec.json.encode(content))
    if is_old:
        os.utime(file, (CAPTURED_MS // 1000, CAPTURED_MS // 1000))
    return key


def test_what_was_adopted_ignored_and_left_for_later_is_named(raw: Path) -> None:
    adopted = drop_in(raw, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json")
    ignored = drop_in(raw, "2026-03-31/notes.json")
    fresh = drop_in(raw, "2026-03-31/notes_too.json", is_old=False)
    young = drop_in(raw, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS + 1}.json", is_old=False)
    counts, *named = succeed("reconcile").splitlines()
    sizes = "0 of another size (--checksums reads them all)"
    assert counts == f"4 objects: 1 adopted, 2 ignored, 1 too young yet, 0 missing, {sizes}"
    assert named[0] == f"adopted: {adopted}"
    assert named[1].startswith(f"ignored: {ignored} ")
    assert named[2].startswith(f"ignored: {fresh} "), "its name is no object's, however young it is"
    assert named[3].startswith(f"young: {young} ")
    assert "docs/dropped-in-files.md" in named[1]
    assert len(named) == 4
    assert succeed_json("reconcile")["young"] == [young]
    assert succeed("reconcile", "--checksums").splitlines()[0].endswith(", 0 missing, 0 changed")


def test_of_many_only_the_first_are_named(raw: Path) -> None:
    for number in range(23):
        drop_in(raw, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS + number}.json")
    lines = succeed("reconcile").splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "adopted: 3 more"


@pytest.mark.usefixtures("simulated")
def test_new_warehouse_that_was_loaded_from_the_lake_goes_on_collecting_what_the_settings_name(
    raw: Path,
) -> None:
    drop_in(raw, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json")
    succeed("reconcile")
    succeed("transform")
    assert succeed_json("symbols", "list") == []
    succeed("cycle")
    assert {row["symbol"] for row in succeed_json("symbols", "list")} == {"BTCUSDT", "ETHUSDT"}


def test_missing_bucket_of_a_lake_without_rows_is_made(raw: Path) -> None:
    drop_in(raw, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json")
    archive = raw.parent / "archive"
    shutil.rmtree(archive)
    assert succeed("reconcile").startswith("1 objects: 1 adopted, ")
    assert archive.is_dir()
    shutil.rmtree(archive)
    assert "archive is not there: check that its disk is mounted" in fail(1, "reconcile")
    assert not archive.exists()


# --- on the wrong lake ---

USE_S3 = {"MINIO_ENDPOINT": "127.0.0.1:9", "MINIO_ACCESS_KEY": "key", "MINIO_SECRET_KEY": "secret-secret"}


@pytest.fixture
def collected(simulated: Simulator, environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:  # noqa: F811  fixtures
    """Give the environment of an installation that has collected something."""
    succeed("cycle")
    return environment


@pytest.mark.parametrize("command", ["reconcile", "transform"])
def test_lake_of_another_kind_is_refused_and_nothing_is_noted_as_lost(
    collected: pytest.MonkeyPatch, command: str
) -> None:
    for name, value in USE_S3.items():
        collected.setenv(name, value)
    assert "MINIO_ENDPOINT is set, but the catalog describes the lake in the folder" in fail(2, command)
    for name in USE_S3:
        collected.delenv(name)
    newest = succeed_json("runs", "list")[0]
    assert newest["state"] == "cancelled", "nobody does later what was refused"
    assert succeed_json("reconcile")["counts"]["missing"] == 0


def test_another_folder_without_any_of_its_objects_is_refused_until_the_old_one_is_given_up(
    collected: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when somebody starts it in another folder, with the same MySQL."""
    elsewhere = tmp_path / "elsewhere"
    LocalStore(elsewhere / "data_lake").ensure_buckets()
    for file in (tmp_path / "data").glob("warehouse.db*"):
        shutil.copy(file, elsewhere)
    collected.setenv("CANDLEHOUSE_DATA_DIR", str(elsewhere))
    told = fail(1, "reconcile")
    assert (
        f"the catalog describes the lake in the folder {tmp_path}/data/data_lake. Check the settings" in told
    )
    with sqlite3.connect(elsewhere / "warehouse.db") as warehouse:
        assert warehouse.execute("SELECT COUNT(*) FROM lake_objects WHERE error IS NOT NULL").fetchone() == (
            0,
        )
        warehouse.execute("DELETE FROM app_settings WHERE name = 'lake_home'")
    assert "is in the catalog, not in the lake" in fail(1, "reconcile")
    succeed("cycle")


def test_older_copy_of_the_lake_is_refused(collected: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As when somebody goes on with the folder, or the buckets, of before the lake was moved."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "data" / "data_lake", elsewhere / "data_lake")
    drop_in(tmp_path / "data" / "data_lake" / "raw", f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json")
    succeed("reconcile")
    succeed("transform")
    for file in (tmp_path / "data").glob("warehouse.db*"):
        shutil.copy(file, elsewhere)
    collected.setenv("CANDLEHOUSE_DATA_DIR", str(elsewhere))
    told = fail(1, "reconcile")
    assert "newest objects of the catalog is there (missing: 2026-03-31/" in told
    assert "but not all (" in told


def test_folder_that_was_moved_with_its_objects_is_taken(
    collected: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").rename(tmp_path / "moved")
    collected.setenv("CANDLEHOUSE_DATA_DIR", str(tmp_path / "moved"))
    assert succeed_json("reconcile")["counts"]["missing"] == 0
