"""Where the stores are, by the settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from src.settings import Settings
from src.warehouse.engine import mysql_url, sqlite_url
from src.warehouse.homes import FOLDER, S3, LakeHome

_SQLITE_FILE, _LAKE_FOLDER = "warehouse.db", "data_lake"


def warehouse_url(settings: Settings) -> str:
    """Return where the warehouse is: MySQL where MYSQL_HOST is set, else a file in the data folder."""
    if settings.mysql_host is None:
        return sqlite_url(sqlite_file(settings))
    password = revealed(settings.mysql_password)
    return mysql_url(
        settings.mysql_host, settings.mysql_port, settings.mysql_user or "", password, settings.mysql_database
    )


def lake_place(settings: Settings) -> str:
    """Say where the lake is, without its keys."""
    if settings.minio_endpoint is None:
        return f"the folder {lake_folder(settings)}"
    scheme = "https" if settings.minio_secure else "http"
    buckets = f"{settings.minio_bucket_raw} and {settings.minio_bucket_archive}"
    return f"{scheme}://{settings.minio_endpoint}, buckets {buckets}"


def sqlite_file(settings: Settings) -> Path:
    """Return where the warehouse is while it is a file."""
    return settings.data_dir / _SQLITE_FILE


def lake_folder(settings: Settings) -> Path:
    """Return where the lake is while it is a folder."""
    return settings.data_dir / _LAKE_FOLDER


def lake_home(settings: Settings) -> LakeHome:
    """Say which lake these settings mean."""
    return LakeHome(FOLDER if settings.minio_endpoint is None else S3, lake_place(settings))


def warehouse_place(settings: Settings) -> str:
    """Say where the warehouse is, without its password."""
    if settings.mysql_host is None:
        return f"the file {sqlite_file(settings)}"
    server = f"{settings.mysql_user}@{settings.mysql_host}:{settings.mysql_port}"
    return f"{server}, database {settings.mysql_database}"


def revealed(secret: SecretStr | None) -> str:
    """Return a secret's text, empty for none."""
    return "" if secret is None else secret.get_secret_value()
