"""What becomes of a gap: answers close it, what is held cuts it; nothing is lost or counted twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, ms_from_utc, utc_from_ms
from src.maintenance.gap_story import (
    ASK_AGAIN_MS,
    ASK_YOUNG_AGAIN_MS,
    closed_windows,
    cut_held,
    diff,
    join_empty,
    settle,
)
from src.warehouse.gaps import Evidence, GapReason, GapRow, GapState
from src.window_sets import merge, subtract

T0 = 1_767_916_800_000


def minutes(first: int, end: int) -> Window:
    return Window(T0 + first * MINUTE_MS, T0 + end * MINUTE_MS)


def answer(key: str, first: int, end: int, asked_min: int) -> Evidence:
    return Evidence(key, minutes(first, end), T0 + DAY_MS + asked_min * MINUTE_MS)


def gap(first: int, end: int, *evidence: Evidence, **changes: object) -> GapRow:
    row = GapRow(7, 1, minutes(first, end), end - first, detected_ms=T0, evidence=evidence)
    return replace(row, **changes)  # type: ignore[arg-type]


def story(rows: list[GapRow]) -> list[tuple[int, Window, GapState]]:
    return [(row.id, row.window, row.state) for row in rows]


@pytest.mark.parametrize(("apart", "closed"), [(59, []), (60, [minutes(2, 5)]), (600, [minutes(2, 5)])])
def test_two_answers_close_what_both_had_nothing_of_once_an_hour_lies_between(
    apart: int, closed: list[Window]
) -> None:
    assert closed_windows([answer("a", 0, 5, 0), answer("b", 2, 9, apart)]) == closed


def test_many_answers_within_the_hour_close_nothing() -> None:
    assert closed_windows([answer(str(n), 0, 5, n) for n in range(60)]) == []


def test_gap_is_cut_into_what_is_closed_asked_once_and_not_asked() -> None:
    row = gap(0, 10, answer("a", 0, 5, 0), answer("b", 2, 8, 60), state=GapState.FILLING)
    pieces = settle(Interval.M1, row)
    assert story(pieces) == [
        (7, minutes(0, 2), GapState.DETECTED),
        (0, minutes(2, 5), GapState.EMPTY_AT_EXCHANGE),
        (0, minutes(5, 8), GapState.DETECTED),
        (0, minutes(8, 10), GapState.FILLING),
    ]
    assert [[one.key for one in piece.evidence] for piece in pieces] == [["a"], ["a", "b"], ["b"], []]
    asked = [T0 + DAY_MS, T0 + DAY_MS + HOUR_MS]
    assert [piece.ask_again_ms for piece in pieces] == [
        asked[0] + HOUR_MS,
        asked[1] + ASK_YOUNG_AGAIN_MS,
        asked[1] + HOUR_MS,
        None,
    ]
    assert [piece.missing for piece in pieces] == [2, 3, 3, 2]


def test_settled_gap_stays_as_it_is() -> None:
    [once] = settle(Interval.M1, gap(0, 5, answer("a", 0, 5, 0), answer("b", 0, 5, 90)))
    assert settle(Interval.M1, once) == [once]
    assert once.state is GapState.EMPTY_AT_EXCHANGE


@pytest.mark.parametrize(("days", "pause_ms"), [(0, ASK_YOUNG_AGAIN_MS), (1, ASK_AGAIN_MS)])
def test_young_gap_is_asked_for_again_sooner(days: int, pause_ms: int) -> None:
    last_min = days * 1440 + 90
    [row] = settle(Interval.M1, gap(0, 5, answer("a", 0, 5, 0), answer("b", 0, 5, last_min)))
    assert row.ask_again_ms == T0 + DAY_MS + last_min * MINUTE_MS + pause_ms


def test_closed_gap_that_lost_an_answer_is_open() -> None:
    row = gap(0, 5, answer("b", 0, 5, 90), state=GapState.EMPTY_AT_EXCHANGE)
    assert story(settle(Interval.M1, row)) == [(7, minutes(0, 5), GapState.DETECTED)]


def test_gap_that_failed_says_so_until_it_is_asked_for() -> None:
    row = gap(0, 5, answer("a", 0, 5, 0), state=GapState.FAILED, error="status 503")
    assert story(settle(Interval.M1, row)) == [(7, minutes(0, 5), GapState.FAILED)]


def test_month_has_the_length_it_has() -> None:
    start, end = (ms_from_utc(utc_from_ms(T0).replace(month=month, day=1)) for month in (2, 4))
    row = GapRow(7, 1, Window(start, end), 2)
    wanted = [Window(start, end)]
    march_ms = Interval.MO1.next(start)
    [february, march] = cut_held(Interval.MO1, row, [Window(start, march_ms)], wanted, T0)
    assert (february.missing, march.missing) == (1, 1)
    assert (march.window, march.state) == (Window(march_ms, end), GapState.FILLED)


def test_what_nobody_wants_any_more_is_no_gap() -> None:
    row = gap(0, 10)
    wanted = [minutes(4, 100)]
    assert story(cut_held(Interval.M1, row, [minutes(4, 6)], wanted, T0)) == [
        (7, minutes(4, 6), GapState.DETECTED),
        (0, minutes(6, 10), GapState.FILLED),
    ]
    assert cut_held(Interval.M1, row, [], [], T0) == []


def test_empty_gaps_that_touch_are_one() -> None:
    one = gap(0, 5, answer("a", 0, 5, 0), answer("b", 0, 5, 90), state=GapState.EMPTY_AT_EXCHANGE)
    other = gap(5, 9, answer("c", 5, 9, 200), answer("d", 5, 9, 300), state=GapState.EMPTY_AT_EXCHANGE, id=8)
    [joined] = join_empty(Interval.M1, [other, one])
    assert story([joined]) == [(7, minutes(0, 9), GapState.EMPTY_AT_EXCHANGE)]
    assert [each.key for each in joined.evidence] == ["a", "b", "c", "d"]
    assert diff([one, other], [joined]).dropped == [8]
    [settled] = settle(Interval.M1, joined)
    assert settled == replace(joined, reason=GapReason.NOTHING_THERE)


def test_answers_do_not_pile_up() -> None:
    row = gap(0, 5)
    for number in range(30):
        proofs = (*row.evidence, answer(str(number), 0, 5, number * 90))
        [row] = settle(Interval.M1, replace(row, evidence=proofs))
    assert [one.key for one in row.evidence] == ["27", "28", "29"]
    assert row.state is GapState.EMPTY_AT_EXCHANGE


answers = st.lists(
    st.builds(
        lambda first, length, asked: answer(f"{first}-{length}-{asked}", first, first + length, asked),
        st.integers(0, 30),
        st.integers(1, 15),
        st.integers(0, 200),
    ),
    max_size=8,
)


@given(answers)
def test_pieces_make_up_the_gap_and_each_closed_minute_has_its_two_answers(evidence: list[Evidence]) -> None:
    row = gap(5, 35, *evidence)
    pieces = settle(Interval.M1, row)
    assert merge(piece.window for piece in pieces) == [row.window]
    assert sum(piece.missing for piece in pieces) == row.missing
    assert [piece.id for piece in pieces] == [7] + [0] * (len(pieces) - 1)
    for piece in pieces:
        asked = sorted(one.asked_ms for one in evidence if not subtract([piece.window], [one.window]))
        is_proven = bool(asked) and asked[-1] - asked[0] >= HOUR_MS
        if piece.window.end_ms - piece.window.start_ms == MINUTE_MS:
            assert (piece.state is GapState.EMPTY_AT_EXCHANGE) == is_proven
        proofs = closed_windows(piece.evidence)
        assert (piece.state is GapState.EMPTY_AT_EXCHANGE) == (not subtract([piece.window], proofs))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=6))
def test_what_is_cut_is_filled_or_missing_and_nothing_else(held: list[tuple[int, int]]) -> None:
    row, wanted = gap(5, 35), [minutes(0, 50)]
    missing = subtract(wanted, merge(minutes(first, first + length) for first, length in held))
    pieces = cut_held(Interval.M1, row, missing, wanted, T0)
    left = merge(piece.window for piece in pieces if piece.state is GapState.DETECTED)
    assert merge(piece.window for piece in pieces) == [row.window]
    assert left == [
        Window(max(w.start_ms, row.window.start_ms), min(w.end_ms, row.window.end_ms))
        for w in missing
        if w.start_ms < row.window.end_ms and w.end_ms > row.window.start_ms
    ]
