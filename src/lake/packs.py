"""Packs: many objects of one day in one archive object, a tar compressed by zstd.

Each member is the object as it lay in the lake, under its key, byte for byte. Anybody opens a pack without
us: ``tar --zstd -xf``. Keys of packs begin with ``packs/`` and are never those of objects.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence

import zstandard

from src.domain import DataType, Interval
from src.lake.keys import HOME_EXCHANGE, ObjectKey

PREFIX = "packs/"
_SUFFIX = ".tar.zst"
# Beyond it bodies of one series hardly get smaller, and packing takes several times as long.
_LEVEL = 9
# A pack that claims more is not one of ours: it must not fill the memory.
_MOST_BYTES = 1_000_000_000


def pack_key(
    exchange: str, symbol: str, data_type: DataType, interval: Interval | None, date: str, digest: str
) -> str:
    """Return the key of a pack, e.g. ``packs/2026-01-09/BTCUSDT_klines_0f3a….tar.zst``.

    *digest* (see ``digest_of``) keeps packs of one day apart, and makes a pack that is made again the same.
    """
    folder = "" if exchange == HOME_EXCHANGE else f"{exchange}/"
    part = ObjectKey(exchange, symbol, data_type, interval, 0).part
    return f"{PREFIX}{folder}{date}/{symbol}_{part}_{digest[:16]}{_SUFFIX}"


def is_pack(key: str) -> bool:
    """Tell whether *key* is that of a pack."""
    return key.startswith(PREFIX) and key.endswith(_SUFFIX)


def digest_of(sha256s: Iterable[str]) -> str:
    """Return one sha256 for many, in their order."""
    return hashlib.sha256("".join(sha256s).encode("ascii")).hexdigest()


def build_pack(members: Mapping[str, bytes]) -> bytes:
    """Return the content of a pack that holds these objects by their keys."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for key, content in members.items():
            member = tarfile.TarInfo(key)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(plain.getvalue())


def open_pack(content: bytes) -> dict[str, bytes]:
    """Return what is in a pack, by key; ValueError when it is damaged."""
    try:
        size = zstandard.get_frame_parameters(content).content_size
        if not 0 < size <= _MOST_BYTES:
            raise ValueError(f"it says that it holds {size} bytes")
        plain = zstandard.ZstdDecompressor().decompress(content)
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
            return {member.name: _content(tar, member) for member in tar if member.isfile()}
    except (zstandard.ZstdError, tarfile.TarError, ValueError) as error:
        raise ValueError(f"the pack cannot be opened: {error}") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None  # a plain file has content
    return file.read()


def in_portions(sizes: Sequence[int], most_bytes: int) -> list[slice]:
    """Cut a sequence of so large objects into portions of *most_bytes* at most, one object at least."""
    portions, start, total = [], 0, 0
    for number, size in enumerate(sizes):
        if number > start and total + size > most_bytes:
            portions.append(slice(start, number))
            start, total = number, 0
        total += size
    return [*portions, slice(start, len(sizes))] if sizes else []
