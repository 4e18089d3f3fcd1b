"""Run what docker-compose.yml says without containers, the profile demo among it, and look whether it works.

    .venv/bin/python scripts/compose_natively.py

Commands, settings, secrets, health checks and the order of starting are those of the file, to the letter. All
of it runs in namespaces of its own, in which the services' names mean this machine, their ports are free, and
/run/secrets and the volumes are folders that end with it. In place of the images of MySQL and of the S3 store
are the servers of scripts/servers. On Linux, as root. Exit status 0 when the simulator's candles came through
the API, to the last digit, and everything ended in order.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mysql.connector
import requests
import yaml

ROOT = Path(__file__).resolve().parent.parent
INSIDE = "--inside"
RUN_SECRETS = Path("/run/secrets")
HEALTHY_WITHIN_S = 180.0
ARRIVED_WITHIN_S = 180.0
END_WITHIN_S = 60.0
MINUTE_MS = 60_000
CANDLES = 60
# What a person would set, for the demo; passwords are made up.
CHOSEN = {"BINANCE_BASE_URL": "http://simulator:9010"}
# As a browser on this machine asks: the names of the services are for them alone.
API, SIMULATOR = "http://127.0.0.1:8000", "http://simulator:9010"
# ${NAME}, ${NAME:-default}, ${NAME:?message}, and $$ for one $.
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\})")


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    if arguments == [INSIDE]:
        # Stopped by whoever called us, or by Ctrl-C: what was started is ended all the same.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        return inside()
    if arguments or sys.platform != "linux":
        print(__doc__, file=sys.stderr)
        return 2
    if os.geteuid():
        sys.exit("compose_natively: only root may make namespaces")
    return os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, __file__, INSIDE])  # noqa: S606


def inside() -> int:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    made_up = {one["environment"]: secrets.token_hex(16) for one in document["secrets"].values()}
    variables = made_up | CHOSEN
    compose = interpolate(document, variables)
    with tempfile.TemporaryDirectory(prefix="candlehouse-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        lay_ground(compose, variables, folder)
        ours: dict[str, Started] = {}
        for service in in_order(compose["services"]):
            specification = compose["services"][service]
            if start := STAND_INS.get(service):
                stack.enter_context(start(specification, folder))
            else:
                ours[service] = stack.enter_context(started(service, specification, folder))
            wait_until_healthy(service, specification, ours.get(service))
        look(variables["CANDLEHOUSE_TOKEN"], ours["api"])
        consult_doctor(ours["api"])
        for one in reversed(ours.values()):
            one.end()
    say("all of it works")
    return 0


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Put *variables* where Compose would; a demanded one that is missing or empty ends it, as there."""
    if isinstance(value, dict):
        return {key: interpolate(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolate(one, variables) for one in value]
    return VARIABLE.sub(lambda match: replace(match, variables), value) if isinstance(value, str) else value


def replace(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    found = variables.get(match["name"], "")
    if not found and match["how"] == "?":
        sys.exit(f"{match['name']}: {match['rest']}")
    return found or (match["rest"] if match["how"] == "-" else "")


def in_order(services: Mapping[str, Any]) -> list[str]:
    """Return the services' names, each after all that it depends on."""
    ordered: list[str] = []

    def add(name: str) -> None:
        for other in services[name].get("depends_on", {}):
            add(other)
        if name not in ordered:
            ordered.append(name)

    for name in services:
        add(name)
    return ordered


# --- the ground ---


def lay_ground(compose: Mapping[str, Any], variables: Mapping[str, str], folder: Path) -> None:
    """Make this namespace's network, host names, secrets and volumes."""
    run("ip", "link", "set", "lo", "up")
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {' '.join(compose['services'])}\n", encoding="ascii")
    run("mount", "--bind", hosts, "/etc/hosts")
    for place in [RUN_SECRETS, *our_volumes(compose)]:
        if not place.exists():  # and no folder is left on this machine
            run("mount", "-t", "tmpfs", "tmpfs", place.parent)
            place.mkdir()
        run("mount", "-t", "tmpfs", "tmpfs", place)
    for name, one in compose["secrets"].items():
        (RUN_SECRETS / name).write_text(variables[one["environment"]] + "\n", encoding="ascii")


def our_volumes(compose: Mapping[str, Any]) -> set[Path]:
    """Return where containers of our own have volumes."""
    ours = [one for name, one in compose["services"].items() if name not in STAND_INS]
    return {Path(volume.partition(":")[2]) for one in ours for volume in one.get("volumes", [])}


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


# --- what stands in for images that are not ours ---


def load_servers() -> Any:
    """Import scripts/servers, a program without .py in its name."""
    loader = importlib.machinery.SourceFileLoader("servers", str(Path(__file__).with_name("servers")))
    specification = importlib.util.spec_from_loader("servers", loader)
    assert specification
    module = importlib.util.module_from_spec(specification)
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


servers = load_servers()


@contextlib.contextmanager
def mysql_server(service: Mapping[str, Any], folder: Path) -> Iterator[None]:
    """Start MySQL (MariaDB without root) with the file's options, its database and its user."""
    start = servers.mariadb if servers.why_no_mysql() else servers.mysql
    with start(folder, *service["command"], port=3306):
        environment = service["environment"]
        password = Path(environment["MYSQL_PASSWORD_FILE"]).read_text(encoding="ascii").strip()
        database, user = environment["MYSQL_DATABASE"], environment["MYSQL_USER"]
        with contextlib.closing(
            mysql.connector.connect(
                host="127.0.0.1",
                user=servers.USER,
                password=servers.PASSWORD,
                collation="utf8mb4_general_ci",
            )
        ) as connection:
            cursor = connection.cursor()
            # What the image does at its first start.
            cursor.execute(f"CREATE DATABASE {database}")
            cursor.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'")
            cursor.execute(f"GRANT ALL ON {database}.* TO '{user}'@'%'")
        yield


def s3_server(service: Mapping[str, Any], folder: Path) -> Any:
    """Start an S3 server with the file's keys."""
    environment = service["environment"]
    files = (environment["MINIO_ROOT_USER_FILE"], environment["MINIO_ROOT_PASSWORD_FILE"])
    user, password = (Path(file).read_text(encoding="ascii").strip() for file in files)
    return servers.s3(folder, user, password, port=9000)


STAND_INS: dict[str, Callable[[Mapping[str, Any], Path], Any]] = {"mysql": mysql_server, "minio": s3_server}


# --- our own services ---


@dataclass
class Started:
    """A service that runs, with its environment and its log."""

    name: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path

    def end(self) -> None:
        """Stop it as Docker would: SIGTERM. The simulator, which holds nothing, may die of it."""
        begun = time.monotonic()
        self.process.terminate()
        status = self.process.wait(END_WITHIN_S)
        say(f"{self.name}: ended after {time.monotonic() - begun:.1f} s, status {status}")
        if status not in (0, -signal.SIGTERM if self.name == "simulator" else 0):
            self.give_up(f"ended with {status}")

    def give_up(self, why: str) -> None:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
        sys.exit(f"{self.name}: {why}; the end of its log:\n{tail}")


@contextlib.contextmanager
def started(name: str, service: Mapping[str, Any], folder: Path) -> Iterator[Started]:
    # The image's own surroundings, not those of whoever calls: nothing of theirs may make it work.
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "CANDLEHOUSE_WEB_BUILD": "false",
        "CANDLEHOUSE_ENV_FILE": os.devnull,
        **service.get("environment", {}),
    }
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            service["command"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=servers.die_with_parent,  # noqa: PLW1509 - there are no threads here
        )
    try:
        yield Started(name, process, environment, log)
    finally:
        process.kill()
        process.wait()


def wait_until_healthy(name: str, service: Mapping[str, Any], started: Started | None) -> None:
    """Run the file's health check until it is content."""
    how, *check = service["healthcheck"]["test"]
    assert how == "CMD"
    if started is None and not shutil.which(check[0]):
        say(f"{name}: up (its image's {check[0]} is not here)")
        return
    environment = started.environment if started else None
    begun = time.monotonic()
    while True:
        done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        if started and started.process.poll() is not None:
            started.give_up(f"ended with {started.process.returncode}")
        if time.monotonic() - begun > HEALTHY_WITHIN_S:
            sys.exit(f"{name}: not healthy: {done.stdout}{done.stderr}")
        time.sleep(0.5)
    said = done.stdout.strip().partition("\n")[0]
    say(f"{name}: healthy after {time.monotonic() - begun:.1f} s{said and f': {said}'}")


# --- what comes of it ---


def look(token: str, api: Started) -> None:
    """See that strangers get the page alone, and that the simulator's candles come through the API."""
    # Images have it built in; this checkout may not have built it, for which there is a page that says so.
    is_built = (ROOT / "frontend" / "dist" / "index.html").exists()
    page = requests.get(f"{API}/", headers={"Accept": "text/html"}, timeout=30)
    if page.status_code != (200 if is_built else 503):
        api.give_up(f"answers {page.status_code} where the web app should be")
    if (status := ask(f"{API}/api/symbols")[0]) != 401:
        sys.exit(f"the API answers {status} to strangers")
    say("api: refuses who has no token")
    # Whole minutes that had closed a while ago.
    end_ms = int(time.time()) // 60 * MINUTE_MS - 2 * MINUTE_MS
    begin_ms = end_ms - CANDLES * MINUTE_MS
    asked = f"interval=1m&startTime={begin_ms}&endTime={end_ms - 1}&limit={CANDLES}"
    _, rows = ask(f"{SIMULATOR}/api/v3/klines?symbol=BTCUSDT&{asked}")
    truth = [row[:6] for row in rows]
    query = f"interval=1m&start={begin_ms}&end={end_ms}&limit={CANDLES}"
    until = time.monotonic() + ARRIVED_WITHIN_S
    while (held := candles(ask(f"{API}/api/candlestick/BTCUSDT?{query}", token)[1])) != truth:
        if time.monotonic() > until:
            api.give_up(f"of {len(truth)} candles of the simulator the API has {len(held)}, or others")
        time.sleep(1)
    say(f"api: has the simulator's {len(held)} candles, to the last digit")


def consult_doctor(api: Started) -> None:
    """Do what a person does with `docker compose exec api ./candlehouse doctor`."""
    done = subprocess.run(
        ["./candlehouse", "doctor"],
        cwd=ROOT,
        env=api.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"the doctor finds:\n{done.stdout}{done.stderr}")
    say("api: the doctor finds nothing wrong")


def candles(answer: Any) -> list[list[Any]]:
    names = ("open_time_ms", "open", "high", "low", "close", "volume")
    return [[candle[name] for name in names] for candle in answer.get("candles", [])]


def ask(url: str, token: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(url, headers=headers, timeout=30)
    return answer.status_code, answer.json()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
