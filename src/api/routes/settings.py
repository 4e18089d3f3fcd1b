"""The settings that may change while Candlehouse runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from src.api.context import note, parts, requested_by, warehouse
from src.api.problems import FieldError, invalid, invalid_fields
from src.api.routing import Routes
from src.api.schemas import In, Out, parameter
from src.errors import ConfigurationError
from src.jobs.sending import find_unusable
from src.mutable_settings import MUTABLE, Source, check_unlocked, check_value, list_states
from src.warehouse.app_settings import read_settings, reset_setting, set_setting

routes = Routes("settings", "The settings that may change while it runs.")

_LONGEST = 4_000


class SettingOut(Out):
    name: str
    value: str | None = Field(description="`(set)` for a secret.")
    source: Source = Field(description="Who says so: default, app_settings (changed here), environment.")
    locked_by: str | None = Field(description="The variable that sets it: it cannot be changed here.")
    accepted: str
    problem: str | None = Field(description="What is wrong with what is stored, which is ignored then.")


class SettingsOut(Out):
    settings: list[SettingOut]


class SettingsIn(In):
    """Settings to change."""

    values: dict[str, Annotated[str, Field(max_length=_LONGEST)] | None] = parameter(
        about="Text by name; null takes a change back.",
        example={"depth_levels": "50"},
        min_length=1,
        max_length=100,
    )


@routes.get("/api/config/settings", responses={200: SettingsOut})
def list_settings() -> SettingsOut:
    """List the settings that may change while Candlehouse runs: where they come from, what is accepted."""
    return _settings()


def _settings() -> SettingsOut:
    with warehouse().read() as connection:
        states = list_states(parts().settings, read_settings(connection))
    names = SettingOut.model_fields
    return SettingsOut(
        settings=[SettingOut(**{name: getattr(one, name) for name in names}) for one in states]
    )


@routes.put("/api/config/settings", responses={200: SettingsOut})
def change_settings(body: SettingsIn) -> SettingsOut:
    """Change settings, all or none of them; a running scheduler follows within two seconds."""
    texts = _check(body.values)
    if unusable := find_unusable(texts.get("notify_urls") or "") if "notify_urls" in texts else []:
        raise invalid(
            "notify_urls", f"Apprise does not understand {', '.join(unusable)}", "addresses of Apprise"
        )
    by = requested_by()
    warehouse().run(lambda connection: _store(connection, texts, by))
    note(f"changed {', '.join(sorted(texts))}")
    return _settings()


def _check(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the values as they are to be stored; 422 names all that are not accepted."""
    texts: dict[str, str | None] = {}
    errors: list[FieldError] = []
    for name, text in values.items():
        try:
            check_unlocked(parts().settings, name)
            texts[name] = None if text is None else check_value(name, text)
        except ConfigurationError as error:
            errors.append(_setting_error(name, str(error)))
    if errors:
        raise invalid_fields(errors)
    return texts


def _setting_error(name: str, text: str) -> FieldError:
    """Take the error about a setting apart: ``name=value: accepted: what``, or why it cannot be changed."""
    value, found, accepted = text.partition(": accepted: ")
    if found:
        message = f"{value.removeprefix(f'{name}=')} is not accepted"
        return FieldError(field=name, message=message, accepted=accepted)
    known = None if name in MUTABLE else ", ".join(MUTABLE)
    return FieldError(field=name, message=text.removeprefix(f"{name} "), accepted=known)


def _store(connection: Connection, texts: dict[str, str | None], by: str) -> None:
    for name, text in sorted(texts.items()):
        if text is None:
            reset_setting(connection, name)
        else:
            set_setting(connection, name, text, by)
