"""The objects of one lake beside those of another, and which of them an earlier move has verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from src.lake.opening import may_be_object
from src.lake.packs import is_pack
from src.lake.store import Bucket, ObjectStat, ObjectStore
from src.maintenance import pairs
from src.warehouse.homes import LakeMove

# An object of the source, and that of the target under the same key.
Pair = tuple[ObjectStat, ObjectStat | None]


def list_objects(store: ObjectStore, bucket: Bucket) -> Iterator[ObjectStat]:
    """List objects and packs, ascending by key; what is neither by its name is no part of a lake."""
    return (stat for stat in store.list_keys(bucket) if is_of_lake(stat.key))


def is_of_lake(key: str) -> bool:
    """Whether this is the name of an object, or of a pack of them."""
    return is_pack(key) or may_be_object(key)


def pair_up(
    source: ObjectStore,
    target: ObjectStore,
    bucket: Bucket,
    on_others: Callable[[int], None] = lambda _: None,
) -> Iterator[Pair]:
    """Yield each object of the source with that of the target, both listed once, ascending by key.

    *on_others* hears how many more the target has.
    """
    others = 0
    for stat, there in pairs.pair_up(list_objects(source, bucket), list_objects(target, bucket)):
        if stat is None:
            others += 1
        else:
            yield stat, there
    on_others(others)


def is_passed(bucket: Bucket, pair: Pair, done: LakeMove | None) -> bool:
    """Whether an earlier run verified it: it lies before that run's end, and is there in the same size."""
    stat, there = pair
    if done is None or there is None or there.size_bytes != stat.size_bytes:
        return False
    order = list(Bucket)
    mine, reached = order.index(bucket), order.index(Bucket(done.bucket))
    return mine < reached or (mine == reached and stat.key <= done.key)
