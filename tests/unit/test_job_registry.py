"""The jobs there are: their schedules and parameters, after what people stored and the environment locks."""

from __future__ import annotations

import pytest

from src.domain import Lane
from src.errors import ConfigurationError, NotFound
from src.jobs.job_registry import JobSpec, build_jobs, get_job
from src.jobs.schedules import parse_schedule
from src.warehouse.jobs import JobRow

SPECS = build_jobs(lambda: 60)


def test_jobs_have_the_ids_that_people_rely_on() -> None:
    assert list(SPECS) == [
        "cycle",
        "reconcile_lake",
        "refresh_symbols",
        "check_quality",
        "watch_disk",
        "repair_gaps",
        "backfill_gaps",
        "refetch_recent",
        "refetch_days",
        "verify_sample",
        "recount_coverage",
        "daily_ageing",
        "weekly_maintenance",
    ]


def test_each_job_runs_by_default_as_documented() -> None:
    words = {spec.id: spec.schedule_of(JobRow(spec.id)).in_words() for spec in SPECS.values()}
    assert words == {
        "cycle": "every minute",
        "reconcile_lake": "daily at 04:30 UTC",
        "refresh_symbols": "daily at 00:10 UTC",
        "check_quality": "daily at 04:00 UTC",
        "watch_disk": "every 10 minutes",
        "repair_gaps": "every hour",
        "backfill_gaps": "daily at 03:00 UTC",
        "refetch_recent": "every hour",
        "refetch_days": "daily at 02:30 UTC",
        "verify_sample": "daily at 05:15 UTC",
        "recount_coverage": "Wednesdays at 03:30 UTC",
        "daily_ageing": "daily at 01:00 UTC",
        "weekly_maintenance": "Sundays at 02:00 UTC",
    }


def test_live_is_what_may_never_wait_and_the_cycle_runs_at_the_start() -> None:
    live = [spec.id for spec in SPECS.values() if spec.lane is Lane.LIVE]
    assert live == ["cycle", "watch_disk", "daily_ageing", "weekly_maintenance"]
    assert [spec.id for spec in SPECS.values() if spec.runs_at_start] == ["cycle"]


def test_cycle_follows_the_setting_of_its_seconds() -> None:
    seconds = [60]
    cycle = build_jobs(lambda: seconds[0])["cycle"]
    seconds[0] = 10
    assert str(cycle.default()) == "every 10s"


def test_time_limit_leaves_a_long_cycle_its_time() -> None:
    limits = [build_jobs(lambda seconds=seconds: seconds)["cycle"].time_limit_s for seconds in (1, 60, 3600)]  # type: ignore[misc]
    assert limits == [900, 900, 3 * 3600]


def test_stored_schedule_goes_before_the_default() -> None:
    row = JobRow("cycle", schedule="0 2 * * sun", time_zone="Europe/Berlin")
    assert SPECS["cycle"].schedule_of(row) == parse_schedule("0 2 * * sun", "Europe/Berlin")


def test_stored_schedule_that_is_not_valid_is_told() -> None:
    with pytest.raises(ConfigurationError, match="time zone 'Mars/Olympus'"):
        SPECS["cycle"].schedule_of(JobRow("cycle", schedule="0 2 * * *", time_zone="Mars/Olympus"))


def test_environment_goes_before_what_is_stored_and_says_so() -> None:
    cycle = build_jobs(lambda: 30, locked="CANDLEHOUSE_CYCLE_SECONDS")["cycle"]
    assert str(cycle.schedule_of(JobRow("cycle", schedule="every 10s"))) == "every 30s"
    with pytest.raises(ConfigurationError, match="cycle is locked by CANDLEHOUSE_CYCLE_SECONDS: change it"):
        cycle.check_unlocked()
    SPECS["cycle"].check_unlocked()


# --- parameters ---


@pytest.mark.parametrize(
    ("stored", "given", "whole"),
    [
        (None, None, {"checksums": False}),
        ({"checksums": True}, None, {"checksums": True}),
        ({"checksums": True}, {"checksums": False}, {"checksums": False}),
    ],
)
def test_given_parameters_go_before_stored_ones(
    stored: dict[str, bool] | None, given: dict[str, bool] | None, whole: dict[str, bool]
) -> None:
    assert SPECS["reconcile_lake"].parameters_of(JobRow("reconcile_lake", parameters=stored), given) == whole


@pytest.mark.parametrize(
    ("spec", "given", "told"),
    [
        (SPECS["reconcile_lake"], {"checksum": True}, "checksum: not known; accepted: checksums"),
        (
            SPECS["reconcile_lake"],
            {"checksums": "perhaps"},
            "checksums: .*valid boolean.*; accepted: checksums",
        ),
        (SPECS["refresh_symbols"], {"symbols": "all"}, "symbols: .*; accepted: none"),
    ],
)
def test_parameters_that_a_job_does_not_know_are_refused(
    spec: JobSpec, given: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"parameters of {spec.id}: {told}"):
        spec.parameters_of(JobRow(spec.id), given)


# --- names ---


def test_job_is_found_by_its_id() -> None:
    assert get_job(SPECS, "reconcile_lake") is SPECS["reconcile_lake"]


@pytest.mark.parametrize(
    ("name", "guess"),
    [("reconcile", " Did you mean reconcile_lake?"), ("Cycle", " Did you mean cycle?"), ("quux", "")],
)
def test_unknown_job_is_told_with_the_nearest_and_all_there_are(name: str, guess: str) -> None:
    with pytest.raises(NotFound) as caught:
        get_job(SPECS, name)
    assert str(caught.value) == (f"there is no job {name!r}.{guess} Known are {', '.join(SPECS)}")
