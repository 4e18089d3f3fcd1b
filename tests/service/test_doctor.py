"""The doctor over real stores and a simulated exchange, well, ill and not yet begun."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, inspect, select

from src.cli import main
from src.clock import SystemClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey
from src.jobs.cycle import run_cycle
from src.lake.store import Bucket
from src.maintenance.doctor.checkup import Report, is_healthy
from src.maintenance.doctor.findings import Finding, Verdict
from src.settings import load_settings
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from src.terminal import doctor_json, doctor_view, to_text
from src.warehouse.budgets import BudgetRow, lock_budget, save_budget
from src.warehouse.homes import S3, LakeHome, save_home
from src.warehouse.series import set_tracked
from src.warehouse.tables import (
    exchange_budget,
    extraction_metadata,
    lake_objects,
    metadata,
    quarantined_rows,
    schema_migrations,
    series,
)
from src.wiring import App, build
from tests.faults.private_servers import without_local_infile
from tests.servers import DatabaseServer, S3Server

AREAS = ["disk", "lake", "warehouse", "exchange", "data", "growth"]
SECRET = "hunter2-never-shown"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig()).serve_in_thread() as running:
        yield running


def make_app(folder: Path, simulator: Simulator, **settings: Any) -> App:
    usual = {"symbols": ("BTCUSDT", "ETHUSDT"), "binance_base_url": simulator.base_url}
    return build(load_settings(**{"data_dir": str(folder / "data"), **usual, **settings}))


def mysql_settings(server: DatabaseServer, database: str) -> dict[str, Any]:
    return {
        "mysql_host": server.host,
        "mysql_port": server.port,
        "mysql_user": server.user,
        "mysql_password": server.password,
        "mysql_database": database,
    }


def s3_settings(server: S3Server) -> dict[str, Any]:
    name = uuid.uuid4().hex[:12]
    return {
        "minio_endpoint": server.endpoint,
        "minio_access_key": server.access_key,
        "minio_secret_key": server.secret_key,
        "minio_bucket_raw": f"doctor-raw-{name}",
        "minio_bucket_archive": f"doctor-archive-{name}",
    }


@pytest.fixture(params=["sqlite and folder", "mariadb and s3", "mysql and folder"])
def stores(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the settings of one pair of stores, both empty."""
    warehouse, _, lake = request.param.partition(" and ")
    settings = {} if lake == "folder" else s3_settings(request.getfixturevalue("s3_server"))
    if warehouse != "sqlite":
        server = request.getfixturevalue(f"{warehouse}_server")
        settings |= mysql_settings(server, request.getfixturevalue(f"{warehouse}_database"))
    return settings


@pytest.fixture
def begun(tmp_path: Path, simulator: Simulator) -> Iterator[App]:
    """Give an application on SQLite and a folder that has run a cycle."""
    app = make_app(tmp_path, simulator)
    collect(app)
    simulator.clear_requests()
    yield app
    app.warehouse.close()


def collect(app: App) -> None:
    app.starter.prepare()
    try:
        run_cycle(app.extraction, app.transform, app.clock, wait_s=None)
    finally:
        app.extraction.close()


def examine(app: App) -> Report:
    """Run the doctor within its time; nothing it says may be without advice or with a secret."""
    started = time.monotonic()
    report = app.doctor.examine()
    assert time.monotonic() - started < 15
    assert list(report) == AREAS
    told = to_text(doctor_view(report)) + json.dumps(doctor_json(report))
    assert SECRET not in told
    for found in report.values():
        assert all(finding.advice for finding in found if finding.verdict is not Verdict.OK)
    return report


def find(report: Report, area: str, check: str) -> Finding:
    (finding,) = [one for one in report[area] if one.check == check]
    return finding


def ill(report: Report) -> set[tuple[str, str]]:
    """Return area and check of all that is a problem."""
    return {
        (area, one.check) for area, found in report.items() for one in found if one.verdict is Verdict.PROBLEM
    }


def unused_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


# --- healthy, and not yet begun ---


def test_a_running_pipeline_is_well_and_the_doctor_leaves_no_trace(
    tmp_path: Path, simulator: Simulator, stores: dict[str, Any]
) -> None:
    app = make_app(tmp_path, simulator, **stores)
    collect(app)
    keys = [stat.key for bucket in Bucket for stat in app.lake.list_keys(bucket)]

    report = examine(app)

    assert ill(report) == set()
    checks = {one.check for one in report["warehouse"]}
    assert {"version", "driver", "writable", "clock", "schema", "pool"} <= checks
    if app.warehouse.is_mysql:
        assert {"bulk load", "local_infile", "binary log", "max_allowed_packet"} <= checks
    else:
        assert {"journal_mode", "auto_vacuum"} <= checks
    assert find(report, "exchange", "region").verdict is Verdict.OK
    assert find(report, "data", "series").numbers == {"tracked": 2, "behind": 0}
    assert find(report, "growth", "rows a day").numbers["candles"] == 2 * 1_440
    assert find(report, "growth", "rows a day").numbers["levels"] == 2 * 1_440 * 40
    assert [stat.key for bucket in Bucket for stat in app.lake.list_keys(bucket)] == keys
    with app.warehouse.read() as connection:
        assert set(inspect(connection).get_table_names()) == set(metadata.tables)
        assert connection.execute(select(func.count()).select_from(exchange_budget)).scalar() == 1
    app.warehouse.close()


def test_before_the_first_start_it_says_so_and_makes_nothing(
    tmp_path: Path, simulator: Simulator, stores: dict[str, Any]
) -> None:
    app = make_app(tmp_path, simulator, **stores)
    report = examine(app)
    assert is_healthy(report)
    assert "nothing has been started here" in find(report, "warehouse", "begun").found
    assert "nothing has been collected yet" in find(report, "lake", "buckets").found
    assert find(report, "exchange", "region").verdict is Verdict.OK
    assert "nothing is tracked yet" in find(report, "data", "series").found
    assert find(report, "growth", "rows a day").numbers["candles"] == 2 * 1_440
    assert list(tmp_path.iterdir()) == []
    assert app.lake.missing_buckets() == list(Bucket)


def test_a_database_that_does_not_exist_is_not_made(
    tmp_path: Path, simulator: Simulator, database_server: DatabaseServer
) -> None:
    name = f"candlehouse_{uuid.uuid4().hex[:12]}"
    report = examine(make_app(tmp_path, simulator, **mysql_settings(database_server, name)))
    assert is_healthy(report)
    assert "is the name right?" in find(report, "warehouse", "begun").advice
    checks = {one.check for one in report["warehouse"]}
    assert {"version", "local_infile", "clock"} <= checks
    with closing(database_server.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SHOW DATABASES LIKE %s", [name])
        assert cursor.fetchall() == []


@pytest.mark.parametrize("engine", ["sqlite", "mariadb", "mysql"])
def test_an_empty_database_is_looked_at_before_the_first_start(
    tmp_path: Path, simulator: Simulator, engine: str, request: pytest.FixtureRequest
) -> None:
    settings = {}
    if engine == "sqlite":
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "warehouse.db").touch()
    else:
        server = request.getfixturevalue(f"{engine}_server")
        settings = mysql_settings(server, request.getfixturevalue(f"{engine}_database"))
    app = make_app(tmp_path, simulator, **settings)
    report = examine(app)
    assert is_healthy(report)
    assert "no tables yet" in find(report, "warehouse", "begun").found
    needed = {"version", "writable", "clock"} | ({"local_infile", "bulk load"} if settings else set())
    assert needed <= {one.check for one in report["warehouse"]}
    with app.warehouse.read() as connection:
        assert inspect(connection).get_table_names() == []
    app.warehouse.close()


def test_a_user_who_may_make_no_table_is_told_before_the_first_start(
    tmp_path: Path, simulator: Simulator, mariadb_server: DatabaseServer, mariadb_database: str
) -> None:
    reader = f"reader_{uuid.uuid4().hex[:8]}"
    with closing(mariadb_server.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(f"CREATE USER '{reader}'@'%' IDENTIFIED BY '{SECRET}'")
        cursor.execute(f"GRANT SELECT ON {mariadb_database}.* TO '{reader}'@'%'")
        try:
            settings = mysql_settings(mariadb_server, mariadb_database)
            settings |= {"mysql_user": reader, "mysql_password": SECRET}
            report = examine(make_app(tmp_path, simulator, **settings))
        finally:
            cursor.execute(f"DROP USER '{reader}'@'%'")
    assert ("warehouse", "writable") in ill(report)
    assert "denied" in find(report, "warehouse", "writable").found


# --- stores that are ill ---


def test_a_lake_that_is_down_hides_nothing_else(tmp_path: Path, simulator: Simulator) -> None:
    lake = {
        "minio_endpoint": f"127.0.0.1:{unused_port()}",
        "minio_access_key": "a",
        "minio_secret_key": SECRET,
    }
    report = examine(make_app(tmp_path, simulator, **lake))
    assert ill(report) == {("lake", "reachable")}
    assert "cannot be reached" in find(report, "lake", "reachable").found


def test_a_warehouse_that_is_down_leaves_the_exchange_unasked(tmp_path: Path, simulator: Simulator) -> None:
    down = DatabaseServer("127.0.0.1", unused_port(), "candle", SECRET)
    report = examine(make_app(tmp_path, simulator, **mysql_settings(down, "candlehouse")))
    assert ill(report) == {("warehouse", "reachable")}
    assert find(report, "exchange", "budget").verdict is Verdict.WARNING
    assert "takes connections" in find(report, "exchange", "reachable").found
    assert simulator.requests == [], "this address may be banned, and nobody can know"
    assert find(report, "data", "series").verdict is Verdict.WARNING
    assert "cannot be read" in find(report, "growth", "basis").found


def test_a_warehouse_that_never_answers_is_not_waited_for(tmp_path: Path, simulator: Simulator) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hung = DatabaseServer("127.0.0.1", silent.getsockname()[1], "candle", SECRET)
        report = examine(make_app(tmp_path, simulator, **mysql_settings(hung, "candlehouse")))
    assert ill(report) == {("warehouse", "reachable")}
    assert find(report, "disk", "room").numbers["free_bytes"]


def test_wrong_keys_are_told_without_showing_them(
    tmp_path: Path, simulator: Simulator, mariadb_server: DatabaseServer, s3_server: S3Server
) -> None:
    wrong = {
        **mysql_settings(mariadb_server, "candlehouse"),
        **s3_settings(s3_server),
        "mysql_password": SECRET,
        "minio_secret_key": SECRET,
        "binance_base_url": simulator.base_url.replace("//", f"//user:{SECRET}@"),
    }
    report = examine(make_app(tmp_path, simulator, **wrong))
    assert ill(report) == {("lake", "reachable"), ("warehouse", "reachable")}
    assert "MYSQL_PASSWORD" in find(report, "warehouse", "reachable").found
    assert "MINIO_SECRET_KEY" in find(report, "lake", "reachable").found


@pytest.mark.usefixtures("mariadb_server")  # skips where there is none
def test_a_server_without_local_infile_is_told_twice(tmp_path: Path, simulator: Simulator) -> None:
    with without_local_infile("mariadb", tmp_path) as server:
        app = make_app(tmp_path, simulator, **mysql_settings(server, "refusing"))
        app.starter.prepare()
        app.warehouse.close()
        assert ill(examine(app)) == {("warehouse", "local_infile"), ("warehouse", "bulk load")}


def test_a_lake_whose_disk_is_not_mounted_is_a_problem(begun: App) -> None:
    root = begun.settings.data_dir / "data_lake"
    root.rename(root.with_name("elsewhere"))
    report = examine(begun)
    assert ("lake", "buckets") in ill(report)
    assert "mounted" in find(report, "lake", "buckets").advice
    assert not root.exists()


def test_a_lake_that_was_moved_away_is_a_problem(begun: App) -> None:
    place = "http://127.0.0.1:9, buckets raw and archive"
    begun.warehouse.run(lambda connection: save_home(connection, LakeHome(S3, place)))
    report = examine(begun)
    assert ill(report) == {("lake", "home")}
    assert f"the lake was moved to {place}: set MINIO_ENDPOINT" in find(report, "lake", "home").found


def test_an_empty_lake_is_a_problem_when_the_catalog_knows_objects(begun: App) -> None:
    root = begun.settings.data_dir / "data_lake"
    root.rename(root.with_name("elsewhere"))
    begun.lake.ensure_buckets()
    report = examine(begun)
    assert ill(report) == {("lake", "home")}
    assert "newest objects of the catalog is there" in find(report, "lake", "home").found


def test_a_file_that_is_no_database_is_a_problem(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "warehouse.db").write_bytes(b"no database at all" * 100)
    report = examine(make_app(tmp_path, simulator))
    assert ("warehouse", "reachable") in ill(report)


@pytest.mark.parametrize(("version", "verdict"), [(0, "warning"), (9_999, "problem")])
def test_a_schema_of_another_program_is_told(begun: App, version: int, verdict: str) -> None:
    with begun.warehouse.write() as connection:
        connection.execute(schema_migrations.delete())
        connection.execute(schema_migrations.insert().values(version=version, name="other"))
    assert find(examine(begun), "warehouse", "schema").verdict == verdict


def test_a_spool_that_waits_is_told(begun: App) -> None:
    folder = begun.settings.data_dir / "spool" / "raw" / "2026-01-09"
    folder.mkdir(parents=True)
    (folder / "BTCUSDT_depth_1767968400123.json").write_bytes(b"{}")
    assert find(examine(begun), "lake", "spool").numbers == {"snapshots": 1}


def test_a_long_write_of_another_process_is_no_illness(begun: App) -> None:
    with begun.warehouse.write():  # SQLite has one writer at a time
        report = examine(begun)
    assert is_healthy(report)
    assert "locked" in find(report, "warehouse", "writable").found
    assert find(report, "data", "series").verdict is Verdict.OK


# --- exchange ---


def test_during_a_block_the_exchange_is_not_asked(begun: App, simulator: Simulator) -> None:
    until_ms = begun.clock.now_ms() + HOUR_MS

    def block(connection: Any) -> None:
        lock_budget(connection, "binance", "default")
        row = BudgetRow(blocked_until_ms=until_ms, block_reason="418, address banned")
        save_budget(connection, "binance", "default", row)

    begun.warehouse.run(block)
    report = examine(begun)
    assert ill(report) == {("exchange", "block")}
    assert simulator.requests == []


def test_a_refused_region_is_told_with_the_way_out(begun: App, simulator: Simulator) -> None:
    simulator.add_fault("451")
    report = examine(begun)
    assert ill(report) == {("exchange", "region")}
    assert "data-api.binance.vision" in find(report, "exchange", "region").found


def test_a_proxy_that_cannot_be_used_is_no_matter_of_the_region(
    begun: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    report = examine(begun)
    assert ill(report) == {("exchange", "address")}
    assert "PySocks" in find(report, "exchange", "address").found


def test_a_failing_exchange_is_asked_once_and_not_waited_for(begun: App, simulator: Simulator) -> None:
    simulator.add_fault("5xx:status=503")
    report = examine(begun)
    assert ill(report) == {("exchange", "reachable")}
    assert len(simulator.requests) == 1


def test_another_address_that_stands_in_makes_it_a_warning(tmp_path: Path, simulator: Simulator) -> None:
    hosts = f"http://127.0.0.1:{unused_port()},{simulator.base_url}"
    report = examine(make_app(tmp_path, simulator, binance_base_url=hosts))
    assert is_healthy(report)
    assert find(report, "exchange", "reachable").verdict is Verdict.WARNING


def test_a_budget_used_up_is_not_waited_for(begun: App, simulator: Simulator) -> None:
    def use_up(connection: Any) -> None:
        row = lock_budget(connection, "binance", "default")
        now_ms = begun.clock.now_ms()
        full = BudgetRow(now_ms - now_ms % MINUTE_MS + MINUTE_MS, row.weight_limit or 6_000, row.weight_limit)
        save_budget(connection, "binance", "default", full)

    begun.warehouse.run(use_up)
    report = examine(begun)
    assert is_healthy(report)
    assert "used up" in find(report, "exchange", "reachable").found
    assert simulator.requests == []


def test_a_clock_that_is_wrong_is_told_with_its_offset(tmp_path: Path) -> None:
    start_at_ms = SystemClock().now_ms() + DAY_MS
    with Simulator(SimulatorConfig(start_at_ms=start_at_ms)).serve_in_thread() as ahead:
        clock = find(examine(make_app(tmp_path, ahead)), "exchange", "clock")
    assert clock.verdict is Verdict.WARNING
    assert clock.numbers["offset_ms"] == pytest.approx(DAY_MS, abs=5_000)
    assert "NTP" in clock.advice


# --- data ---


def set_back(app: App, symbols: list[str], by_ms: int) -> None:
    at_ms = Interval.M1.floor(app.clock.now_ms()) - by_ms
    with app.warehouse.write() as connection:
        for table, column in ((series, "last_open_time"), (extraction_metadata, "last_fetch_time")):
            connection.execute(table.update().where(table.c.symbol.in_(symbols)).values({column: at_ms}))


@pytest.mark.parametrize(
    ("symbols", "by_ms", "verdict", "advice"),
    [
        (["BTCUSDT", "ETHUSDT"], 30 * MINUTE_MS, "warning", "does ./candlehouse up run?"),
        (["BTCUSDT", "ETHUSDT"], 2 * HOUR_MS, "problem", "does ./candlehouse up run?"),
        (["ETHUSDT"], 2 * HOUR_MS, "problem", "others are not"),
    ],
)
def test_series_far_behind_are_named(
    begun: App, symbols: list[str], by_ms: int, verdict: str, advice: str
) -> None:
    set_back(begun, symbols, by_ms)
    report = examine(begun)
    for check in ("series", "depth"):
        finding = find(report, "data", check)
        assert finding.verdict == verdict
        assert finding.numbers["behind"] == len(symbols)
        assert all(symbol in finding.found for symbol in symbols)
        assert advice in finding.advice


def test_a_symbol_that_no_longer_trades_is_not_behind(begun: App) -> None:
    with begun.warehouse.write() as connection:
        symbols = metadata.tables["symbols"]
        connection.execute(symbols.update().where(symbols.c.symbol == "ETHUSDT").values(status="BREAK"))
    set_back(begun, ["ETHUSDT"], 2 * DAY_MS)
    report = examine(begun)
    assert is_healthy(report)
    assert find(report, "data", "series").numbers == {"tracked": 1, "behind": 0}
    halted = find(report, "data", "halted")
    assert halted.verdict is Verdict.WARNING
    assert "does not trade ETHUSDT (BREAK)" in halted.found
    assert "./candlehouse symbols remove ETHUSDT" in halted.advice


def test_a_symbol_that_was_delisted_since_is_told_by_the_exchange_itself(
    begun: App, simulator: Simulator
) -> None:
    simulator.change_market("delisting:symbol=ETHUSDT,from=-1h")
    report = examine(begun)
    assert is_healthy(report)
    assert "does not trade ETHUSDT (BREAK)" in find(report, "exchange", "halted").found


def test_a_symbol_that_the_exchange_does_not_know_is_told(begun: App) -> None:
    begun.warehouse.run(
        lambda connection: set_tracked(
            connection, [SeriesKey("binance", "GONEUSDT", Interval.M1)], tracked=True
        )
    )
    halted = find(examine(begun), "exchange", "halted")
    assert "GONEUSDT (no such symbol)" in halted.found
    assert "symbols remove GONEUSDT" in halted.advice


def test_what_waits_and_what_cannot_be_loaded_is_counted(begun: App) -> None:
    with begun.warehouse.write() as connection:
        keys = list(connection.scalars(select(lake_objects.c.id).order_by(lake_objects.c.id)))
        bad = {"state": "quarantined", "error": "row 3: high below low"}
        connection.execute(lake_objects.update().where(lake_objects.c.id == keys[0]).values(bad))
        waiting = {"state": "landed", "landed_at": begun.clock.now_ms() - HOUR_MS}
        connection.execute(lake_objects.update().where(lake_objects.c.id == keys[1]).values(waiting))
        row = {"exchange": "binance", "symbol": "BTCUSDT", "interval_code": "1m", "row_index": 3}
        told = {"object_id": keys[0], "reason": "price is negative", "raw": "[]"}
        connection.execute(quarantined_rows.insert().values({**row, **told}))
    report = examine(begun)
    assert is_healthy(report)
    assert find(report, "data", "waiting").numbers == {"waiting": 1}
    assert "row 3: high below low" in find(report, "data", "bad objects").found
    assert "price is negative" in find(report, "data", "bad rows").found
    assert {find(report, "data", c).verdict for c in ("waiting", "bad objects", "bad rows")} == {"warning"}


# --- the command ---


def run_command(monkeypatch: pytest.MonkeyPatch, folder: Path, base_url: str, *options: str) -> Any:
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("BINANCE_BASE_URL", base_url)
    monkeypatch.setattr("src.logs.configure_logging", lambda _: None)
    return CliRunner().invoke(main, ["doctor", *options])


def test_the_command_ends_with_0_when_well(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_command(monkeypatch, tmp_path, simulator.base_url)
    assert result.exit_code == 0
    assert "nothing has been started here" in result.output
    assert "\x1b" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_ends_with_1_when_ill_and_says_it_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_command(monkeypatch, tmp_path, f"http://127.0.0.1:{unused_port()}", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["healthy"] is False
    (wrong,) = [one for one in told["findings"] if one["verdict"] == "problem"]
    assert (wrong["area"], wrong["check"]) == ("exchange", "reachable")
    assert wrong["advice"]
