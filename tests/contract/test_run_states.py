"""How runs change their state: each change once, whoever tries, and never by who may not any more."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from src.errors import RunRevoked
from src.warehouse import run_states
from src.warehouse.engine import Warehouse
from src.warehouse.run_states import ABANDONED, CANCEL, PAUSE, PERMANENT, TIMEOUT, TRANSIENT, Failure, Retried
from src.warehouse.runs import ENDS, RunState
from tests.builders import DAY_START_MS
from tests.run_builders import WORKER, ask, claim, put, queue, queue_batch, read, start, state_of

QUEUED, RUNNING, PAUSED, SUCCEEDED, PARTLY_FAILED, FAILED, CANCELLED = RunState
FAILURE = Failure(TRANSIENT, {"what": "binance: 503 – „weg“", "todo": "wait"}, "Traceback …")
EXHAUSTED = Failure(ABANDONED, {"what": "died again and again", "todo": "see the log"})


@pytest.fixture
def warehouse(runs_warehouse: Warehouse) -> Warehouse:
    return runs_warehouse


def finish(
    warehouse: Warehouse, run_id: int, token: int, state: RunState = SUCCEEDED, failure: Failure | None = None
) -> bool:
    return warehouse.run(lambda c: run_states.finish(c, run_id, token, state, {"fetched": 3}, failure))


def release(warehouse: Warehouse, run_id: int, token: int) -> RunState | None:
    return warehouse.run(lambda c: run_states.release(c, run_id, token))


def wish(warehouse: Warehouse, what: str, *run_ids: int) -> int:
    return warehouse.run(lambda c: run_states.ask(c, run_ids, what))


def resume(warehouse: Warehouse, *run_ids: int) -> int:
    return warehouse.run(lambda c: run_states.resume(c, run_ids))


def retry(warehouse: Warehouse, *run_ids: int, force: bool = False) -> Retried:
    return warehouse.run(lambda c: run_states.retry(c, run_ids, force=force))


def requeue(warehouse: Warehouse, *run_ids: int) -> None:
    warehouse.run(lambda c: run_states.requeue(c, run_ids, EXHAUSTED))


def check(warehouse: Warehouse, run_id: int, token: int) -> None:
    warehouse.run(lambda c: run_states.check_run_token(c, run_id, token))


# --- claimed ---


def test_claimed_run_is_running_for_its_worker(warehouse: Warehouse) -> None:
    run_id = queue(warehouse)
    put(warehouse, run_id, waiting_for="a place")
    assert claim(warehouse, run_id) == 1
    run = read(warehouse, run_id)
    assert (run.state, run.worker, run.token, run.attempt, run.fruitless) == (RUNNING, WORKER, 1, 1, 1)
    assert (run.wish, run.waiting_for, run.finished_ms) == (None, None, None)
    assert run.started_ms is not None
    assert run.heartbeat_ms is not None
    assert run.started_ms >= run.created_ms


def test_second_claim_keeps_when_it_was_first_started(warehouse: Warehouse) -> None:
    run_id, _ = start(warehouse)
    put(warehouse, run_id, state="queued", started_at=DAY_START_MS)
    assert claim(warehouse, run_id) == 2
    run = read(warehouse, run_id)
    assert (run.started_ms, run.attempt, run.fruitless) == (DAY_START_MS, 2, 2)


def test_of_many_who_claim_at_once_exactly_one_gets_the_run(warehouse: Warehouse) -> None:
    made = [queue(warehouse) for _ in range(5)]
    together = threading.Barrier(8)

    def take_all(worker: int) -> list[int]:
        together.wait(20)
        return [
            run_id
            for run_id in made
            if warehouse.run(lambda c, run_id=run_id: run_states.claim(c, run_id, f"pi/{worker}"))  # type: ignore[misc]
        ]

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take_all, range(8)))
    assert sorted(run_id for own in taken for run_id in own) == made
    for worker, own in enumerate(taken):
        assert {read(warehouse, run_id).worker for run_id in own} <= {f"pi/{worker}"}
    assert {read(warehouse, run_id).attempt for run_id in made} == {1}


@pytest.mark.parametrize("state", [RUNNING, PAUSED, *ENDS])
def test_only_what_is_queued_can_be_claimed(warehouse: Warehouse, state: RunState) -> None:
    run_id = queue(warehouse)
    put(warehouse, run_id, state=state.value)
    assert warehouse.run(lambda c: run_states.claim(c, run_id, WORKER)) is None
    assert (read(warehouse, run_id).state, read(warehouse, run_id).token) == (state, 0)


def test_claimable_are_the_oldest_of_a_lane_and_no_batches(warehouse: Warehouse) -> None:
    live = queue(warehouse, lane="live")
    batch, children = queue_batch(warehouse, 3)
    claim(warehouse, children[1])
    assert ask(warehouse, lambda c: run_states.list_claimable(c, "history", 9)) == [children[0], children[2]]
    assert ask(warehouse, lambda c: run_states.list_claimable(c, "history", 1)) == [children[0]]
    assert ask(warehouse, lambda c: run_states.list_claimable(c, "live", 9)) == [live]
    assert state_of(warehouse, batch) is QUEUED


# --- the token ---


def test_token_is_good_while_its_run_is_running(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    check(warehouse, run_id, token)
    for changes in ({"token": token + 1}, {"token": token, "state": "queued"}, {"state": "failed"}):
        put(warehouse, run_id, **changes)
        with pytest.raises(RunRevoked, match=rf"run {run_id} may not write any more"):
            check(warehouse, run_id, token)
    with pytest.raises(RunRevoked):
        check(warehouse, 4711, 1)


def test_what_a_revoked_run_wrote_is_rolled_back(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, token=token + 1)
    other = queue(warehouse)

    def write(connection: Any) -> None:
        run_states.ask(connection, [other], PAUSE)
        run_states.check_run_token(connection, run_id, token)

    with pytest.raises(RunRevoked):
        warehouse.run(write)
    assert state_of(warehouse, other) is QUEUED


def test_stale_token_changes_nothing(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, token=token + 1)
    before = read(warehouse, run_id)
    assert finish(warehouse, run_id, token) is False
    assert release(warehouse, run_id, token) is None
    assert warehouse.run(lambda c: run_states.revoke(c, run_id, token, FAILURE)) is False
    assert warehouse.run(lambda c: run_states.begin_attempt(c, run_id, token)) is False
    assert read(warehouse, run_id) == before


@pytest.mark.parametrize("state", [QUEUED, PAUSED, *ENDS])
def test_what_is_not_running_cannot_end_under_any_token(warehouse: Warehouse, state: RunState) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, state=state.value)
    assert finish(warehouse, run_id, token) is False
    assert release(warehouse, run_id, token) is None
    assert state_of(warehouse, run_id) is state


# --- ended ---


def test_finished_run_has_its_result_and_nothing_left_to_do(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, wish=CANCEL, waiting_for="the exchange", time_left_ms=500)
    assert finish(warehouse, run_id, token)
    run = read(warehouse, run_id)
    assert (run.state, run.result, run.wish, run.waiting_for) == (SUCCEEDED, {"fetched": 3}, None, None)
    assert (run.time_left_ms, run.error_kind, run.error, run.traceback) == (0, None, None, None)
    assert run.finished_ms is not None
    assert finish(warehouse, run_id, token) is False


@pytest.mark.parametrize("state", [FAILED, PARTLY_FAILED])
def test_failed_run_says_why(warehouse: Warehouse, state: RunState) -> None:
    run_id, token = start(warehouse)
    assert finish(warehouse, run_id, token, state, FAILURE)
    run = read(warehouse, run_id)
    assert (run.state, run.error_kind, run.error, run.traceback) == (
        state,
        TRANSIENT,
        dict(FAILURE.error),
        FAILURE.traceback,
    )
    assert run.time_left_ms is None


def test_revoked_run_has_failed_and_its_token_is_good_for_nothing(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    assert warehouse.run(
        lambda c: run_states.revoke(c, run_id, token, Failure(TIMEOUT, {"what": "too long"}))
    )
    run = read(warehouse, run_id)
    assert (run.state, run.error_kind, run.error) == (FAILED, TIMEOUT, {"what": "too long"})
    with pytest.raises(RunRevoked):
        check(warehouse, run_id, token)
    retry(warehouse, run_id)
    assert claim(warehouse, run_id) > token + 1
    with pytest.raises(RunRevoked):
        check(warehouse, run_id, token)


def test_another_attempt_of_a_run_that_goes_on_is_counted(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    assert warehouse.run(lambda c: run_states.begin_attempt(c, run_id, token))
    assert (read(warehouse, run_id).attempt, read(warehouse, run_id).fruitless) == (2, 2)


# --- given back ---


def test_clean_shutdown_costs_no_attempt(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, waiting_for="the exchange", time_left_ms=500)
    assert release(warehouse, run_id, token) is QUEUED
    run = read(warehouse, run_id)
    assert (run.state, run.attempt, run.fruitless, run.finished_ms) == (QUEUED, 0, 0, None)
    assert (run.waiting_for, run.time_left_ms) == (None, None)
    claim(warehouse, run_id)
    assert read(warehouse, run_id).attempt == 1


@pytest.mark.parametrize(("asked", "state"), [(CANCEL, CANCELLED), (PAUSE, PAUSED)])
def test_run_given_back_is_what_it_was_asked_to_be(warehouse: Warehouse, asked: str, state: RunState) -> None:
    run_id, token = start(warehouse)
    assert wish(warehouse, asked, run_id) == 1
    assert (state_of(warehouse, run_id), read(warehouse, run_id).wish) == (RUNNING, asked)
    assert release(warehouse, run_id, token) is state
    run = read(warehouse, run_id)
    assert (run.state, run.wish, run.attempt, run.fruitless) == (state, None, 1, 0)
    assert (run.finished_ms is not None) == (state is CANCELLED)


def test_run_resumed_before_it_stopped_goes_on(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    wish(warehouse, CANCEL, run_id)
    assert resume(warehouse, run_id) == 1
    assert release(warehouse, run_id, token) is QUEUED


# --- asked to stop ---


@pytest.mark.parametrize(
    ("state", "asked", "after"),
    [
        (QUEUED, CANCEL, CANCELLED),
        (QUEUED, PAUSE, PAUSED),
        (PAUSED, CANCEL, CANCELLED),
        (PAUSED, PAUSE, None),
        *[(end, asked, None) for end in ENDS for asked in (CANCEL, PAUSE)],
    ],
)
def test_what_is_not_running_changes_at_once_or_not_at_all(
    warehouse: Warehouse, state: RunState, asked: str, after: RunState | None
) -> None:
    run_id = queue(warehouse)
    put(warehouse, run_id, state=state.value, finished_at=DAY_START_MS if state.is_end else None)
    assert wish(warehouse, asked, run_id) == (0 if after is None else 1)
    run = read(warehouse, run_id)
    assert (run.state, run.wish) == (after or state, None)
    assert (run.finished_ms is not None) == run.state.is_end


def test_running_run_is_told_what_is_wished(warehouse: Warehouse) -> None:
    (first, _), (second, _), (third, _) = (start(warehouse) for _ in range(3))
    other = queue(warehouse)
    claim(warehouse, other, "nas/1")
    assert wish(warehouse, PAUSE, second, other) == 2
    assert wish(warehouse, CANCEL, first) == 1
    assert ask(warehouse, lambda c: run_states.list_wishes(c, WORKER)) == {first: CANCEL, second: PAUSE}
    assert wish(warehouse, CANCEL, second) == 1
    assert ask(warehouse, lambda c: run_states.list_wishes(c, WORKER)) == {first: CANCEL, second: CANCEL}
    assert state_of(warehouse, third) is RUNNING


def test_wish_for_a_batch_reaches_its_children_and_nobody_else(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 4)
    _, others = queue_batch(warehouse, 1)
    claim(warehouse, children[0])
    put(warehouse, children[1], state="succeeded")
    assert wish(warehouse, CANCEL, batch) == 3
    assert [state_of(warehouse, run_id) for run_id in (*children, *others)] == [
        RUNNING,
        SUCCEEDED,
        CANCELLED,
        CANCELLED,
        QUEUED,
    ]
    assert read(warehouse, children[0]).wish == CANCEL
    assert (read(warehouse, batch).state, read(warehouse, batch).wish) == (QUEUED, None)


# --- resumed ---


@pytest.mark.parametrize("state", [PAUSED, CANCELLED])
def test_resumed_run_is_queued_with_what_it_has_done(warehouse: Warehouse, state: RunState) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, state=state.value, done=700, fetched=690, finished_at=DAY_START_MS, fruitless=0)
    assert resume(warehouse, run_id) == 1
    run = read(warehouse, run_id)
    assert (run.state, run.done, run.fetched, run.attempt, run.finished_ms) == (QUEUED, 700, 690, 1, None)
    assert claim(warehouse, run_id) > token


@pytest.mark.parametrize("state", [QUEUED, RUNNING, SUCCEEDED, PARTLY_FAILED, FAILED])
def test_only_what_was_stopped_is_resumed(warehouse: Warehouse, state: RunState) -> None:
    run_id = queue(warehouse)
    put(warehouse, run_id, state=state.value)
    assert resume(warehouse, run_id) == 0
    assert state_of(warehouse, run_id) is state


def test_resumed_batch_takes_up_its_stopped_children(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 4)
    for run_id, state in zip(children, ("paused", "cancelled", "succeeded", "failed"), strict=True):
        put(warehouse, run_id, state=state)
    assert resume(warehouse, batch) == 2
    assert [state_of(warehouse, run_id) for run_id in children] == [QUEUED, QUEUED, SUCCEEDED, FAILED]


# --- retried ---


def fail(warehouse: Warehouse, run_id: int, kind: str = TRANSIENT, fruitless: int = 1) -> None:
    put(
        warehouse,
        run_id,
        state="failed",
        error_kind=kind,
        error='{"what": "gone"}',
        traceback="…",
        fruitless=fruitless,
        finished_at=DAY_START_MS,
    )


def test_retried_run_is_queued_and_its_error_forgotten(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    finish(warehouse, run_id, token, FAILED, FAILURE)
    assert retry(warehouse, run_id) == Retried([run_id], [], [])
    run = read(warehouse, run_id)
    assert (run.state, run.error_kind, run.error, run.traceback, run.result) == (
        QUEUED,
        None,
        None,
        None,
        None,
    )
    assert (run.finished_ms, run.time_left_ms, run.attempt) == (None, None, 1)


def test_retry_of_a_batch_says_what_it_did_with_each_that_failed(warehouse: Warehouse) -> None:
    batch, (fresh, partly, used_up, hopeless, both, fine) = queue_batch(warehouse, 6)
    fail(warehouse, fresh)
    fail(warehouse, partly)
    put(warehouse, partly, state="partly_failed")
    fail(warehouse, used_up, fruitless=3)
    fail(warehouse, hopeless, PERMANENT)
    fail(warehouse, both, PERMANENT, fruitless=3)
    put(warehouse, fine, state="succeeded")
    _, (other,) = queue_batch(warehouse, 1)
    fail(warehouse, other)
    assert retry(warehouse, batch) == Retried([fresh, partly], [used_up], [hopeless, both])
    assert [state_of(warehouse, run_id) for run_id in (fresh, partly)] == [QUEUED, QUEUED]
    assert [state_of(warehouse, run_id) for run_id in (used_up, hopeless, both, other)] == [FAILED] * 4
    assert state_of(warehouse, fine) is SUCCEEDED


def test_forced_retry_tries_in_any_case_and_counts_anew(warehouse: Warehouse) -> None:
    used_up, hopeless = queue(warehouse), queue(warehouse)
    fail(warehouse, used_up, fruitless=3)
    fail(warehouse, hopeless, PERMANENT)
    assert retry(warehouse, used_up, hopeless, force=True) == Retried([used_up, hopeless], [], [])
    for run_id in (used_up, hopeless):
        assert (state_of(warehouse, run_id), read(warehouse, run_id).fruitless) == (QUEUED, 0)


@pytest.mark.parametrize("state", [QUEUED, RUNNING, PAUSED, SUCCEEDED, CANCELLED])
def test_only_what_failed_is_retried(warehouse: Warehouse, state: RunState) -> None:
    run_id = queue(warehouse)
    put(warehouse, run_id, state=state.value)
    assert retry(warehouse, run_id, force=True) == Retried([], [], [])
    assert state_of(warehouse, run_id) is state


# --- left behind by a worker that is gone ---


def test_orphans_are_what_other_workers_left_running(warehouse: Warehouse) -> None:
    ours, orphan, queued = queue(warehouse), queue(warehouse), queue(warehouse)
    claim(warehouse, ours)
    claim(warehouse, orphan, "pi/dead")
    assert ask(warehouse, lambda c: run_states.list_orphans(c, WORKER)) == [orphan]
    assert ask(warehouse, lambda c: run_states.list_running(c, WORKER)) == [ours]
    assert state_of(warehouse, queued) is QUEUED


@pytest.mark.parametrize("fruitless", [1, 3], ids=["attempts left", "attempts used up"])
@pytest.mark.parametrize(
    ("asked", "after"), [(None, None), (CANCEL, CANCELLED), (PAUSE, PAUSED)], ids=["", CANCEL, PAUSE]
)
def test_orphan_goes_on_unless_a_wish_or_its_attempts_say_otherwise(
    warehouse: Warehouse, asked: str | None, after: RunState | None, fruitless: int
) -> None:
    expected = after or (FAILED if fruitless == 3 else QUEUED)
    run_id, token = start(warehouse)
    put(warehouse, run_id, wish=asked, fruitless=fruitless, waiting_for="the exchange", done=700)
    requeue(warehouse, run_id)
    run = read(warehouse, run_id)
    assert (run.state, run.wish, run.token, run.waiting_for, run.done) == (
        expected,
        None,
        token + 1,
        None,
        700,
    )
    assert (run.finished_ms is not None) == (expected in {FAILED, CANCELLED})
    is_spent = expected is FAILED
    assert run.error_kind == (ABANDONED if is_spent else None)
    assert run.error == (dict(EXHAUSTED.error) if is_spent else None)
    with pytest.raises(RunRevoked):
        check(warehouse, run_id, token)


def test_orphan_taken_up_is_the_next_attempt_of_the_same_run(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    requeue(warehouse, run_id)
    assert claim(warehouse, run_id, "nas/1") == token + 2
    assert (read(warehouse, run_id).attempt, read(warehouse, run_id).worker) == (2, "nas/1")


def test_each_orphan_is_judged_by_itself(warehouse: Warehouse) -> None:
    plain, cancelled, spent, ended = (start(warehouse)[0] for _ in range(4))
    put(warehouse, cancelled, wish=CANCEL)
    put(warehouse, spent, fruitless=3)
    put(warehouse, ended, state="succeeded")
    requeue(warehouse, plain, cancelled, spent, ended)
    assert [state_of(warehouse, run_id) for run_id in (plain, cancelled, spent, ended)] == [
        QUEUED,
        CANCELLED,
        FAILED,
        SUCCEEDED,
    ]
    requeue(warehouse)


# --- all at once ---


def test_runs_that_many_change_at_once_end_in_one_state_each(warehouse: Warehouse) -> None:
    """Nobody's change is lost between claiming, cancelling and resuming, and nobody waits for ever."""
    batch, children = queue_batch(warehouse, 10)
    together = threading.Barrier(4)

    def claim_all(_: int) -> int:
        together.wait(20)
        tokens = [warehouse.run(lambda c, one=one: run_states.claim(c, one, WORKER)) for one in children]  # type: ignore[misc]
        return sum(token is not None for token in tokens)

    def cancel_all(_: int) -> int:
        together.wait(20)
        return wish(warehouse, CANCEL, batch)

    with ThreadPoolExecutor(4) as pool:
        claims = [pool.submit(claim_all, number) for number in range(2)]
        wishes = [pool.submit(cancel_all, number) for number in range(2)]
        claimed = sum(one.result(60) for one in claims)
        asked = [one.result(60) for one in wishes]
    found = [read(warehouse, run_id) for run_id in children]
    assert max(asked) == len(children)
    for run in found:
        assert (run.state, run.wish) in {(RUNNING, CANCEL), (CANCELLED, None)}
    assert sum(run.state is RUNNING for run in found) == claimed
