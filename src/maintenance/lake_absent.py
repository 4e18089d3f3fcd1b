"""Which objects of the catalog a lake lacks: one that lacks any is not the one it describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, groupby, islice
from operator import attrgetter

from src.lake.packs import PREFIX
from src.lake.store import Bucket, ObjectStat, ObjectStore
from src.maintenance.pairs import pair_up
from src.warehouse.catalog import iterate_bucket
from src.warehouse.engine import Warehouse
from src.warehouse.evidence import list_expected
from src.warehouse.packs import iterate_packs, list_members

_BATCH = 256
_KEY = attrgetter("key")


def list_absent(warehouse: Warehouse, *stores: ObjectStore) -> Iterator[str]:
    """Yield the keys of objects that none of *stores* has; all is listed once, in little memory.

    Those that were noted as lost, or set aside, are left out: nothing will be read from them.
    """
    absent = chain(_list_files(warehouse, stores), _list_packed(warehouse, stores))
    while batch := list(islice(absent, _BATCH)):
        with warehouse.read() as connection:
            expected = list_expected(connection, batch)
        yield from (key for key in batch if key in expected)


def _list_files(warehouse: Warehouse, stores: Sequence[ObjectStore]) -> Iterator[str]:
    for bucket in Bucket:
        rows = iterate_bucket(warehouse, bucket.value)
        for stat, row in pair_up(_list_any(stores, bucket), rows):
            if stat is None and row is not None:
                yield row.key


def _list_packed(warehouse: Warehouse, stores: Sequence[ObjectStore]) -> Iterator[str]:
    """Yield the objects in packs that are nowhere."""
    for stat, pack in pair_up(_list_any(stores, Bucket.ARCHIVE, PREFIX), iterate_packs(warehouse)):
        if stat is None and pack is not None:
            with warehouse.read() as connection:
                members = list_members(connection, pack)
            yield from (member.object_key for member in members)


def _list_any(stores: Sequence[ObjectStore], bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
    """List what any of the stores has, ascending by key and each key once."""
    listings = [s.list_keys(bucket, prefix) for s in stores if bucket not in s.missing_buckets()]
    return (next(same) for _, same in groupby(merge(*listings, key=_KEY), key=_KEY))
