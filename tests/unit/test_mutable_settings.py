"""Settings that may change: what is stored lies over the defaults, and under what the environment says."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from src.errors import ConfigurationError
from src.mutable_settings import (
    MUTABLE,
    Source,
    check_name,
    check_unlocked,
    check_value,
    effective,
    list_states,
)
from src.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing in the environment that could lock a setting."""
    monkeypatch.delenv("CANDLEHOUSE_WEB_BUILD")


@pytest.mark.parametrize(
    ("name", "text", "canonical"),
    [
        ("cycle_seconds", " 030 ", "30"),
        ("budget_share", "0.50", "0.5"),
        ("run_slots", "64", "64"),
        ("notify_urls", "json://a/x,y, mailto://b\n", "json://a/x,y mailto://b"),
        ("notify_urls", "json://a json://a", "json://a"),
    ],
)
def test_value_is_brought_into_its_canonical_form(name: str, text: str, canonical: str) -> None:
    assert check_value(name, text) == canonical
    assert check_value(name, canonical) == canonical


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("cycle_seconds", "soon", "cycle_seconds='soon': accepted: a whole number from 1 to 3600"),
        ("cycle_seconds", "0", "cycle_seconds='0': accepted: a whole number from 1 to 3600"),
        ("cycle_seconds", "", "cycle_seconds='': accepted: "),
        ("budget_share", "nan", "budget_share='nan': accepted: a number above 0"),
        ("run_slots", "65", "run_slots='65': accepted: a whole number from 1 to 64"),
        ("notify_urls", "", "notify_urls=(hidden): accepted: addresses"),
        ("notify_urls", "hush", "notify_urls=(hidden): accepted: addresses"),
        ("notify_urls", "json://a hush json://b", "notify_urls=(hidden): accepted: addresses"),
        ("cycle_second", "1", "cycle_second is not a setting; did you mean cycle_seconds?"),
        ("colour", "1", "colour is not a setting; ./candlehouse settings list"),
        ("mysql_port", "1", "set MYSQL_PORT in the environment or .env and start again"),
    ],
)
def test_wrong_value_is_refused_with_what_is_accepted(name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_value(name, text)
    assert told in str(caught.value)
    assert "hush" not in f"{caught.value!r} {caught.value.__context__!r}"


def test_every_mutable_setting_is_one_and_keeps_its_default_through_the_store() -> None:
    settings = load_settings()
    for state in list_states(settings, {}):
        check_name(state.name)
        if state.value is not None:
            stored = effective(settings, {state.name: check_value(state.name, state.value)})
            assert getattr(stored, state.name) == getattr(settings, state.name)


def test_stored_values_lie_over_the_defaults() -> None:
    settings = effective(load_settings(), {"cycle_seconds": "10", "budget_share": "0.3", "of_a_later": "x"})
    assert (settings.cycle_seconds, settings.budget_share, settings.depth_seconds) == (10, 0.3, 60)


@pytest.mark.parametrize("where", ["environment", "override"])
def test_what_is_set_outside_is_locked(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "environment":
        monkeypatch.setenv("CANDLEHOUSE_CYCLE_SECONDS", "60")  # the same as the default, and yet said
    base = load_settings() if where == "environment" else load_settings(cycle_seconds=60)
    assert base.locked == {"cycle_seconds"}
    merged = effective(base, {"cycle_seconds": "10", "depth_levels": "5"})
    assert (merged.cycle_seconds, merged.depth_levels) == (60, 5)
    assert merged.locked == base.locked == {"cycle_seconds"}
    with pytest.raises(ConfigurationError, match="locked by CANDLEHOUSE_CYCLE_SECONDS"):
        check_unlocked(base, "cycle_seconds")
    check_unlocked(base, "depth_levels")


def test_empty_variable_locks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_CYCLE_SECONDS", "")
    assert load_settings().locked == frozenset()


def test_stored_value_that_is_no_longer_valid_is_ignored_with_a_warning_and_shown_as_such() -> None:
    stored = {"cycle_seconds": "99999", "depth_levels": "7"}
    with capture_logs() as logs:
        settings = effective(load_settings(), stored)
    assert (settings.cycle_seconds, settings.depth_levels) == (60, 7)
    assert [(line["log_level"], "cycle_seconds='99999'" in line["problem"]) for line in logs] == [
        ("warning", True)
    ]
    states = {state.name: state for state in list_states(load_settings(), stored)}
    assert (states["cycle_seconds"].value, states["cycle_seconds"].source) == ("60", Source.DEFAULT)
    assert "cycle_seconds='99999': accepted: a whole" in (states["cycle_seconds"].problem or "")
    assert states["depth_levels"].problem is None


def test_states_say_where_each_value_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_DEPTH_SECONDS", "20")
    stored = {"cycle_seconds": "10", "depth_seconds": "30"}
    states = {state.name: state for state in list_states(load_settings(), stored)}
    assert tuple(states) == MUTABLE
    seen = {name: (state.value, state.source, state.locked_by) for name, state in states.items()}
    assert seen["cycle_seconds"] == ("10", Source.STORED, None)
    assert seen["depth_seconds"] == ("20", Source.ENVIRONMENT, "CANDLEHOUSE_DEPTH_SECONDS")
    assert seen["lookback_days"] == ("1", Source.DEFAULT, None)
    assert seen["notify_urls"] == (None, Source.DEFAULT, None)


def test_secrets_are_shown_as_set_and_as_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"notify_urls": "json://hush"}
    assert "hush" not in f"{list_states(load_settings(), stored)} {effective(load_settings(), stored)!r}"
    monkeypatch.setenv("CANDLEHOUSE_NOTIFY_URLS", "json://hush")
    (state,) = (one for one in list_states(load_settings(), {}) if one.name == "notify_urls")
    assert (state.value, state.locked_by) == ("(set)", "CANDLEHOUSE_NOTIFY_URLS")


def test_secret_mutable_setting_comes_from_a_file_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("secrets") / "urls"
    file.write_text("json://one\njson://two\n")
    monkeypatch.setenv("CANDLEHOUSE_NOTIFY_URLS_FILE", str(file))
    settings: Settings = load_settings()
    assert settings.notify_urls is not None
    assert settings.notify_urls.get_secret_value() == "json://one json://two"
    assert settings.locked == {"notify_urls"}
