"""Building the web app: by a real npm, by one that fails or hangs, and by none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from src.clock import ManualClock
from src.commands.web import wait_for_a_cycle
from src.settings import load_settings
from src.warehouse.run_tables import runs
from src.warehouse.runs import create_run
from src.web.building import build_web
from src.web.node import NoNode, NpmFailed, check_node, is_installed
from src.web.place import WebPlace
from src.web.progress import Step, is_under_way, read, read_tail
from src.wiring import build
from tests.builders import DAY_START_MS

_PATIENCE_S = 60.0
# What `vite build --outDir` does, as far as we rely on it.
_BUILD = """
const fs = require("fs");
const out = process.argv[process.argv.indexOf("--outDir") + 1];
fs.mkdirSync(`${out}/assets`, {recursive: true});
fs.writeFileSync(`${out}/index.html`, "<head>" + fs.readFileSync("src/main.tsx"));
fs.writeFileSync(`${out}/assets/main.js`, "a".repeat(5000));
console.log("secret:", process.env.CANDLEHOUSE_TOKEN);
"""
_BUILDER = """
import os, signal, sys
from pathlib import Path
from src.clock import ManualClock
from src.commands.web import wait_for_a_cycle
from src.settings import load_settings
from src.warehouse.run_tables import runs
from src.warehouse.runs import create_run
from src.web.building import build_web
from src.web.place import WebPlace
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print(build_web(WebPlace(Path(sys.argv[1])), os.environ, print))
"""


@pytest.fixture
def place(tmp_path: Path) -> WebPlace:
    """Return sources that a build turns into a page."""
    root = tmp_path / "frontend"
    (root / "src").mkdir(parents=True)
    (root / "src" / "main.tsx").write_text("one")
    (root / "build.cjs").write_text(_BUILD)
    about = {"name": "made-up", "version": "0.0.0", "scripts": {"build": "node build.cjs"}}
    (root / "package.json").write_text(json.dumps(about))
    lock = {"name": "made-up", "version": "0.0.0", "lockfileVersion": 3, "packages": {"": about}}
    (root / "package-lock.json").write_text(json.dumps(lock))
    return WebPlace(root)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what puts programs of a test's own in the place of node and npm, each a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(**scripts: str) -> None:
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)

    return put


def need_node() -> None:
    try:
        check_node()
    except NoNode as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def test_build_is_in_place_packed_and_not_done_again_until_sources_change(place: WebPlace) -> None:
    need_node()
    said: list[str] = []
    assert build_web(place, os.environ, said.append)
    assert (place.dist / "index.html").read_text() == "<head>one"
    assert (place.dist / "assets" / "main.js.gz").is_file()
    assert not (place.dist / "index.html.gz").exists()
    assert "built." in said
    assert read(place).step is Step.NOTHING
    assert not build_web(place, os.environ, said.append)
    os.utime(place.root / "src" / "main.tsx")  # as a checkout would
    assert not build_web(place, os.environ, said.append)
    (place.root / "src" / "main.tsx").write_text("two")
    assert build_web(place, os.environ, said.append)
    assert (place.dist / "index.html").read_text() == "<head>two"
    assert sorted(path.name for path in place.work.iterdir()) == ["build.log", "lock", "progress.json"]


def test_what_a_build_does_not_depend_on_makes_it_no_older(place: WebPlace) -> None:
    before = place.digest()
    for name in ("node_modules/a/index.js", "e2e/first.ts", "src/main.test.tsx", "dist/x.js", ".cache/y"):
        (place.root / name).parent.mkdir(parents=True, exist_ok=True)
        (place.root / name).write_text("x")
    assert place.digest() == before
    (place.root / "src" / "more.ts").write_text("x")
    assert place.digest() != before


def test_what_came_built_without_sources_is_served_as_it_is(place: WebPlace) -> None:
    place.dist.mkdir()
    (place.dist / "index.html").write_text("x")
    before = place.is_current
    (place.root / "package-lock.json").unlink()
    assert (before, place.is_current) == (False, True)


def test_packages_are_installed_once_for_a_lock_file(place: WebPlace, programs: Callable[..., None]) -> None:
    lock = {
        "packages": {
            "": {"name": "made-up"},
            "node_modules/vite": {"version": "8.0.0"},
            "node_modules/of-macos": {"version": "1.0.0", "optional": True},
        }
    }
    (place.root / "package-lock.json").write_text(json.dumps(lock))
    held = place.root / "node_modules" / ".package-lock.json"
    install = f"mkdir -p node_modules; sed -e s/x/x/ package-lock.json > {held}"
    build = "mkdir -p .build/dist; echo x > .build/dist/index.html"
    programs(node="echo v22.20.0", npm=f'case "$1" in ci) {install};; run) {build};; esac')
    said: list[str] = []
    build_web(place, os.environ, said.append)
    assert any("installing" in line for line in said)
    assert is_installed(place.root)
    (place.root / "src" / "main.tsx").write_text("two")
    said.clear()
    build_web(place, os.environ, said.append)
    assert not any("installing" in line for line in said)
    (place.root / "package-lock.json").write_text(json.dumps(lock).replace("8.0.0", "8.0.1"))
    assert not is_installed(place.root)


@pytest.mark.parametrize(
    ("scripts", "told"),
    [
        ({}, "there is no node here"),
        ({"node": "echo v22.0.0"}, "there is no npm here"),
        ({"node": "echo v18.20.4", "npm": "exit 9"}, "Node.js here is v18.20.4"),
        ({"node": "exit 1", "npm": "exit 9"}, "Node.js here is broken"),
    ],
)
def test_without_node_it_says_what_to_install(
    place: WebPlace,
    programs: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    scripts: dict[str, str],
    told: str,
) -> None:
    programs(**scripts)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(NoNode, match=rf"{told}; .*install it"):
        build_web(place, os.environ, lambda _: None)
    assert read(place).step is Step.NO_NODE
    assert told in read(place).said


def test_failed_build_leaves_what_is_served_and_the_end_of_its_output(
    place: WebPlace, programs: Callable[..., None]
) -> None:
    place.dist.mkdir()
    (place.dist / "index.html").write_text("older")
    programs(node="echo v22.0.0", npm="echo registry is away >&2; exit 7")
    said: list[str] = []
    with pytest.raises(NpmFailed, match=r"npm ci .*status 7"):
        build_web(place, os.environ, said.append)
    assert "registry is away" in said
    assert (place.dist / "index.html").read_text() == "older"
    assert read(place).step is Step.FAILED
    assert "registry is away" in read_tail(place)


def started(place: WebPlace) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _BUILDER, str(place.root)], stdout=subprocess.PIPE, text=True
    )


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_builder_that_is_ended_takes_npm_and_its_children_along(
    place: WebPlace, programs: Callable[..., None]
) -> None:
    programs(node="echo v22.0.0", npm="sh -c 'echo $$ > child; sleep 600' & wait")
    child = place.root / "child"
    builder = started(place)
    try:
        wait_for(lambda: child.is_file() and bool(child.read_text().strip()))
        assert read(place).step is Step.INSTALLING
        builder.send_signal(signal.SIGTERM)
        assert builder.wait(_PATIENCE_S) == 143
    finally:
        builder.kill()
        builder.communicate()
    wait_for(lambda: not Path(f"/proc/{child.read_text().strip()}/cmdline").exists() or _is_zombie(child))
    assert not is_under_way(place)
    assert read(place).step is Step.NOTHING


def _is_zombie(child: Path) -> bool:
    try:
        return ") Z " in Path(f"/proc/{child.read_text().strip()}/stat").read_text()
    except FileNotFoundError:
        return True


def test_two_builders_build_once(place: WebPlace, programs: Callable[..., None]) -> None:
    build = "echo run >> .build/ran; sleep 0.5; mkdir -p .build/dist; echo x > .build/dist/index.html"
    programs(node="echo v22.0.0", npm=f'case "$1" in run) {build};; esac')
    builders = [started(place) for _ in range(2)]
    told = [builder.communicate(timeout=_PATIENCE_S)[0].splitlines()[-1] for builder in builders]
    assert sorted(told) == ["False", "True"]
    assert (place.work / "ran").read_text() == "run\n"


@pytest.mark.parametrize(("began_s_ago", "waits"), [(5, False), (600, True), (None, True)])
def test_building_beside_waits_for_a_cycle_but_not_for_ever(
    tmp_path: Path, began_s_ago: int | None, waits: bool
) -> None:
    clock = ManualClock(DAY_START_MS)
    parts = build(load_settings(data_dir=str(tmp_path), binance_base_url="http://127.0.0.1:9"))
    parts.starter.prepare_warehouse()
    if began_s_ago is not None:
        began_ms = DAY_START_MS - began_s_ago * 1000
        run_id = parts.warehouse.run(lambda one: create_run(one, parts.new_run("cycle", "test", {})))
        parts.warehouse.run(
            lambda one: one.execute(runs.update().where(runs.c.id == run_id).values(started_at=began_ms))
        )
    wait_for_a_cycle(parts.warehouse, clock)
    parts.warehouse.close()
    assert clock.now_ms() == DAY_START_MS + (120_000 if waits else 0)
