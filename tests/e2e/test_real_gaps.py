"""The holes of real archives: found, asked for twice an hour apart, closed with two answers as proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey
from src.lake.envelope import decode_envelope
from src.lake.store import Bucket
from src.warehouse.gaps import GapRow, GapState
from src.warehouse.series import set_tracked
from src.warehouse.tables import lake_objects
from tests.service.rig import NOW_MS, Rig
from tests.service.test_filling import Filler, listed

# The tapes are made to end on the rig's day.
_TODAY_MS = Interval.D1.floor(NOW_MS)
SOL = SeriesKey("binance", "SOLUSDT", Interval.M1)
ARB = SeriesKey("binance", "ARBUSDT", Interval.M1)
_FILES = {SOL: "SOLUSDT-1m-2023-02-14.zip", ARB: "ARBUSDT-1m-2023-07-27.zip"}
# The minute that SOLUSDT lacks, and the last that ARBUSDT has.
_MISSING_MS = _TODAY_MS + (16 * 60 + 39) * MINUTE_MS
_LAST_MS = _TODAY_MS + (3 * 60 + 49) * MINUTE_MS


@pytest.fixture
def binance_dir(real_data_dir: Path) -> Path:
    return real_data_dir / "binance"


@pytest.fixture
def rig(binance_dir: Path, tmp_path: Path) -> Iterator[Rig]:
    tapes = tuple(binance_dir / name for name in _FILES.values())
    with Rig(tmp_path, tape_files=tapes) as made:
        made.clock.advance(_TODAY_MS + DAY_MS + 30_000 - made.clock.now_ms())
        yield made


def begin(rig: Rig, key: SeriesKey) -> Filler:
    """Fetch the day of the tape, a moment after it ended."""
    rig.warehouse.run(lambda connection: set_tracked(connection, [key], tracked=True))
    filler = Filler(rig)
    filler.cycle()
    return filler


def gap_of(rig: Rig, state: GapState) -> GapRow:
    [gap] = listed(rig, states=[state])
    return gap


def check_evidence(rig: Rig, gap: GapRow) -> None:
    """Two answers, over an hour apart, asked for the whole gap and had nothing in it."""
    assert gap.evidence[-1].asked_ms - gap.evidence[0].asked_ms >= HOUR_MS
    assert len({one.key for one in gap.evidence}) == 2
    for one in gap.evidence:
        envelope = decode_envelope(rig.lake.get(Bucket.RAW, one.key))
        asked: dict[str, Any] = dict(envelope.header.request.params)
        assert asked["startTime"] <= gap.window.start_ms
        assert asked["endTime"] >= gap.window.end_ms - 1
        assert envelope.body == b"[]"


def forget_object(rig: Rig, key: str) -> None:
    is_it = lake_objects.c.object_key == key
    rig.warehouse.run(lambda connection: connection.execute(delete(lake_objects).where(is_it)))


def test_minute_that_the_exchange_lacks_is_closed_and_opens_when_a_proof_is_gone(rig: Rig) -> None:
    filler = begin(rig, SOL)
    filler.run()
    assert gap_of(rig, GapState.DETECTED).window.start_ms == _MISSING_MS
    rig.clock.advance(HOUR_MS + MINUTE_MS)
    filler.run(symbols=["SOLUSDT"])
    gap = gap_of(rig, GapState.EMPTY_AT_EXCHANGE)
    assert (gap.window.start_ms, gap.window.end_ms) == (_MISSING_MS, _MISSING_MS + MINUTE_MS)
    check_evidence(rig, gap)
    forget_object(rig, gap.evidence[0].key)
    assert filler.run().result["reopened"] == 1


def test_archive_that_ends_early_is_one_gap_at_the_end(rig: Rig) -> None:
    filler = begin(rig, ARB)
    result = filler.run().result
    assert (result["detected"], result["ends_asked"]) == (0, 1)  # until then it was lag
    rig.clock.advance(HOUR_MS + MINUTE_MS)
    filler.run()
    gap = gap_of(rig, GapState.EMPTY_AT_EXCHANGE)
    assert gap.window.start_ms == _LAST_MS + MINUTE_MS
    assert gap.window.end_ms == _TODAY_MS + DAY_MS
    assert gap.missing == 20 * 60 + 10
    check_evidence(rig, gap)
    assert listed(rig) == [gap]
    forget_object(rig, gap.evidence[1].key)
    assert filler.run().result["reopened"] == 1
