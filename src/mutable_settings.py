"""Settings that may change while Candlehouse runs: those stored in the warehouse, over the defaults.

What the environment or ``.env`` sets is locked: it says the same after every restart, whatever is stored.
Stored values come in as text, as ``warehouse.app_settings`` keeps them; where that is, this does not know.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import structlog
from pydantic import SecretStr, TypeAdapter, ValidationError

from src.errors import ConfigurationError
from src.settings import VARIABLES, Settings

log = structlog.get_logger()

MUTABLE = (
    "cycle_seconds",
    "depth_seconds",
    "depth_levels",
    "lookback_days",
    "budget_share",
    "breaker_failures",
    "breaker_seconds",
    "run_slots",
    "archive_days",
    "delete_days",
    "pack_objects",
    "keep_days",
    "keep_depth_days",
    "housekeeping_days",
    "disk_reserve_gb",
    "disk_warn_days",
    "notify_urls",
)


class Source(StrEnum):
    """Who says what a setting is."""

    DEFAULT = "default"
    STORED = "app_settings"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class SettingState:
    """A setting as a person may see it: *value* never shows a secret, *problem* is that of what is stored."""

    name: str
    value: str | None
    source: Source
    locked_by: str | None
    accepted: str
    problem: str | None = None


def to_name(text: str) -> str:
    """Return the setting that *text* names, be it as the environment spells it; else *text* itself."""
    return next((name for name, variable in VARIABLES.items() if variable == text), text)


def check_value(name: str, text: str) -> str:
    """Return *text* as it is to be stored; ConfigurationError says what is accepted."""
    return _text(_parse(name, text)) or ""


def check_name(name: str) -> None:
    """Refuse what is no setting, or none that may change while Candlehouse runs."""
    if name in MUTABLE:
        return
    if name in VARIABLES:
        raise ConfigurationError(
            f"{name} cannot change while Candlehouse runs: set {VARIABLES[name]} in the environment or .env "
            "and start again"
        )
    nearest = difflib.get_close_matches(name, MUTABLE, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else "./candlehouse settings list shows all there are"
    raise ConfigurationError(f"{name} is not a setting; {hint}")


def check_unlocked(settings: Settings, name: str) -> None:
    """Refuse to change what the environment decides."""
    check_name(name)
    if name in settings.locked:
        raise ConfigurationError(
            f"{name} is locked by {VARIABLES[name]} in the environment or .env: change it there and start "
            "Candlehouse again, or take it out there to change it here"
        )


def effective(settings: Settings, stored: Mapping[str, str]) -> Settings:
    """Return the settings with what is stored over the defaults; what is not valid (any more) is ignored."""
    changes: dict[str, Any] = {}
    for name in _that_count(settings, stored):
        try:
            changes[name] = _parse(name, stored[name])
        except ConfigurationError as error:
            log.warning("stored setting ignored", problem=str(error))
    merged = settings.model_copy(update=changes)
    # pydantic takes them for set from outside, which would lock them.
    merged.model_fields_set.difference_update(changes)
    return merged


def list_states(settings: Settings, stored: Mapping[str, str]) -> list[SettingState]:
    """Describe each setting that may change; *settings* are those without what is stored."""
    return [_describe(name, settings, stored) for name in MUTABLE]


def _describe(name: str, settings: Settings, stored: Mapping[str, str]) -> SettingState:
    source, value, problem = Source.DEFAULT, _text(getattr(settings, name)), None
    if name in settings.locked:
        source = Source.ENVIRONMENT
    elif name in stored:
        try:
            source, value = Source.STORED, check_value(name, stored[name])
        except ConfigurationError as error:
            source, problem = Source.DEFAULT, f"what is stored is ignored: {error}"
    return SettingState(
        name=name,
        value="(set)" if value and _is_secret(name) else value,
        source=source,
        locked_by=VARIABLES[name] if source is Source.ENVIRONMENT else None,
        accepted=_accepted(name),
        problem=problem,
    )


def _that_count(settings: Settings, stored: Mapping[str, str]) -> list[str]:
    return [name for name in MUTABLE if name in stored and name not in settings.locked]


def _parse(name: str, text: str) -> Any:
    check_name(name)
    field = Settings.model_fields[name]
    kind: Any = Annotated[(field.annotation, *field.metadata)]
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError:
        value = "(hidden)" if _is_secret(name) else repr(text)
    # Not within "except": pydantic's error carries the value, which may be a secret.
    raise ConfigurationError(f"{name}={value}: accepted: {_accepted(name)}")


def _accepted(name: str) -> str:
    return str(Settings.model_fields[name].description)


def _is_secret(name: str) -> bool:
    return "Secret" in str(Settings.model_fields[name].annotation)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
