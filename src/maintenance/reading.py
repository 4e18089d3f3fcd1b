"""Reads an object of which a catalog row is at hand, though it may be moved, packed or deleted just now."""

from __future__ import annotations

from src.errors import NotFound
from src.lake.reading import ObjectReader
from src.lake.store import Bucket, ObjectStore
from src.warehouse.catalog import CatalogRow, ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.objects import ObjectRow, find_object


class CataloguedReader:
    """Finds the bytes of catalogued objects wherever they lie. Safe to use from several threads."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse) -> None:
        self._reader = ObjectReader(lake)
        self._warehouse = warehouse

    def find(self, row: CatalogRow) -> bytes | None:
        """Return the object where *row* says, else where the catalog says by now; None when it is gone.

        A file may also lie in the other bucket. ValueError says that the pack it lies in is damaged.
        """
        content = self._find(row)
        if content is None and (now := self.look_again(row)) is not None:
            content = self._find(now)
        return content

    def look_again(self, row: CatalogRow) -> ObjectRow | None:
        """Return what the catalog says of the object now; None when it is deleted by its age."""
        with self._warehouse.read() as connection:
            now = find_object(connection, row.id)
        return None if now is None or now.state is ObjectState.DELETED else now

    def _find(self, row: CatalogRow) -> bytes | None:
        places = [Bucket(row.bucket)] if row.pack else sorted(Bucket, key=lambda one: one.value != row.bucket)
        for bucket in places:
            try:
                return self._reader.read(bucket.value, row.key, row.pack)
            except NotFound:
                continue
        return None
