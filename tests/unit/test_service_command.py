"""``service``: the systemd unit that is printed, written and removed."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from src.commands import service as command
from src.settings import PROJECT_ROOT
from tests.unit.test_cli import (  # noqa: F401  environment is a fixture
    environment,
    fail,
    run,
    succeed,
)

pytestmark = pytest.mark.usefixtures("environment")

SCOPES = ("--user", "--system")


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a machine that runs systemd, with folders for units below the one that is returned."""
    monkeypatch.setattr(command, "_BOOTED_WITH_SYSTEMD", tmp_path)
    monkeypatch.setattr(command, "_SYSTEM_FOLDER", tmp_path / "system")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", "data")
    return tmp_path


def place(folder: Path, scope: str) -> Path:
    return folder / ("system" if scope == "--system" else "config/systemd/user") / "candlehouse.service"


def read(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(text)
    return {
        name: value for section in ("Unit", "Service", "Install") for name, value in parser.items(section)
    }


@pytest.mark.parametrize(
    ("scope", "target"), [("--user", "default.target"), ("--system", "multi-user.target")]
)
def test_unit_runs_all_parts_here_at_boot_and_after_failures(scope: str, target: str) -> None:
    unit = read(succeed("service", scope, "--print"))
    assert unit["WorkingDirectory"] == str(PROJECT_ROOT)
    assert unit["ExecStart"] == f'"{PROJECT_ROOT}/candlehouse" up'
    assert unit["WantedBy"] == target
    # Wrong settings end with 2, and do so every time.
    assert (unit["Restart"], unit["RestartPreventExitStatus"]) == ("on-failure", "2")
    # The scheduler ends the API, in order.
    assert unit["KillMode"] == "mixed"


def test_user_is_the_default_and_the_machines_unit_runs_as_the_folders_owner() -> None:
    assert succeed("service", "--print") == succeed("service", "--user", "--print")
    assert "User" not in read(succeed("service", "--print"))
    assert read(succeed("service", "--system", "--print"))["User"] == PROJECT_ROOT.owner()


def test_machines_unit_may_write_where_the_data_are(
    environment: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    environment.setenv("CANDLEHOUSE_DATA_DIR", "/srv/my candles")
    assert read(succeed("service", "--system", "--print"))["ReadWritePaths"] == (
        f'"{PROJECT_ROOT}" "/srv/my candles"'
    )


@pytest.mark.parametrize("scope", SCOPES)
def test_systemd_accepts_the_unit(scope: str, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine")
    path = tmp_path / "candlehouse.service"
    path.write_text(succeed("service", scope, "--print"), encoding="utf-8")
    done = subprocess.run(
        [program, "verify", *(["--user"] if scope == "--user" else []), str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # Of this machine's other units it may have more to say, and ends with 0 or 1 by that.
    assert "candlehouse" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scope", SCOPES)
def test_unit_is_written_with_what_to_do_then_and_removed(scope: str, booted: Path) -> None:
    path = place(booted, scope)
    told = succeed("service", scope)
    assert path.read_text(encoding="utf-8") == succeed("service", scope, "--print")
    control = "systemctl --user" if scope == "--user" else "systemctl"
    assert f"\n  {control} enable --now candlehouse.service\n" in told
    assert ("loginctl enable-linger" in told) == (scope == "--user")
    assert succeed("service", scope) == told  # again, as after a change
    link = path.parent / "default.target.wants" / path.name
    link.parent.mkdir()
    link.symlink_to(path)
    assert f"\n  {control} stop candlehouse.service\n" in succeed("service", scope, "--remove")
    assert not path.exists()
    assert not link.is_symlink()
    assert fail(1, "service", scope, "--remove") == f"candlehouse: there is no {path}\n"


def test_unit_of_another_folder_is_left_alone(booted: Path) -> None:
    path = place(booted, "--user")
    path.parent.mkdir(parents=True)
    theirs = succeed("service", "--print").replace(str(PROJECT_ROOT), "/srv/another")
    path.write_text(theirs, encoding="utf-8")
    for option in ([], ["--remove"]):
        assert "starts /srv/another" in fail(1, "service", *option)
    assert path.read_text(encoding="utf-8") == theirs


def test_data_folder_that_systemd_could_not_make_is_named(
    booted: Path,
    environment: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    environment.setenv("CANDLEHOUSE_DATA_DIR", str(booted / "elsewhere"))
    assert f"{booted / 'elsewhere'}, for the data, is not there" in fail(1, "service", "--system")
    succeed("service", "--user")
    (booted / "elsewhere").mkdir()
    succeed("service", "--system")


def test_settings_of_the_shell_alone_are_named(booted: Path) -> None:
    message = run("service").stderr
    assert "put them into .env: " in message
    assert "CANDLEHOUSE_DATA_DIR" in message
    assert "BINANCE_BASE_URL" in message
    assert place(booted, "--user").exists()


def test_without_systemd_it_is_refused_and_can_still_be_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(command, "_BOOTED_WITH_SYSTEMD", tmp_path / "nowhere")
    for option in ([], ["--remove"]):
        assert "was not started by systemd" in fail(1, "service", *option)
    assert list(tmp_path.rglob("*.service")) == []
    assert succeed("service", "--print").startswith("[Unit]")


@pytest.mark.parametrize("name", ["50%", "my$home", 'a"b', "it's", "back\\slash", "two\nlines"])
def test_folder_that_systemd_would_misread_is_refused(
    name: str,
    environment: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    environment.setenv("CANDLEHOUSE_DATA_DIR", f"/srv/{name}")
    assert "rename it" in fail(2, "service", "--print")
