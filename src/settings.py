"""The settings: environment variables, or the same names in ``.env``, checked once and then immutable.

Wiring and the entry points read this; everything else takes plain arguments. A wrong value is refused with
the variable's name, the value and what is accepted; secrets are never shown. Empty values count as not set.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from src.domain import Interval
from src.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# Names another file to read instead of .env, so it cannot stand in one.
ENV_FILE_VARIABLE = "CANDLEHOUSE_ENV_FILE"
_PREFIX = "CANDLEHOUSE_"
_TEST_PREFIX = "CANDLEHOUSE_TEST_"
_SECRETS = (
    "MINIO_ACCESS_KEY",
    "MINIO_SECRET_KEY",
    "MYSQL_PASSWORD",
    "CANDLEHOUSE_NOTIFY_URLS",
    "CANDLEHOUSE_TOKEN",
)


def _variable(name: str, default: object, accepted: str, **bounds: object) -> Any:
    """Describe one setting; *accepted* tells a person which values are."""
    return Field(default, validation_alias=name, description=accepted, **bounds)  # type: ignore[call-overload]


def _split(value: object) -> object:
    """Split a comma list, each item once and in order; what is not text is left to pydantic."""
    if not isinstance(value, str):
        return value
    items = list(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))
    if not items:
        raise ValueError("the list is empty")
    return items


def _split_or_none(value: object) -> object:
    """Split a comma list in which the word ``none`` alone stands for no item."""
    return [] if isinstance(value, str) and value.strip().lower() == "none" else _split(value)


def _below_project_root(path: Path) -> Path:
    return PROJECT_ROOT / path.expanduser()


def _base_urls(value: str) -> str:
    """Check each address of a comma list; return the list without blanks and closing slashes."""
    urls = [url.strip().rstrip("/") for url in value.split(",") if url.strip()]
    for parts in map(urlsplit, urls):
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("not an http or https address")
    if not urls:
        raise ValueError("the list is empty")
    return ",".join(dict.fromkeys(urls))


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """Check that each is an address with nothing after the port, as browsers send it."""
    for parts in map(urlsplit, values):
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
            raise ValueError("not an origin")
    return tuple(value.lower() for value in values)


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(value)) for value in values)


def _notify_urls(value: SecretStr | None) -> SecretStr | None:
    """Check that each item looks like an address; return them with one blank between."""
    if value is None:
        return None
    # Not at every comma: there are addresses with commas inside.
    urls = re.split(r"[\s,]+(?=[A-Za-z][A-Za-z0-9.+-]*://)", value.get_secret_value().strip(" ,\t\r\n"))
    if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9.+-]*://\S*", url) for url in urls):
        raise ValueError("not an address")
    return SecretStr(" ".join(dict.fromkeys(urls)))


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,20}$")]
_HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")]
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_A_BUCKET = "a bucket name: 3 to 63 of a-z, 0-9, . and -"


class Settings(BaseSettings):
    """All settings of this process; ``.env.example`` explains each."""

    model_config = SettingsConfigDict(
        frozen=True,
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        validate_default=True,
        hide_input_in_errors=True,
    )

    data_dir: Annotated[Path, AfterValidator(_below_project_root)] = _variable(
        "CANDLEHOUSE_DATA_DIR", "./data", "a folder, relative to the project or absolute"
    )
    symbols: Annotated[tuple[Symbol, ...], NoDecode, BeforeValidator(_split_or_none)] = _variable(
        "CANDLEHOUSE_SYMBOLS",
        "BTCUSDT,ETHUSDT,BNBUSDT,SOLUSDT,XRPUSDT",
        "symbols separated by commas, each 2 to 20 capital letters and digits, like BTCUSDT; or none",
    )
    intervals: Annotated[tuple[Interval, ...], NoDecode, BeforeValidator(_split)] = _variable(
        "CANDLEHOUSE_INTERVALS",
        "1m",
        f"intervals separated by commas, of {', '.join(Interval)} (1m is a minute, 1M a month)",
    )
    cycle_seconds: int = _variable(
        "CANDLEHOUSE_CYCLE_SECONDS", 60, "a whole number from 1 to 3600", ge=1, le=3600
    )
    lookback_days: int = _variable(
        "CANDLEHOUSE_LOOKBACK_DAYS", 1, "a whole number from 1 to 3650", ge=1, le=3650
    )
    depth_levels: int = _variable(
        "CANDLEHOUSE_DEPTH_LEVELS", 20, "a whole number from 1 to 5000", ge=1, le=5000
    )
    depth_seconds: int = _variable(
        "CANDLEHOUSE_DEPTH_SECONDS", 60, "a whole number from 1 to 3600", ge=1, le=3600
    )
    budget_share: float = _variable(
        "CANDLEHOUSE_BUDGET_SHARE", 0.8, "a number above 0 and up to 1", gt=0, le=1, allow_inf_nan=False
    )
    egress: str = _variable(
        "CANDLEHOUSE_EGRESS",
        "default",
        "a name of 1 to 64 letters, digits, . _ and -",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
    )
    breaker_failures: int = _variable(
        "CANDLEHOUSE_BREAKER_FAILURES", 5, "a whole number from 1 to 1000", ge=1, le=1000
    )
    breaker_seconds: int = _variable(
        "CANDLEHOUSE_BREAKER_SECONDS", 60, "a whole number from 1 to 3600", ge=1, le=3600
    )
    run_slots: int = _variable("CANDLEHOUSE_RUN_SLOTS", 16, "a whole number from 1 to 64", ge=1, le=64)
    archive_days: int = _variable(
        "CANDLEHOUSE_ARCHIVE_DAYS", 7, "a whole number from 1 to 36500", ge=1, le=36_500
    )
    delete_days: int = _variable(
        "CANDLEHOUSE_DELETE_DAYS", 30, "a whole number from 0 (never) to 36500", ge=0, le=36_500
    )
    pack_objects: int = _variable(
        "CANDLEHOUSE_PACK_OBJECTS", 200, "a whole number from 0 (never) to 1000000", ge=0, le=1_000_000
    )
    keep_days: int = _variable(
        "CANDLEHOUSE_KEEP_DAYS", 90, "a whole number from 0 (for ever) to 36500", ge=0, le=36_500
    )
    keep_depth_days: int = _variable(
        "CANDLEHOUSE_KEEP_DEPTH_DAYS", 90, "a whole number from 0 (for ever) to 36500", ge=0, le=36_500
    )
    housekeeping_days: int = _variable(
        "CANDLEHOUSE_HOUSEKEEPING_DAYS", 90, "a whole number from 1 to 36500", ge=1, le=36_500
    )
    disk_reserve_gb: float = _variable(
        "CANDLEHOUSE_DISK_RESERVE_GB", 2, "a number of gigabytes, 0 or more", ge=0, allow_inf_nan=False
    )
    disk_warn_days: int = _variable(
        "CANDLEHOUSE_DISK_WARN_DAYS", 14, "a whole number from 0 to 3650", ge=0, le=3650
    )
    notify_urls: Annotated[SecretStr | None, AfterValidator(_notify_urls)] = _variable(
        "CANDLEHOUSE_NOTIFY_URLS",
        None,
        "addresses as Apprise spells them, like tgram://token/chat, separated by blanks or commas",
    )
    host: str = _variable(
        "CANDLEHOUSE_HOST",
        "127.0.0.1",
        "an address of this machine, or 0.0.0.0 for all of them",
        pattern=r"^[^\s/]+$",
    )
    port: int = _variable(
        "CANDLEHOUSE_PORT", 8000, "a whole number from 0 (takes a free one) to 65535", ge=0, le=65535
    )
    allowed_hosts: Annotated[tuple[_HostName, ...], NoDecode, BeforeValidator(_split)] = _variable(
        "CANDLEHOUSE_ALLOWED_HOSTS", (), "host names without port, separated by commas"
    )
    trusted_proxies: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_networks)
    ] = _variable(
        "CANDLEHOUSE_TRUSTED_PROXIES",
        (),
        "addresses or networks like 127.0.0.1 or 172.16.0.0/12, separated by commas",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_origins)] = (
        _variable(
            "CANDLEHOUSE_CORS_ORIGINS",
            (),
            "origins like https://notes.example.org, without a path, separated by commas",
        )
    )
    token: Annotated[SecretStr | None, Field(min_length=16, max_length=200)] = _variable(
        "CANDLEHOUSE_TOKEN", None, "16 to 200 characters that nobody guesses"
    )
    web_build: bool = _variable("CANDLEHOUSE_WEB_BUILD", True, "true or false")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = _variable(
        "CANDLEHOUSE_LOG", "info", "debug, info, warning or error"
    )

    minio_endpoint: str | None = _variable(
        "MINIO_ENDPOINT",
        None,
        "host:port without http:// (MINIO_SECURE says which)",
        pattern=r"^([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?$",
    )
    minio_access_key: SecretStr | None = _variable("MINIO_ACCESS_KEY", None, "the access key")
    minio_secret_key: SecretStr | None = _variable("MINIO_SECRET_KEY", None, "the secret key")
    minio_bucket_raw: str = _variable("MINIO_BUCKET_RAW", "crypto-raw", _A_BUCKET, pattern=_BUCKET)
    minio_bucket_archive: str = _variable(
        "MINIO_BUCKET_ARCHIVE", "crypto-archive", _A_BUCKET, pattern=_BUCKET
    )
    minio_secure: bool = _variable("MINIO_SECURE", False, "true (https) or false (http)")

    mysql_host: str | None = _variable(
        "MYSQL_HOST", None, "a host name or address, without port", pattern=r"^[^\s/@]+$"
    )
    mysql_port: int = _variable("MYSQL_PORT", 3306, "a whole number from 1 to 65535", ge=1, le=65535)
    mysql_user: str | None = _variable("MYSQL_USER", None, "a user name")
    mysql_password: SecretStr | None = _variable("MYSQL_PASSWORD", None, "the password")
    mysql_database: str = _variable(
        "MYSQL_DATABASE", "candlehouse", "1 to 64 letters, digits and _", pattern=r"^[A-Za-z0-9_]{1,64}$"
    )
    mysql_pool_size: int = _variable("MYSQL_POOL_SIZE", 10, "a whole number from 1 to 32", ge=1, le=32)

    binance_base_url: Annotated[str, AfterValidator(_base_urls)] = _variable(
        "BINANCE_BASE_URL",
        "https://api.binance.com",
        "an address that starts with https:// or http://, or several separated by commas",
    )

    @model_validator(mode="after")
    def _check_stores(self) -> Self:
        if self.minio_endpoint and not (self.minio_access_key and self.minio_secret_key):
            raise ValueError(
                "MINIO_ENDPOINT is set, so MINIO_ACCESS_KEY and MINIO_SECRET_KEY must be, too "
                "(or MINIO_ACCESS_KEY_FILE and MINIO_SECRET_KEY_FILE)"
            )
        if self.minio_bucket_raw == self.minio_bucket_archive:
            raise ValueError("MINIO_BUCKET_RAW and MINIO_BUCKET_ARCHIVE must be two different buckets")
        if self.mysql_host and not self.mysql_user:
            raise ValueError(
                "MYSQL_HOST is set, so MYSQL_USER must be, too (MYSQL_PASSWORD if the user has one)"
            )
        return self

    @property
    def locked(self) -> frozenset[str]:
        """Return the attributes that the environment, ``.env`` or an override decides: no others may."""
        return frozenset(self.model_fields_set)


VARIABLES: Mapping[str, str] = {
    attribute: str(field.validation_alias) for attribute, field in Settings.model_fields.items()
}
"""The environment variable behind each attribute."""


def load_settings(**overrides: object) -> Settings:
    """Read the settings: *overrides*, named like the attributes, before the environment, before ``.env``.

    Raises ConfigurationError, which names everything that is wrong at once.
    """
    env_file = _find_env_file()
    layers = [dict(os.environ), _read_env_file(env_file)]
    problems = [problem for layer in layers for problem in _find_unknown(layer)]
    values = _read_secret_files(layers)
    values |= {VARIABLES[attribute]: value for attribute, value in overrides.items()}
    try:
        settings = Settings(_env_file=env_file, **values)  # type: ignore[call-arg]
    except ValidationError as error:
        problems += _explain(error)
    if problems:
        # Not "from error": pydantic's error carries the values, secrets among them.
        raise ConfigurationError("wrong settings:" + "".join(f"\n  - {problem}" for problem in problems))
    return settings


def _find_env_file() -> Path | None:
    named = os.environ.get(ENV_FILE_VARIABLE)
    if not named:
        return PROJECT_ROOT / ".env"
    path = _below_project_root(Path(named))
    if not path.exists():
        raise ConfigurationError(f"{ENV_FILE_VARIABLE}={named!r}: accepted: a file that exists")
    return path


def _read_env_file(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: value or "" for name, value in dotenv_values(path, encoding="utf-8").items()}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _find_unknown(layer: Mapping[str, str]) -> Iterator[str]:
    """Name variables that look like ours and are not: a misspelt setting would silently have no effect."""
    files = [f"{name}_FILE" for name in _SECRETS]
    ours = [name for name in (*VARIABLES.values(), *files, ENV_FILE_VARIABLE) if name.startswith(_PREFIX)]
    known = [name.removeprefix(_PREFIX) for name in ours]
    for name in layer:
        word = name.removeprefix(_PREFIX)
        if word == name or word in known or name.startswith(_TEST_PREFIX):
            continue
        nearest = difflib.get_close_matches(word, known, n=1)
        hint = f"did you mean {_PREFIX}{nearest[0]}?" if nearest else "see .env.example for all there are"
        yield f"{name} is not a setting; {hint}"


def _read_secret_files(layers: list[dict[str, str]]) -> dict[str, Any]:
    """Read the secrets that come as a file; the first layer that says anything about a secret decides."""
    secrets: dict[str, Any] = {}
    for name in _SECRETS:
        layer = next((one for one in layers if one.get(name) or one.get(f"{name}_FILE")), {})
        file = layer.get(f"{name}_FILE")
        if file and layer.get(name):
            raise ConfigurationError(f"{name} and {name}_FILE are both set: set one of them")
        if file:
            secrets[name] = _read_secret(f"{name}_FILE", file)
    return secrets


def _read_secret(variable: str, file: str) -> str:
    try:
        return _below_project_root(Path(file)).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{variable}={file!r}: accepted: a file that can be read ({error})"
        ) from error


def _explain(error: ValidationError) -> Iterator[str]:
    """Say per wrong value which variable it is, what it holds (never a secret) and what is accepted."""
    accepted = {field.validation_alias: field.description for field in Settings.model_fields.values()}
    for detail in error.errors(include_url=False):
        if not detail["loc"]:  # the parts fit each alone, but not together
            yield detail["msg"].removeprefix("Value error, ")
            continue
        variable = str(detail["loc"][0])
        value = "(hidden)" if variable in _SECRETS else repr(detail["input"])
        yield f"{variable}={value}: accepted: {accepted[variable]}"
