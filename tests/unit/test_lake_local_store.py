"""The local folder under bad conditions: crashes, full disks, foreign files, drives without hard links."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from src.clock import ManualClock
from src.domain import HOUR_MS, MINUTE_MS
from src.errors import NotFound, ObjectExists, StoreUnavailable
from src.lake import local_store
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from tests.conftest import PROJECT_ROOT

KEY = "2026-01-09/BTCUSDT_klines_1767968400123.json"
NEXT_KEY = "2026-01-09/BTCUSDT_klines_1767968400124.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "data_lake"


@pytest.fixture
def store(root: Path) -> LocalStore:
    store = LocalStore(root)
    store.ensure_buckets()
    return store


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the inodes of files and folders in the order in which they are synced."""
    inodes: list[int] = []
    sync = local_store._sync

    def recording(descriptor: int) -> None:
        sync(descriptor)
        inodes.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(local_store, "_sync", recording)
    return inodes


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_the_file_its_folder_and_the_folders_entry_are_synced(
    store: LocalStore, root: Path, synced: list[int]
) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")

    assert synced == [inode(root / "raw" / KEY), inode(root / "raw"), inode(root / "raw/2026-01-09")]


def test_the_next_object_of_a_day_costs_two_syncs(store: LocalStore, root: Path, synced: list[int]) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    synced.clear()

    store.put_new(Bucket.RAW, NEXT_KEY, b"[1]")

    assert synced == [inode(root / "raw" / NEXT_KEY), inode(root / "raw/2026-01-09")]


def test_a_folder_that_another_process_made_is_synced_before_we_rely_on_it(
    store: LocalStore, root: Path, synced: list[int]
) -> None:
    (root / "raw" / "2026-01-09").mkdir()

    store.put_new(Bucket.RAW, KEY, b"[1]")

    assert inode(root / "raw") in synced


def test_a_new_lake_is_synced_into_each_folder_that_was_made(tmp_path: Path, synced: list[int]) -> None:
    root = tmp_path / "data" / "data_lake"

    LocalStore(root).ensure_buckets()

    assert set(synced) == {inode(tmp_path), inode(root.parent), inode(root)}


def test_a_file_is_synced_before_it_gets_its_name(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_failure(descriptor: int) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(local_store, "_sync", power_failure)

    with pytest.raises(StoreUnavailable, match="Input/output error"):
        store.put_new(Bucket.RAW, KEY, b"[1]")
    assert files_below(root) == []


def test_a_folder_removed_by_hand_is_made_again(store: LocalStore, root: Path) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    store.delete(Bucket.RAW, KEY)
    (root / "raw" / "2026-01-09").rmdir()
    (root / "raw" / ".tmp").rmdir()

    store.put_new(Bucket.RAW, KEY, b"[2]")

    assert store.get(Bucket.RAW, KEY) == b"[2]"


@contextmanager
def no_file_above_4_kb() -> Iterator[None]:
    """Let the kernel refuse longer files, as a full disk does: briefly, for pytest may write to one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_breaks_off_leaves_nothing_behind(store: LocalStore, root: Path) -> None:
    with no_file_above_4_kb(), pytest.raises(StoreUnavailable, match="File too large"):
        store.put_new(Bucket.RAW, KEY, b"7" * 10_000)

    assert files_below(root) == []
    store.put_new(Bucket.RAW, KEY, b"[1]")
    assert files_below(root) == [f"raw/{KEY}"]


def test_a_full_disk_says_how_much_is_free_and_where(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(local_store, "_sync", no_space)

    with pytest.raises(
        StoreUnavailable, match=r"No space left on device; make room .*[0-9,]+ bytes are free"
    ) as raised:
        store.put_new(Bucket.RAW, KEY, b"[1]")
    assert str(root / "raw" / KEY) in str(raised.value)


@pytest.fixture
def as_a_stranger(root: Path) -> Iterator[Callable[[], None]]:
    """Take away this process's right to write into the lake."""
    me = os.geteuid()

    def lose_rights() -> None:
        for bucket in Bucket:
            (root / bucket / ".tmp").chmod(0o555)
        if me == 0:
            os.seteuid(65534)

    yield lose_rights
    os.seteuid(me)
    for bucket in Bucket:
        (root / bucket / ".tmp").chmod(0o755)


def test_a_forbidden_folder_says_whose_rights_to_check(
    store: LocalStore, as_a_stranger: Callable[[], None]
) -> None:
    as_a_stranger()

    with pytest.raises(
        StoreUnavailable, match=r"Permission denied; check the owner and the mode .* user \d+"
    ):
        store.put_new(Bucket.RAW, KEY, b"[1]")


def test_a_file_where_a_folder_belongs_is_named(store: LocalStore, root: Path, tmp_path: Path) -> None:
    (root / "raw" / "2026-01-09").write_text("not a folder")
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreUnavailable, match="no file lies where a folder belongs"):
        store.put_new(Bucket.RAW, KEY, b"[1]")
    with pytest.raises(StoreUnavailable, match="no file lies where a folder belongs"):
        LocalStore(tmp_path / "file").ensure_buckets()


def test_old_leftovers_are_swept_and_young_ones_are_someones_work(store: LocalStore, root: Path) -> None:
    leftover = root / "raw" / ".tmp" / "0123.tmp"
    leftover.write_bytes(b"[1,")
    written_ms = leftover.stat().st_mtime_ns // 1_000_000

    LocalStore(root, ManualClock(written_ms + HOUR_MS - MINUTE_MS)).ensure_buckets()
    assert leftover.exists()

    LocalStore(root, ManualClock(written_ms + HOUR_MS + MINUTE_MS)).ensure_buckets()
    assert not leftover.exists()


def test_sweeping_a_leftover_that_was_published_keeps_the_object(store: LocalStore, root: Path) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    leftover = root / "raw" / ".tmp" / "0123.tmp"
    os.link(root / "raw" / KEY, leftover)
    os.utime(leftover, (0, 0))

    LocalStore(root).ensure_buckets()

    assert not leftover.exists()
    assert store.get(Bucket.RAW, KEY) == b"[1]"


def test_files_of_others_are_not_listed(store: LocalStore, root: Path) -> None:
    store.put_new(Bucket.RAW, KEY, b"[1]")
    (root / "raw" / ".DS_Store").write_bytes(b"x")
    (root / "raw" / "2026-01-09" / ".DS_Store").write_bytes(b"x")
    (root / "raw" / "2026-01-09" / "notes (copy).txt").write_bytes(b"x")

    assert [found.key for found in store.list_keys(Bucket.RAW)] == [KEY]


def test_objects_are_plain_readable_files(store: LocalStore, root: Path) -> None:
    store.put_new(Bucket.ARCHIVE, KEY, b"[1]")

    found = (root / "archive" / KEY).stat()
    assert (root / "archive" / KEY).read_bytes() == b"[1]"
    assert stat.S_ISREG(found.st_mode)
    assert found.st_nlink == 1


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("no_hard_links")
def test_without_hard_links_one_of_eight_writers_wins(root: Path) -> None:
    stores = [LocalStore(root) for _ in range(8)]
    stores[0].ensure_buckets()
    for attempt in range(10):
        key = f"2026-01-09/BTCUSDT_klines_{attempt}.json"
        barrier = threading.Barrier(len(stores))

        def write(number: int, key: str = key, barrier: threading.Barrier = barrier) -> bytes | None:
            content = b"%d" % number * 50_000
            barrier.wait()
            try:
                stores[number].put_new(Bucket.RAW, key, content)
            except ObjectExists:
                return None
            return content

        with ThreadPoolExecutor(len(stores)) as pool:
            written = [content for content in pool.map(write, range(len(stores))) if content is not None]

        assert len(written) == 1
        assert stores[0].get(Bucket.RAW, key) == written[0]
    assert files_below(root / "raw" / ".tmp") == ["publish.lock"]


_WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
store = LocalStore(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9):
    store.put_new(Bucket.RAW, f"2026-01-09/BTCUSDT_klines_{number}.json", b"%d" % (number % 10) * 300_000)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_killed_writers_leave_whole_objects_or_none(store: LocalStore, root: Path) -> None:
    promised: set[int] = set()
    for attempt in range(8):
        first = attempt * 1_000_000
        command = [sys.executable, "-c", _WRITE_UNTIL_KILLED, str(root), str(first)]
        with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            lines = [writer.stdout.readline() for _ in range(3)]
            threading.Event().wait(0.003 * attempt)
            writer.send_signal(signal.SIGKILL)
            lines += writer.stdout.read().split("\n")[:-1]
        promised |= {int(line) for line in lines}

    listed = list(store.list_keys(Bucket.RAW))
    assert {found.size_bytes for found in listed} == {300_000}
    numbers = {int(found.key.split("_")[-1].removesuffix(".json")) for found in listed}
    assert promised <= numbers
    assert len(numbers - promised) <= 8  # written, but killed before saying so
    for found in listed:
        assert len(set(store.get(Bucket.RAW, found.key))) == 1


@pytest.fixture
def other_disk(root: Path) -> Iterator[Path]:
    """Give a folder on another file system than the lake's."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == root.parents[1].stat().st_dev:
        pytest.skip("there is no second file system: only Linux has /dev/shm")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def spread_store(root: Path, other_disk: Path) -> LocalStore:
    """Return a lake whose archive lies on another disk, as a link or a mount makes it."""
    root.mkdir(parents=True)
    (root / "archive").symlink_to(other_disk)
    store = LocalStore(root)
    store.ensure_buckets()
    return store


def test_copy_to_another_disk_is_whole_and_a_file_of_its_own(
    spread_store: LocalStore, root: Path, other_disk: Path
) -> None:
    spread_store.put_new(Bucket.RAW, KEY, b"[1]")
    with pytest.raises(OSError, match="cross-device"):
        os.link(root / "raw" / KEY, other_disk / "linked")
    spread_store.copy(Bucket.RAW, KEY, Bucket.ARCHIVE)
    assert files_below(other_disk) == [KEY]
    spread_store.delete(Bucket.RAW, KEY)
    assert spread_store.get(Bucket.ARCHIVE, KEY) == b"[1]"
    assert [one.key for one in spread_store.list_keys(Bucket.ARCHIVE)] == [KEY]


def test_copy_to_another_disk_overwrites_nothing_and_needs_its_original(spread_store: LocalStore) -> None:
    spread_store.put_new(Bucket.RAW, KEY, b"[1]")
    spread_store.put_new(Bucket.ARCHIVE, KEY, b"[2]")
    with pytest.raises(ObjectExists):
        spread_store.copy(Bucket.RAW, KEY, Bucket.ARCHIVE)
    assert spread_store.get(Bucket.ARCHIVE, KEY) == b"[2]"
    with pytest.raises(NotFound):
        spread_store.copy(Bucket.RAW, NEXT_KEY, Bucket.ARCHIVE)


def test_copy_to_another_disk_is_synced_there(
    spread_store: LocalStore, other_disk: Path, synced: list[int]
) -> None:
    spread_store.put_new(Bucket.RAW, KEY, b"[1]")
    synced.clear()
    spread_store.copy(Bucket.RAW, KEY, Bucket.ARCHIVE)
    assert {(other_disk / KEY).stat().st_ino, (other_disk / KEY).parent.stat().st_ino} <= set(synced)
