"""What the real servers refuse or lose, and what the operator is told about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select

from src.errors import ConfigurationError, WarehouseUnavailable
from src.warehouse.bulk import insert_rows
from src.warehouse.engine import Warehouse, create_database, open_warehouse
from src.warehouse.facts import RowChunk
from tests.faults.private_servers import without_local_infile
from tests.servers import DatabaseServer

NUMBERS = Table("numbers", MetaData(), Column("n", Integer, primary_key=True, autoincrement=False))


@pytest.fixture
def warehouse(database_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(database_url)
    NUMBERS.create(opened.engine)
    yield opened
    opened.close()


def numbers(warehouse: Warehouse) -> list[int]:
    with warehouse.read() as connection:
        return list(connection.scalars(select(NUMBERS.c.n)))


def execute(server: DatabaseServer, *statements: str) -> None:
    with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)


# --- LOAD DATA LOCAL ---


def load(warehouse: Warehouse, number: int) -> None:
    warehouse.run(
        lambda connection: insert_rows(connection, NUMBERS, ["n"], [RowChunk((), [str(number)], ())])
    )


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_server_that_refuses_files_is_named_with_the_statement_that_mends_it(
    name: Literal["mariadb", "mysql"], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(f"{name}_server")  # skips where there is no such server
    with without_local_infile(name, tmp_path) as server:
        create_database(server.url("refusing"))
        with closing(open_warehouse(server.url("refusing"))) as warehouse:
            NUMBERS.create(warehouse.engine)
            with pytest.raises(ConfigurationError, match=r"local_infile is off.*SET GLOBAL local_infile=1"):
                load(warehouse, 1)
            execute(server, "SET GLOBAL local_infile=1")
            load(warehouse, 2)
            assert numbers(warehouse) == [2]


# --- connections ---


def insert_and_be_cut_off(warehouse: Warehouse, server: DatabaseServer) -> None:
    with warehouse.write() as connection:
        connection.execute(NUMBERS.insert().values(n=1))
        session = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        execute(server, f"KILL {session}")


def test_connection_lost_before_its_commit_is_told_and_the_next_one_works(
    warehouse: Warehouse, database_server: DatabaseServer
) -> None:
    with pytest.raises(WarehouseUnavailable, match="check that the server runs"):
        insert_and_be_cut_off(warehouse, database_server)
    assert numbers(warehouse) == []


@pytest.fixture
def new_user(mysql_server: DatabaseServer) -> Iterator[DatabaseServer]:
    """Make a user whose password MySQL has not checked yet: one that it has may come without TLS, too."""
    execute(
        mysql_server,
        "DROP USER IF EXISTS newcomer@127.0.0.1",
        "CREATE USER newcomer@127.0.0.1 IDENTIFIED BY 'new'",
    )
    yield DatabaseServer(mysql_server.host, mysql_server.port, "newcomer", "new")
    execute(mysql_server, "DROP USER newcomer@127.0.0.1")


def test_password_that_may_not_come_without_tls_is_explained(new_user: DatabaseServer) -> None:
    warehouse = open_warehouse(f"{new_user.url('')}?ssl_disabled=true")
    with (
        pytest.raises(ConfigurationError, match=r"'newcomer' over TLS, .* give the server certificates"),
        warehouse.read(),
    ):
        pass
    warehouse.close()
