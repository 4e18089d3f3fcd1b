"""ObjectReader: the bytes of an object wherever they lie, in a file of its own or in a pack."""

from __future__ import annotations

import threading
from collections import OrderedDict

from src.errors import NotFound
from src.lake.packs import open_pack
from src.lake.store import Bucket, ObjectStore

_KEPT = 2


class ObjectReader:
    """Reads objects; a pack is read once for many of its members. Safe to use from several threads.

    The last packs stay open: a few tens of megabytes each.
    """

    def __init__(self, lake: ObjectStore) -> None:
        self._lake = lake
        self._open: OrderedDict[str, dict[str, bytes]] = OrderedDict()
        self._turn = threading.Lock()

    def read(self, bucket: str, key: str, pack: str | None = None) -> bytes:
        """Return the object that lies in *bucket*, in the pack of that key if one is named.

        Raises NotFound when it, or its pack, is not there, and ValueError when the pack is damaged.
        """
        if pack is None:
            return self._lake.get(Bucket(bucket), key)
        members = self._members(pack)
        if key not in members:
            raise NotFound(f"object {key} is not in pack {pack}")
        return members[key]

    def _members(self, pack: str) -> dict[str, bytes]:
        # One at a time: two threads that want one pack would both unpack it, and hold it twice.
        with self._turn:
            if pack not in self._open:
                self._open[pack] = open_pack(self._lake.get(Bucket.ARCHIVE, pack))
            self._open.move_to_end(pack)
            while len(self._open) > _KEPT:
                self._open.popitem(last=False)
            return self._open[pack]
