"""Temporary tables that rows lie in while they are compared with the facts.

They belong to one session. MySQL cannot copy a partitioned table's form into a temporary one, so the
columns are spelled out from ``tables``; creating and dropping them does not end the transaction.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.schema import CreateTable

from src.warehouse import dialects
from src.warehouse.facts import KLINE_COLUMNS
from src.warehouse.tables import fact_klines, fact_klines_coarse


def make_stage(connection: Connection, table: Table) -> Table:
    """Create an empty stage for rows of *table*; a leftover of this session is replaced."""
    stage = _STAGES[table.name]
    drop_stage(connection, stage)
    connection.execute(CreateTable(stage))
    return stage


def drop_stage(connection: Connection, stage: Table) -> None:
    """Drop the stage; on MySQL the word TEMPORARY keeps this from ending the transaction."""
    temporary = "TEMPORARY " if dialects.is_mysql(connection) else ""
    connection.exec_driver_sql(f"DROP {temporary}TABLE IF EXISTS {stage.name}")


def _define(table: Table) -> Table:
    keys = {column.name for column in table.primary_key}
    columns = [
        Column(name, table.c[name].type, primary_key=name in keys, nullable=False) for name in KLINE_COLUMNS
    ]
    return Table(f"stage_{table.name}", MetaData(), *columns, prefixes=["TEMPORARY"], mysql_engine="InnoDB")


_STAGES = {table.name: _define(table) for table in (fact_klines, fact_klines_coarse)}
