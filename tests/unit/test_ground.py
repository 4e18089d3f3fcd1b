"""The ground: lock files, Makefile, CI, the first use of ./candlehouse, and the fixtures that guard tests."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from src.settings import PROJECT_ROOT
from tests import servers

LOCKS = ["requirements.lock", "requirements-dev.lock"]


def pins(lock: str) -> dict[str, str]:
    """Return each requirement line of a lock without its hashes, by name and marker."""
    content = (PROJECT_ROOT / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9-]+)==([^ ]+)((?: ; [^\\\n]+)?)", content, re.MULTILINE)
    return {f"{name}{marker.strip()}": version for name, version, marker in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_address(lock: str) -> None:
    content = (PROJECT_ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-|index|find-links|@", content.replace("    --hash=", ""), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_hashes(lock: str) -> None:
    content = (PROJECT_ROOT / lock).read_text(encoding="utf-8")
    requirements = re.split(r"\n(?=\S)", content.strip())
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_lock_holds_what_its_source_asks_for(name: str) -> None:
    source = (PROJECT_ROOT / f"{name}.in").read_text(encoding="utf-8")
    asked = set(re.findall(r"^([a-z0-9-]+)", source, re.MULTILINE | re.IGNORECASE))
    locked = re.findall(
        r"^([a-z0-9-]+)==", (PROJECT_ROOT / f"{name}.lock").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {one for one in asked if not one.startswith("-")} <= set(locked)


def test_development_has_the_very_pins_of_the_runtime() -> None:
    development = pins("requirements-dev.lock")
    versions = {name.partition(";")[0]: version for name, version in development.items()}
    for name, version in pins("requirements.lock").items():
        assert development.get(name) == version or versions[name.partition(";")[0]] == version


def test_every_make_target_explains_itself() -> None:
    content = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", content, re.MULTILINE))
    explained = set(re.findall(r"^([a-z]+):[^\n]* ## ", content, re.MULTILINE))
    assert targets == explained
    assert targets >= {"help", "setup", "run", "demo", "test", "lint", "types", "fmt", "bench", "soak", "ci"}


def test_ci_runs_make_ci() -> None:
    script = PROJECT_ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("exec make ci")


# --- ./candlehouse ---


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small project that needs no package, and whose CLI says where it runs and with what."""
    root = tmp_path_factory.mktemp("checkout with space")
    (root / "scripts").mkdir()
    for name in ("candlehouse", "scripts/venv"):
        shutil.copy2(PROJECT_ROOT / name, root / name)
    (root / "requirements.lock").write_text("# nothing\n")
    (root / "src").mkdir()
    (root / "src" / "cli.py").write_text("import os, sys\nprint(os.getcwd(), sys.argv[1:])\nsys.exit(3)\n")
    return root


def start(checkout: Path, cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(checkout / "candlehouse"), *arguments],
        cwd=cwd,
        env=os.environ | {"PIP_NO_INDEX": "1", "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def candlehouse(checkout: Path, cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """Run it to its end; return status, output and errors."""
    with start(checkout, cwd, *arguments) as process:
        output, errors = process.communicate()
    return process.returncode, output, errors


def test_first_use_sets_up_once_and_later_ones_do_not(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "cli.py").write_text(
        "raise SystemExit('the folder of the caller was taken for ours')"
    )
    at_once = 2 if shutil.which("flock") else 1
    first = [start(checkout, tmp_path, "symbols", "a b") for _ in range(at_once)]
    errors = ""
    for process in first:
        output, said = process.communicate()
        assert (process.returncode, output) == (3, f"{tmp_path} ['symbols', 'a b']\n")
        errors += said
    assert len(errors.splitlines()) == 2
    assert candlehouse(checkout, tmp_path, "--help") == (3, f"{tmp_path} ['--help']\n", "")


def test_failed_installation_says_what_to_do_and_is_tried_again(checkout: Path, tmp_path: Path) -> None:
    lock = checkout / "requirements.lock"
    lock.write_text(f"nosuchpackage==1.0 --hash=sha256:{'0' * 64}\n")
    for _ in range(2):
        status, output, errors = candlehouse(checkout, tmp_path)
        assert (status, output) == (1, "")
        assert "Check that the package registry can be reached, then try again" in errors
        assert "nosuchpackage" in errors
    lock.write_text("# nothing, again\n")
    status, _, errors = candlehouse(checkout, tmp_path)
    assert status == 3
    assert "installing" in errors


def test_link_to_candlehouse_finds_the_project(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "candlehouse").symlink_to(checkout / "candlehouse")
    assert candlehouse(tmp_path, tmp_path)[:2] == (3, f"{tmp_path} []\n")


def test_old_python_is_refused_with_what_is_needed(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "project" / "scripts").mkdir(parents=True)
    shutil.copy2(checkout / "scripts" / "venv", tmp_path / "project" / "scripts" / "venv")
    (tmp_path / "project" / "requirements.lock").touch()
    ran = subprocess.run(
        [tmp_path / "project" / "scripts" / "venv", "requirements.lock"], capture_output=True, text=True,
        check=False, env=os.environ | {"PYTHON": str(old)},
    )  # fmt: skip
    assert ran.returncode == 1
    assert "Python 3.11 or newer is needed" in ran.stderr
    assert not (tmp_path / "project" / ".venv" / "bin").exists()


# --- what guards the tests ---


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.com", 80), ("2001:db8::1", 80)])
def test_only_loopback_can_be_reached(address: tuple[str, int]) -> None:
    with pytest.raises(RuntimeError, match="only loopback"):
        socket.create_connection(address, timeout=1)
    with socket.socket() as plain, pytest.raises(RuntimeError, match="only loopback"):
        plain.connect(address)


def test_developers_settings_are_hidden_from_tests() -> None:
    ours = [name for name in os.environ if name.startswith(("CANDLEHOUSE_", "MINIO_", "MYSQL_", "BINANCE_"))]
    set_by_us = {"CANDLEHOUSE_ENV_FILE", "CANDLEHOUSE_WEB_BUILD"}
    assert {name for name in ours if not name.startswith("CANDLEHOUSE_TEST_")} == set_by_us


def test_missing_server_skips_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="scripts/servers run make test"):
        servers.require("CANDLEHOUSE_TEST_NOWHERE", "server")


def test_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CANDLEHOUSE_TEST_NOWHERE is not set"):
        servers.require("CANDLEHOUSE_TEST_NOWHERE", "server")


def test_every_warehouse_url_leads_to_an_empty_database(warehouse_url: str) -> None:
    engine = create_engine(warehouse_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_database_is_dropped_even_while_someone_holds_it(database_server: servers.DatabaseServer) -> None:
    with servers.fresh_database(database_server) as name:
        engine = create_engine(database_server.url(name))
        holder = engine.connect()
        holder.execute(text("CREATE TABLE t (a INT)"))
        holder.execute(text("SELECT * FROM t"))
    holder.invalidate()
    holder.close()
    engine.dispose()
    assert name not in inspect(create_engine(database_server.url("mysql"))).get_schema_names()
