"""The lake in a folder: ``<root>/raw`` and ``<root>/archive``, one file an object.

A file appears under its key complete and synced, or not at all: it is written in the bucket's hidden
``.tmp`` and then linked, which fails when the key is taken. Only ``ensure_buckets`` makes the bucket
folders, so that an unmounted disk is an error and not an empty lake.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import structlog

from src.clock import Clock, SystemClock
from src.domain import HOUR_MS
from src.errors import LakeUnavailable, NotFound, ObjectExists
from src.lake.store import Bucket, ObjectStat, check_key, is_storable

log = structlog.get_logger()

_TEMP_FOLDER = ".tmp"
_LEFTOVER_AGE_MS = HOUR_MS  # a living writer needs milliseconds
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_LINK_ACROSS = {*_NO_HARD_LINKS, errno.EXDEV, errno.EMLINK}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStore:
    """An ObjectStore in the folder *root*."""

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        self._root = root.absolute()
        self._clock = clock or SystemClock()
        self._synced_folders: set[Path] = set()

    def ensure_buckets(self) -> None:
        """Make the bucket folders and sweep what crashed writers left behind."""
        for bucket in Bucket:
            folder = self._root / bucket
            with _explained("make", folder):
                _make_durably(folder)
                (folder / _TEMP_FOLDER).mkdir(exist_ok=True)
                self._sweep(folder / _TEMP_FOLDER)

    def missing_buckets(self) -> list[Bucket]:
        """Name the bucket folders that are not there."""
        with _explained("read", self._root):
            return [bucket for bucket in Bucket if not (self._root / bucket).is_dir()]

    def put_new(self, bucket: Bucket, key: str, content: bytes) -> None:
        """Create an object; file, folder and the folder's own entry are synced when this returns."""
        target = self._path(bucket, key)
        temp = self._root / bucket / _TEMP_FOLDER / f"{uuid4().hex}.tmp"
        with _explained("write", target):
            temp.parent.mkdir(exist_ok=True)
            try:
                _write_synced(temp, content)
                self._ensure_folder(bucket, target.parent)
                _publish(temp, target, key)
            finally:
                temp.unlink(missing_ok=True)
            _sync_folder(target.parent)

    def get(self, bucket: Bucket, key: str) -> bytes:
        """Return the content, or raise NotFound."""
        path = self._path(bucket, key)
        with _explained("read", path):
            try:
                return path.read_bytes()
            except _ABSENT as error:
                raise self._not_found(bucket, key) from error

    def stat(self, bucket: Bucket, key: str) -> ObjectStat:
        """Return the size, or raise NotFound."""
        path = self._path(bucket, key)
        with _explained("read", path):
            try:
                found = path.stat()
            except _ABSENT as error:
                raise self._not_found(bucket, key) from error
        if not stat.S_ISREG(found.st_mode):
            raise self._not_found(bucket, key)
        return _describe(key, found)

    def delete(self, bucket: Bucket, key: str) -> None:
        """Remove an object. A power failure may bring it back: an orphan then, which harms nobody."""
        path = self._path(bucket, key)
        with _explained("delete", path):
            if path.is_file():
                path.unlink(missing_ok=True)
            else:
                self._require_bucket(bucket)

    def delete_many(self, bucket: Bucket, keys: Sequence[str]) -> None:
        """Remove objects and sync their folders."""
        for key in keys:
            self.delete(bucket, key)
        for folder in {self._path(bucket, key).parent for key in keys}:
            with _explained("delete in", folder), suppress(*_ABSENT):
                _sync_folder(folder)

    def copy(self, source: Bucket, key: str, target: Bucket) -> None:
        """Give the file a second name in the other bucket; where hard links do not reach, copy it."""
        old, new = self._path(source, key), self._path(target, key)
        with _explained("copy to", new):
            self._ensure_folder(target, new.parent)
            try:
                os.link(old, new)
            except FileExistsError as error:
                raise ObjectExists(key) from error
            except _ABSENT as error:
                raise self._not_found(source, key) from error
            except OSError as error:
                if error.errno not in _NO_LINK_ACROSS:
                    raise
                self.put_new(target, key, self.get(source, key))
            _sync_folder(new.parent)

    def tidy(self, bucket: Bucket, prefix: str) -> None:
        """Remove the folder where it is empty, and those around it that are empty then."""
        root = self._root / bucket
        folder = root / prefix.rstrip("/")
        with suppress(OSError):  # it is not empty, or not there
            while folder != root and root in folder.parents:
                folder.rmdir()
                self._synced_folders.discard(folder)
                folder = folder.parent

    def list_keys(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        """List objects in the order of their keys; what appears or goes meanwhile may be seen or not."""
        self._require_bucket(bucket)
        yield from _list_folder(self._root / bucket, "", prefix)

    def _path(self, bucket: Bucket, key: str) -> Path:
        check_key(key)
        return self._root / bucket / key

    def _require_bucket(self, bucket: Bucket) -> None:
        folder = self._root / bucket
        if not folder.is_dir():
            raise LakeUnavailable(f"the lake's folder {folder} is not there: check that its disk is mounted")

    def _not_found(self, bucket: Bucket, key: str) -> NotFound:
        self._require_bucket(bucket)
        return NotFound(f"object {key} is not in bucket {bucket.value}")

    def _ensure_folder(self, bucket: Bucket, folder: Path) -> None:
        """Make the folders below the bucket, and their entries durable, whoever made them."""
        # Another process may have made a folder and not have synced its entry yet; our object must not
        # vanish with it, so the first write into each folder syncs the way down to it.
        if folder in self._synced_folders and folder.is_dir():
            return
        step = self._root / bucket
        for name in folder.relative_to(step).parts:
            (step / name).mkdir(exist_ok=True)
            _sync_folder(step)
            step = step / name
        self._synced_folders.add(folder)

    def _sweep(self, folder: Path) -> None:
        oldest_ms = self._clock.now_ms() - _LEFTOVER_AGE_MS
        leftovers = [f for f in folder.glob("*.tmp") if _modified_ms(f) < oldest_ms]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        if leftovers:
            log.info("removed unfinished objects of a crash", folder=str(folder), files=len(leftovers))


def _describe(key: str, found: os.stat_result) -> ObjectStat:
    return ObjectStat(key, found.st_size, found.st_mtime_ns // 1_000_000)


def _modified_ms(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return sys.maxsize  # its writer has just finished


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        _sync(file.fileno())


def _publish(temp: Path, target: Path, key: str) -> None:
    """Let *temp* appear as *target*, or raise ObjectExists, in one step that others see whole."""
    try:
        os.link(temp, target)
    except FileExistsError as error:
        raise ObjectExists(key) from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _publish_without_links(temp, target, key)


def _publish_without_links(temp: Path, target: Path, key: str) -> None:
    """Do the same on exFAT and some network drives, where a lock makes look-and-rename one step."""
    with (temp.parent / "publish.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            raise ObjectExists(key)
        temp.rename(target)


def _list_folder(folder: Path, path: str, prefix: str) -> Iterator[ObjectStat]:
    """Walk in the order of whole keys: a folder sorts as its name with the slash behind it."""
    for name, entry in _sorted_entries(folder):
        key = path + name
        if name.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _list_folder(folder / entry.name, key, prefix)
        elif key.startswith(prefix) and is_storable(key):
            with _explained("list", folder), suppress(FileNotFoundError):
                yield _describe(key, entry.stat())


def _sorted_entries(folder: Path) -> list[tuple[str, os.DirEntry[str]]]:
    with _explained("list", folder):
        try:
            with os.scandir(folder) as entries:
                visible = [e for e in entries if not e.name.startswith(".")]
                return sorted(((e.name + "/" if e.is_dir() else e.name), e) for e in visible)
        except FileNotFoundError:
            return []


def _make_durably(folder: Path) -> None:
    """Make *folder* and its missing parents, each with its entry synced."""
    if folder.is_dir():
        return
    _make_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(descriptor)
    except OSError as error:
        # Some network drives cannot sync a folder and say so; there is nothing better to do there.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    """Bring a file or folder to the disk itself."""
    if sys.platform == "darwin":
        # There fsync stops at the drive's cache, which a power failure empties.
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


@contextmanager
def _explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into LakeUnavailable that says what to check."""
    try:
        yield
    except OSError as error:
        message = f"the lake cannot {doing} {path}: {error.strerror or error}; {_advice(error, path)}"
        raise LakeUnavailable(message) from error


def _advice(error: OSError, path: Path) -> str:
    place = next((p for p in (path, *path.parents) if os.access(p, os.F_OK)), path)
    if error.errno in _DISK_FULL:
        free = shutil.disk_usage(place).free
        return f"make room on that disk ({free:,} bytes are free, perhaps not for this user)"
    if error.errno in _FORBIDDEN:
        return f"check the owner and the mode of {place} (this process runs as user {os.geteuid()})"
    if error.errno == errno.ENOENT:
        return f"only {place} is there: check that its disk is mounted"
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return "check that no file lies where a folder belongs"
    return "check that disk (the system's log may say more)"
