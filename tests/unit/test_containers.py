"""Dockerfile and docker-compose.yml as text: what they name exists, and no password works by default.

``tests/e2e/test_containers.py`` runs what the file says.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import Any

import click
import pytest
import yaml

from src.cli import main
from src.settings import PROJECT_ROOT, VARIABLES, Settings

COMPOSE = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
SECRETS: dict[str, dict[str, str]] = COMPOSE["secrets"]
README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
_PROGRAMS = {"./candlehouse", ".venv/bin/python"}
_PINNED = re.compile(r":(RELEASE\.\d{4}-\d\d-\d\dT[\d-]+Z|\d+\.\d+\.\d+(-[a-z]+)*)$")

each_service = pytest.mark.parametrize("name", sorted(SERVICES))
each_of_ours = pytest.mark.parametrize("name", OURS)


def read_dockerfile() -> list[tuple[str, list[str]]]:
    """Return each instruction with its words, in order."""
    text = (PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    return [(words[0], words[1:]) for words in map(str.split, lines)]


DOCKERFILE = read_dockerfile()
FINAL_STAGE = DOCKERFILE[max(at for at, (word, _) in enumerate(DOCKERFILE) if word == "FROM") :]


def is_ignored(path: str) -> bool:
    """Tell whether .dockerignore keeps *path* from the build: the last line that speaks of it decides."""
    ignored = False
    for line in (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        candidates = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        if line.startswith(("**/", "!**/")):
            candidates = parts
        if line and not line.startswith("#") and any(fnmatch(one, pattern) for one in candidates):
            ignored = not line.startswith("!")
    return ignored


# --- docker-compose.yml ---


def test_there_are_the_stores_the_parts_and_for_the_demo_the_simulator() -> None:
    assert set(SERVICES) == {"mysql", "minio", "scheduler", "api", "simulator"}
    assert {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one} == {
        "simulator": ["demo"]
    }
    assert SERVICES["mysql"]["image"].startswith("mysql:8.4.")


@each_service
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "candlehouse:local" if name in OURS else _PINNED.search(image), image


@each_service
def test_each_comes_back_after_a_crash_and_a_boot_and_its_log_is_rotated(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    logging = SERVICES[name]["logging"]
    assert logging["driver"] in ("local", "json-file")
    assert re.fullmatch(r"\d+m", logging["options"]["max-size"])
    assert int(logging["options"]["max-file"]) > 1


@each_service
def test_each_has_a_health_check_and_time_to_start(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert check.keys() >= {"interval", "timeout", "start_period"}


def test_parts_start_after_the_stores_are_healthy() -> None:
    for name in ("scheduler", "api"):
        waits = {
            other: how["condition"]
            for other, how in SERVICES[name]["depends_on"].items()
            if how.get("required", True)
        }
        assert waits == {"mysql": "service_healthy", "minio": "service_healthy"}
    # It is there with its profile alone.
    assert SERVICES["scheduler"]["depends_on"]["simulator"] == {
        "condition": "service_healthy",
        "required": False,
    }


def test_data_lie_in_volumes() -> None:
    used = {
        name: volume.partition(":")[::2]
        for name, one in SERVICES.items()
        for volume in one.get("volumes", [])
    }
    assert used == {
        "mysql": ("mysql", "/var/lib/mysql"),
        "minio": ("lake", "/data"),
        "scheduler": ("candlehouse", "/var/lib/candlehouse"),
        "api": ("candlehouse", "/var/lib/candlehouse"),
    }
    assert set(COMPOSE["volumes"]) == {volume for volume, _ in used.values()}
    assert SERVICES["api"]["environment"]["CANDLEHOUSE_DATA_DIR"] == used["api"][1]


def test_only_this_machine_reaches_the_api_and_the_console_unless_told_otherwise() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert published == {
        "api": ["${PUBLISH_ADDRESS:-127.0.0.1}:8000:8000"],
        "minio": ["${PUBLISH_ADDRESS:-127.0.0.1}:9001:9001"],
    }
    assert SERVICES["minio"]["command"][-2:] == ["--console-address", ":9001"]


# --- passwords ---


def test_every_password_is_demanded_and_none_has_a_default() -> None:
    demanded = [re.fullmatch(r"\$\{(\w+):\?[^}]+\}", one) for one in COMPOSE["x-needed"]]
    names = [match[1] for match in demanded if match]
    assert len(names) == len(demanded)
    assert names == [secret["environment"] for secret in SECRETS.values()]


@each_service
def test_passwords_come_as_files_and_never_as_they_are(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    secret = {
        key: value for key, value in environment.items() if re.search("PASSWORD|KEY|TOKEN|ROOT_USER", key)
    }
    files = {key: value for key, value in secret.items() if key.endswith("_FILE")}
    assert all(value == "" for key, value in secret.items() if key not in files)
    mounted = SERVICES[name].get("secrets", [])
    assert sorted(files.values()) == sorted(f"/run/secrets/{one}" for one in mounted)
    assert set(mounted) <= set(SECRETS)


@each_of_ours
def test_env_file_brings_no_password_into_the_environment(name: str) -> None:
    """Beside a file the settings refuse it, too; an empty value counts as not set."""
    service = SERVICES[name]
    if "env_file" in service:
        environment = service["environment"]
        assert [environment[secret["environment"]] for secret in SECRETS.values()] == [""] * len(SECRETS)


# --- our own containers ---


@each_of_ours
def test_every_variable_is_a_setting(name: str) -> None:
    secrets = {
        VARIABLES[attribute]
        for attribute, field in Settings.model_fields.items()
        if "Secret" in str(field.annotation)
    }
    settings = {*VARIABLES.values(), *(f"{one}_FILE" for one in secrets)}
    environment = SERVICES[name].get("environment", {})
    # The root's password is MySQL's alone, and set to nothing here.
    assert {key for key in environment if key != "MYSQL_ROOT_PASSWORD"} <= settings


def test_scheduler_and_api_have_the_same_settings() -> None:
    assert SERVICES["scheduler"]["environment"] == SERVICES["api"]["environment"]
    assert SERVICES["scheduler"]["secrets"] == SERVICES["api"]["secrets"]


def test_stores_are_asked_where_they_are() -> None:
    settings, mysql = SERVICES["api"]["environment"], SERVICES["mysql"]["environment"]
    assert settings["MYSQL_HOST"] in SERVICES
    assert settings["MINIO_ENDPOINT"].partition(":")[0] in SERVICES
    for ours, theirs in (
        (settings["MYSQL_USER"], mysql["MYSQL_USER"]),
        (settings["MYSQL_DATABASE"], mysql["MYSQL_DATABASE"]),
        (settings["MYSQL_PASSWORD_FILE"], mysql["MYSQL_PASSWORD_FILE"]),
        (settings["MINIO_ACCESS_KEY_FILE"], SERVICES["minio"]["environment"]["MINIO_ROOT_USER_FILE"]),
        (settings["MINIO_SECRET_KEY_FILE"], SERVICES["minio"]["environment"]["MINIO_ROOT_PASSWORD_FILE"]),
    ):
        assert ours == theirs
    assert "--local-infile=1" in SERVICES["mysql"]["command"]


@each_of_ours
def test_commands_are_those_that_people_type(name: str) -> None:
    service = SERVICES[name]
    for command in (service["command"], service["healthcheck"]["test"][1:]):
        assert command[0] in _PROGRAMS
        if command[0] == "./candlehouse":
            parse(command[1:])
        else:
            assert (PROJECT_ROOT / command[1]).is_file()
            assert not is_ignored(command[1])
    assert " ".join(service["command"][:2]) in README


def parse(arguments: list[str]) -> None:
    """Let click read them, down to the last option; it raises for what no command takes."""
    context: click.Context | None = None
    name: str | None = "candlehouse"
    command: click.Command | None = main
    while isinstance(command, click.Group):
        context = command.make_context(name, list(arguments), parent=context)
        name, command, arguments = command.resolve_command(context, arguments)
    assert command
    command.make_context(name, list(arguments), parent=context)


@each_of_ours
def test_ours_get_signals_time_to_end_and_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["init"] is True
    assert service["stop_grace_period"] == "1m"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


# --- Dockerfile and .dockerignore ---


def test_stages_are_pinned_and_the_packages_are_of_the_python_that_runs_them() -> None:
    images = [words[0] for word, words in DOCKERFILE if word == "FROM"]
    assert len(images) == 3
    assert all(_PINNED.search(image) for image in images), images
    assert images[0].startswith("node:2")
    assert images[1] == images[2]
    assert images[2].startswith("python:3.11.")


def test_packages_are_installed_by_their_hashes() -> None:
    assert ("RUN", ["PIP_NO_CACHE_DIR=1", "scripts/venv", "requirements.lock"]) in DOCKERFILE
    assert "--require-hashes" in (PROJECT_ROOT / "scripts" / "venv").read_text(encoding="utf-8")


def test_the_web_app_is_built_in_by_its_lock_file() -> None:
    runs = [" ".join(words) for word, words in DOCKERFILE if word == "RUN"]
    assert runs[0].startswith("npm ci")
    assert runs[1].startswith("npm run build")
    assert ("COPY", ["--from=web", "/app/frontend/dist", "frontend/dist"]) in FINAL_STAGE


def test_it_runs_as_nobody_special_and_has_a_health_check() -> None:
    (user,) = [words for word, words in FINAL_STAGE if word == "USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user[0])
    (check,) = [" ".join(words) for word, words in FINAL_STAGE if word == "HEALTHCHECK"]
    assert '"/health/live"' in check
    last = [word for word, _ in FINAL_STAGE]
    assert "RUN" not in last[last.index("USER") :]
    assert FINAL_STAGE[-1] == ("CMD", ['["./candlehouse",', '"up"]'])


def test_the_image_sets_settings_alone() -> None:
    (words,) = [words for word, words in DOCKERFILE if word == "ENV"]
    assert {word.partition("=")[0] for word in words} <= {*VARIABLES.values(), "PYTHONUNBUFFERED"}


def test_all_that_is_copied_is_there_and_not_ignored() -> None:
    copied = [
        source
        for word, words in DOCKERFILE
        if word == "COPY" and not words[0].startswith("--from")
        for source in words[:-1]
    ]
    assert len(copied) > 8
    for source in copied:
        assert (PROJECT_ROOT / source).exists(), source
        assert not is_ignored(source), source


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "data/operator_token",
        "secrets/token",
        "frontend/node_modules/vite/package.json",
        "frontend/dist/index.html",
        "frontend/.build/build.log",
        "src/__pycache__/cli.cpython-311.pyc",
        "tests/conftest.py",
    ],
)
def test_secrets_data_and_what_is_made_stay_out_of_the_build(path: str) -> None:
    assert is_ignored(path)
