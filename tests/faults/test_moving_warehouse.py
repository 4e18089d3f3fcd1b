"""A warehouse on its way into MariaDB: the mover is killed in the middle, all is there in the end, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError

from src.domain import MINUTE_MS
from src.settings import ENV_FILE_VARIABLE, PROJECT_ROOT
from src.warehouse.digests import digest_table
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.schema import migrate
from src.warehouse.tables import fact_klines
from src.warehouse.types import sql_time
from tests.builders import DAY_START_MS
from tests.faults.harness import eventually

FACTS = 60_000


def test_killed_in_the_middle_the_next_run_completes_the_copy(tmp_path: Path, mariadb_url: str) -> None:
    source = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    migrate(source)
    fill_facts(source, FACTS)
    source.close()
    target = open_warehouse(mariadb_url)
    with start(tmp_path, mariadb_url) as process:
        eventually(lambda: count_facts(target) > 0 or process.poll() is not None, "first facts arrive")
        process.kill()
    assert 0 < count_facts(target) < FACTS
    with start(tmp_path, mariadb_url) as process:
        told, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "all compared and equal" in told
    with source.read() as ours, target.read() as theirs:
        assert digest_table(ours, fact_klines) == digest_table(theirs, fact_klines)
    assert count_facts(target) == FACTS
    source.close()
    target.close()


def fill_facts(warehouse: Warehouse, count: int) -> None:
    """Put minutes of one series into the facts, by SQL alone."""
    amounts = ", ".join(["'1.00000000'"] * 8)
    names = [column.name for column in fact_klines.columns]
    amount_names = [name for name in names if name.endswith(("price", "volume"))]
    others = {
        "exchange": "'binance'",
        "symbol": "'BTCUSDT'",
        "interval_code": "'1m'",
        "open_time": f"strftime('%Y-%m-%dT%H:%M:00.000', {DAY_START_MS // 1000} - n * {MINUTE_MS // 1000}, "
        "'unixepoch')",
        "close_time": f"'{sql_time(DAY_START_MS)}'",
        "captured_at": f"'{sql_time(DAY_START_MS)}'",
        "trade_count": "n",
        "object_id": "n",
    }
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    columns = ", ".join([*amount_names, *others])
    values = ", ".join([amounts, *others.values()])
    with warehouse.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO fact_klines ({columns}) {numbers} SELECT {values} FROM numbers"
        )


def start(folder: Path, url: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "CANDLEHOUSE_DATA_DIR": str(folder),
        "PYTHONPATH": str(PROJECT_ROOT),
        ENV_FILE_VARIABLE: os.devnull,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "src.cli", "migrate-warehouse", "--to", url],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def count_facts(warehouse: Warehouse) -> int:
    """Count what is there, as soon as there is a table."""
    try:
        with warehouse.read() as connection:
            return int(connection.execute(select(func.count()).select_from(fact_klines)).scalar_one())
    except ProgrammingError:  # the process that is watched has not made the table yet
        return 0
