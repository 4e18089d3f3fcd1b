"""Moves a warehouse from SQLite into MySQL or MariaDB: copies every table, compares all of it, then says so.

The source is left as it is, but for a note of where it went. Whoever is cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection, Table, func, select

from src.clock import Clock
from src.domain import Window, format_utc
from src.errors import CandlehouseError, ConfigurationError
from src.warehouse.copying import (
    COPIED,
    FACTS,
    TEXT_BYTES,
    copy_chunk,
    count_rows,
    find_copy,
    list_filled,
    list_oversized,
    list_strangers,
    start_over,
)
from src.warehouse.digests import Digest, Group, digest_table
from src.warehouse.engine import Warehouse
from src.warehouse.homes import COPY_OF, MOVED_TO, WAREHOUSE_ID, find_note, save_note
from src.warehouse.partitions import Partitions
from src.warehouse.tables import fact_klines, fact_orderbook

# What others changed in the source meanwhile (a run that was queued, say) is copied once more.
_ROUNDS = 2
_NAMED = 10

# Hears of the phase, how many rows are done, and of how many.
OnProgress = Callable[[str, int, int], None]


@dataclass(slots=True)
class WarehouseReport:
    """What a move did. *days* are the days of series whose facts were compared.

    *moved_at* is set where an earlier run had moved everything; nothing was done then.
    """

    tables: int = 0
    rows: int = 0
    copied: int = 0
    days: int = 0
    differences: list[str] = field(default_factory=list)
    moved_at: str | None = None


def check_is_ours(target: Warehouse, place: str) -> None:
    """Raise ConfigurationError where the target's database holds tables or views of somebody else."""
    if strangers := list_strangers(target):
        raise ConfigurationError(
            f"{place} holds what is none of Candlehouse's ({', '.join(strangers[:3])}): name a database of "
            "its own; one that is not there is made"
        )


class WarehouseMover:
    """Moves *source*, a file at *source_place*, into *target*, both prepared and led by this process."""

    def __init__(
        self,
        source: Warehouse,
        target: Warehouse,
        clock: Clock,
        source_place: str,
        target_place: str,
        on_progress: OnProgress,
    ) -> None:
        self._source = source
        self._target = target
        self._clock = clock
        self._source_place = source_place
        self._target_place = target_place
        self._on_progress = on_progress
        self.report = WarehouseReport(tables=len(COPIED))

    def run(self) -> WarehouseReport:
        """Copy and compare.

        ConfigurationError where the target holds something else, CandlehouseError where rows do not fit.
        """
        identity = self._identify()
        self.report.moved_at = self._claim_target(identity)
        if self.report.moved_at:
            return self.report
        self._check_sizes()
        self._make_partitions()
        for _ in range(_ROUNDS):
            self._copy_all()
            differing = self._compare_all()
            if not differing:
                self._finish(identity)
                break
            for table in differing:
                start_over(self._target, table)
        return self.report

    def _identify(self) -> str:
        """Return what tells this source from all others, noted in it."""

        def work(connection: Connection) -> str:
            known = find_note(connection, WAREHOUSE_ID)
            identity = known["id"] if known else uuid4().hex
            if not known:
                save_note(connection, WAREHOUSE_ID, {"id": identity})
            return str(identity)

        return self._source.run(work)

    def _claim_target(self, identity: str) -> str | None:
        """Have the target be a copy of this source; return when it became one in full, if it has."""
        with self._target.read() as connection:
            known = find_note(connection, COPY_OF)
        if known and known["id"] != identity:
            raise ConfigurationError(
                f"{self._target_place} holds the copy of another warehouse, {known['place']}: name an empty "
                "database"
            )
        if not known and (filled := list_filled(self._target)):
            raise ConfigurationError(
                f"{self._target_place} holds data already ({', '.join(filled[:3])}): name an empty database"
            )
        if not known:
            note = {"id": identity, "place": self._source_place, "moved_at": None}
            self._target.run(partial(save_note, name=COPY_OF, value=note))
        return known["moved_at"] if known else None

    def _check_sizes(self) -> None:
        if oversized := list_oversized(self._source):
            raise CandlehouseError(
                f"nothing was copied: the new warehouse takes {TEXT_BYTES:,} bytes of text, and of "
                f"{'; of '.join(oversized)}. Shorten these in {self._source_place} or delete their rows "
                "(./candlehouse runs prune deletes old runs), then run this again"
            )

    def _make_partitions(self) -> None:
        partitions, now_ms = Partitions(self._target), self._clock.now_ms()
        for table, time in (
            (fact_klines, fact_klines.c.open_time),
            (fact_orderbook, fact_orderbook.c.captured_at),
        ):
            with self._source.read() as connection:
                first_ms, last_ms = connection.execute(select(func.min(time), func.max(time))).one()
            if first_ms is not None:
                partitions.ensure(table, Window(first_ms, last_ms + 1), now_ms)
        partitions.ensure_ahead(now_ms)

    def _copy_all(self) -> None:
        self.report.rows = sum(count_rows(self._source, table) for table in COPIED)
        done = 0
        for table in COPIED:
            so_far = find_copy(self._target, table)
            before = so_far.rows
            while not so_far.is_done:
                so_far = copy_chunk(self._source, self._target, table, so_far)
                self._on_progress("copying", done + so_far.rows, self.report.rows)
            self.report.copied += so_far.rows - before
            done += so_far.rows
        self._on_progress("copying", done, self.report.rows)

    def _compare_all(self) -> list[Table]:
        """Compare all tables by their digests; return those that differ."""
        self.report.differences, self.report.days = [], 0
        read, total = 0, 2 * self.report.rows
        differing = []

        def tell(rows: int) -> None:
            nonlocal read
            read += rows
            self._on_progress("comparing", min(read, total), total)

        for table in COPIED:
            ours, theirs = (self._digest(one, table, tell) for one in (self._source, self._target))
            self.report.days += len(ours) if table in FACTS else 0
            if ours != theirs:
                differing.append(table)
                self.report.differences += _name_differences(table, ours, theirs)
        self._on_progress("comparing", total, total)
        return differing

    def _digest(self, warehouse: Warehouse, table: Table, tell: Callable[[int], None]) -> dict[Group, Digest]:
        with warehouse.read() as connection:
            return digest_table(connection, table, tell)

    def _finish(self, identity: str) -> None:
        """Note in both where everything is; the target first, which then may be started on."""
        now = format_utc(self._clock.now_ms())
        copied = {"id": identity, "place": self._source_place, "moved_at": now}
        self._target.run(partial(save_note, name=COPY_OF, value=copied))
        moved = {"place": self._target_place, "moved_at": now}
        self._source.run(partial(save_note, name=MOVED_TO, value=moved))


def _name_differences(table: Table, ours: dict[Group, Digest], theirs: dict[Group, Digest]) -> Iterator[str]:
    nothing = Digest(0, 0)
    groups = sorted(group for group in ours.keys() | theirs.keys() if ours.get(group) != theirs.get(group))
    for group in groups[:_NAMED]:
        *series, day = group or (None,)
        where = f" {' '.join(series)} of day {format_utc(day * 86_400_000)[:10]}" if group else ""
        counts = f"{ours.get(group, nothing).rows} rows and {theirs.get(group, nothing).rows} rows"
        yield f"{table.name}{where}: {counts}, with other digests"
    if len(groups) > _NAMED:
        yield f"{table.name}: {len(groups) - _NAMED:,} more"


def check_differences(report: WarehouseReport) -> None:
    """Raise CandlehouseError where the two are not equal."""
    if report.differences:
        raise CandlehouseError(
            "the copy is not equal to its source, and nothing was switched: "
            + "; ".join(report.differences[:_NAMED])
            + ". Stop whatever writes into the source, then run this again: what differs is copied anew"
        )
