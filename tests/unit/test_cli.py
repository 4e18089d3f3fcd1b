"""The command line: every command explains itself, says what it did, and ends with the right status."""

from __future__ import annotations

import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import structlog
from click.testing import CliRunner, Result

from src.cli import main
from src.settings import PROJECT_ROOT
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator


def list_commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command there is, as one would type it."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from list_commands(command, (*path, name))


COMMANDS = sorted(list_commands(main))


@pytest.fixture
def exchange() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig()).serve_in_thread() as simulator:
        yield simulator


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Set what keeps a command in a folder of the test's own, and away from any exchange."""
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CANDLEHOUSE_LOG", "error")
    monkeypatch.setenv("CANDLEHOUSE_SYMBOLS", "BTCUSDT,ETHUSDT")
    monkeypatch.setenv("BINANCE_BASE_URL", "http://127.0.0.1:9")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield monkeypatch
    # A command configures logging for its whole process.
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def simulated(environment: pytest.MonkeyPatch, exchange: Simulator) -> Simulator:
    environment.setenv("BINANCE_BASE_URL", exchange.base_url)
    return exchange


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="./candlehouse")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def succeed(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def succeed_json(*arguments: str) -> Any:
    return json.loads(succeed(*arguments, "--json"))


def fail(status: int, *arguments: str) -> str:
    """Run what must fail; return what it told the user, who must not have to read a traceback."""
    result = run(*arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.stderr


# --- help ---


def test_help_lists_the_commands_in_the_order_one_needs_them() -> None:
    listed = re.findall(r"^  ([a-z-]+) +[A-Z]", succeed("--help"), re.MULTILINE)
    assert listed == list(main.commands)
    assert listed[:2] == ["demo", "up"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    help_text = succeed(*command, "--help")
    example = re.search(r"^ +Example: .*\./candlehouse (.*)$", help_text, re.MULTILINE)
    assert example, help_text
    words = example[1].split()
    assert tuple(words[: len(command)]) == command
    assert succeed(*command, "-h") == help_text


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_is_explained(command: tuple[str, ...]) -> None:
    found: click.Command = main
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    assert [
        option.name for option in found.params if isinstance(option, click.Option) and not option.help
    ] == []


def test_help_starts_without_the_heavy_libraries() -> None:
    """They take most of a second to import, and help needs none of them."""
    code = """
import sys
from src.cli import main
try:
    main(["--help"])
finally:
    heavy = "numpy sqlalchemy requests minio apscheduler rich mysql pydantic pandas structlog msgspec"
    print("imported:", *sorted(set(heavy.split()) & set(sys.modules)), file=sys.stderr)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == "imported:"
    assert "Usage:" in done.stdout


# --- wrong usage and settings: 2 ---


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["cycle", "--fast"], "No such option"),
        (["symbols", "add"], "Missing argument 'SYMBOL...'"),
        (["symbols", "remove"], "Missing argument 'SYMBOL...'"),
        (["demo", "--seconds", "0"], "0 is not in the range"),
        (["simulator", "--port", "70000"], "70000 is not in the range"),
        (["simulator", "--tape", "/nowhere.zip"], "does not exist"),
        (["simulator", "--start-at", "yesterday"], "--start-at yesterday: a time like 2026-01-01T00:00:00Z"),
        (["simulator", "--start-at", "2026-01-01T00:00"], "--start-at 2026-01-01T00:00"),
        (["simulator", "--fault", "earthquake"], "earthquake"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: list[str], told: str) -> None:
    assert told in fail(2, *arguments)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CANDLEHOUSE_CYCLE_SECONDS", "soon", "CANDLEHOUSE_CYCLE_SECONDS='soon': accepted: a whole number"),
        ("CANDLEHOUSE_INTERVALS", "1m,7m", "CANDLEHOUSE_INTERVALS='7m': accepted: intervals"),
        ("CANDLEHOUSE_SYMBOL", "BTCUSDT", "did you mean CANDLEHOUSE_SYMBOLS?"),
        ("MINIO_ENDPOINT", "127.0.0.1:9", "MINIO_ENDPOINT is set, so MINIO_ACCESS_KEY"),
        ("MYSQL_HOST", "127.0.0.1", "MYSQL_HOST is set, so MYSQL_USER"),
        ("BINANCE_BASE_URL", "api.binance.com", "BINANCE_BASE_URL='api.binance.com': accepted: an address"),
    ],
)
@pytest.mark.parametrize("command", [["migrate"], ["symbols", "list"], ["up"]], ids=" ".join)
def test_wrong_setting_ends_with_2_and_names_its_variable(
    environment: pytest.MonkeyPatch, command: list[str], variable: str, value: str, told: str
) -> None:
    environment.setenv(variable, value)
    message = fail(2, *command)
    assert message.startswith("candlehouse: wrong settings:")
    assert told in message


def test_unknown_interval_is_refused_before_anything_is_tracked(simulated: Simulator) -> None:
    message = fail(2, "symbols", "add", "BTCUSDT", "--interval", "1m", "--interval", "1H")
    assert "--interval 1H: accepted are 1s, 1m" in message
    assert succeed_json("symbols", "list") == []


def test_simulator_on_a_taken_port_ends_with_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        message = fail(2, "simulator", "--port", str(taken.getsockname()[1]))
    assert "the simulator cannot start" in message
    assert "in use" in message


def test_simulator_on_all_addresses_names_one_that_reaches_it() -> None:
    with Simulator(SimulatorConfig(host="0.0.0.0")) as simulator:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", simulator.base_url)


# --- what could not be done: 1 ---


def test_store_that_is_away_ends_with_1_and_says_what_to_check(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MYSQL_HOST", "127.0.0.1")
    environment.setenv("MYSQL_PORT", "9")
    environment.setenv("MYSQL_USER", "nobody")
    message = fail(1, "migrate")
    assert "127.0.0.1:9" in message
    assert "MYSQL_HOST" in message


def test_exchange_that_is_away_ends_with_1(environment: pytest.MonkeyPatch) -> None:
    environment.setattr("src.clock.SystemClock.sleep", lambda _, __: None)  # between its attempts
    message = fail(1, "symbols", "add", "BTCUSDT")
    assert "binance" in message
    assert succeed_json("symbols", "list") == []


def test_failed_series_are_named_and_the_rest_is_done(simulated: Simulator) -> None:
    succeed("symbols", "add", "BTCUSDT", "ETHUSDT")
    simulated.add_fault("451:symbol=ETHUSDT")
    result = run("cycle", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert set(report["extracted"]["failures"]) == {"binance:ETHUSDT:1m", "binance:ETHUSDT:depth"}
    assert report["transformed"]["loaded"]["inserted"] == report["extracted"]["candles"] >= 1439
    assert "failed: binance:ETHUSDT:1m: " in result.stderr


# --- migrate ---


def test_migrate_says_what_it_did_and_then_that_nothing_is_left(environment: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"created the schema, version \d+\n", succeed("migrate"))
    assert succeed("migrate") == "the schema is up to date\n"


# --- cycle, extract, transform ---


def test_cycle_fetches_and_loads_what_the_settings_name(simulated: Simulator) -> None:
    report = succeed_json("cycle")
    fetched = report["extracted"]["candles"]
    assert 2 * 1439 <= fetched <= 2 * 1441
    assert report["transformed"]["loaded"]["inserted"] == fetched
    assert (report["extracted"]["failures"], report["transformed"]["quarantined"]) == ({}, [])
    text = succeed("cycle")
    assert re.match(r"fetched \d+ candles and \d+ snapshots, loaded \d+ objects: \d+ candles new", text)


def test_extract_lands_and_transform_loads(simulated: Simulator) -> None:
    fetched = succeed_json("extract")
    assert fetched["snapshots"] == 2
    assert [row["candles"] for row in succeed_json("symbols", "list")] == [0, 0]
    simulated.clear_requests()
    loaded = succeed_json("transform")["loaded"]
    assert simulated.requests == []  # it calls no exchange
    assert loaded["inserted"] == fetched["candles"]
    assert sum(row["candles"] for row in succeed_json("symbols", "list")) == fetched["candles"]
    assert succeed("transform").startswith("loaded 0 objects")


def test_transform_needs_neither_exchange_nor_lake(environment: pytest.MonkeyPatch) -> None:
    assert succeed_json("transform")["loaded"]["objects"] == 0


# --- symbols ---


def test_symbols_are_added_listed_and_removed(simulated: Simulator) -> None:
    assert succeed("symbols", "add", "ethusdt", "BTCUSDT", "--interval", "1m", "--interval", "1M") == (
        "tracking ETHUSDT, BTCUSDT at 1m, 1M\n"
    )
    listed = [(row["symbol"], row["interval"]) for row in succeed_json("symbols", "list")]
    assert listed == [("BTCUSDT", "1M"), ("BTCUSDT", "1m"), ("ETHUSDT", "1M"), ("ETHUSDT", "1m")]
    assert succeed("symbols", "remove", "btcusdt") == "no longer tracking BTCUSDT; the data stay\n"
    listed = [(row["symbol"], row["interval"]) for row in succeed_json("symbols", "list")]
    assert listed == [("ETHUSDT", "1M"), ("ETHUSDT", "1m")]


def test_list_shows_a_table_to_people(simulated: Simulator) -> None:
    succeed("cycle")
    lines = succeed("symbols", "list").splitlines()
    assert lines[0].split()[:3] == ["symbol", "interval", "candles"]
    assert [line.split()[0] for line in lines[1:]] == ["BTCUSDT", "ETHUSDT"]


def test_list_of_nothing_works_on_a_new_warehouse(environment: pytest.MonkeyPatch) -> None:
    assert succeed_json("symbols", "list") == []
    assert len(succeed("symbols", "list").splitlines()) == 1


def test_unknown_symbol_is_named_and_none_is_tracked(simulated: Simulator) -> None:
    message = fail(1, "symbols", "add", "BTCUSDT", "NOPEUSDT")
    assert message == (
        "candlehouse: binance: no such symbol: NOPEUSDT. Check the spelling (like BTCUSDT) in "
        "CANDLEHOUSE_SYMBOLS or on the command line\n"
    )
    assert succeed_json("symbols", "list") == []


def test_removing_what_is_not_tracked_fails(environment: pytest.MonkeyPatch) -> None:
    message = fail(1, "symbols", "remove", "NOPEUSDT")
    assert message == "candlehouse: not tracked: NOPEUSDT; see ./candlehouse symbols list\n"


def test_json_goes_out_alone_and_logs_beside_it(
    simulated: Simulator, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CANDLEHOUSE_LOG", "debug")
    command = [sys.executable, "-m", "src.cli", "cycle", "--json"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["extracted"]["failures"] == {}
    assert "cycle done" in done.stderr
