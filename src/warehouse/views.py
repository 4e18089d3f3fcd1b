"""Views for people and programs that read the warehouse by SQL: they stay as they are while tables change.

Times are UTC. ``candles`` has every stored candle; ``candles_1h`` and ``candles_1d`` are what a chart shows:
the rollup where it is complete, else the stored candle, else the rollup of what there is.
"""

from __future__ import annotations

from sqlalchemy import Connection

_PRICES = "open_price, high_price, low_price, close_price"
_VOLUMES = "volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count"
_STORED = f"SELECT exchange, symbol, interval_code, open_time, close_time, {_PRICES}, {_VOLUMES} FROM"
_SNAPSHOTS = "SELECT exchange, symbol, captured_at, side, price, quantity FROM fact_orderbook"
# A day's start as a time, and the day of a time: SQLite keeps both as text.
_MIDNIGHT = {"mysql": "CAST({} AS DATETIME(3))", "sqlite": "({} || 'T00:00:00.000')"}
_DAY = {"mysql": "DATE({})", "sqlite": "substr({}, 1, 10)"}


def view_queries(dialect: str) -> dict[str, str]:
    """Return each view's query for ``mysql`` (MariaDB as well) or ``sqlite``."""
    midnight, day = _MIDNIGHT[dialect], _DAY[dialect]
    return {
        "candles": f"{_STORED} fact_klines UNION ALL {_STORED} fact_klines_coarse",
        "candles_1h": _rolled_up("hourly_klines", "o.hour_start", "{}", "{}", "1h", 60),
        "candles_1d": _rolled_up("daily_klines", "o.date", midnight, day, "1d", 1440),
        "order_book": _SNAPSHOTS,
    }


def _rolled_up(rollup: str, bucket: str, time_of: str, bucket_of: str, interval: str, full: int) -> str:
    """Return the query for complete rollups, stored candles where there is none, then other rollups.

    *bucket* is the rollup's time column; *time_of* makes a time of it, *bucket_of* the other way round.
    """
    same = "c.exchange = o.exchange AND c.symbol = o.symbol"
    starts = time_of.format(bucket)
    stored = f"{same} AND c.interval_code = '{interval}' AND c.open_time = {starts}"
    whole = f"{same} AND {bucket} = {bucket_of.format('c.open_time')} AND o.candle_count >= {full}"
    return (
        f"SELECT o.exchange, o.symbol, {starts} AS open_time, {_PRICES}, {_VOLUMES}, o.candle_count "
        f"FROM {rollup} o WHERE o.candle_count >= {full} "
        f"OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c WHERE {stored}) "
        f"UNION ALL SELECT c.exchange, c.symbol, c.open_time, {_PRICES}, {_VOLUMES}, NULL "
        f"FROM fact_klines_coarse c WHERE c.interval_code = '{interval}' "
        f"AND NOT EXISTS (SELECT 1 FROM {rollup} o WHERE {whole})"
    )


def create_views(connection: Connection) -> None:
    """Make the views that are not there; their tables are."""
    dialect = connection.dialect.name
    create = "CREATE OR REPLACE VIEW" if dialect == "mysql" else "CREATE VIEW IF NOT EXISTS"
    for name, query in view_queries(dialect).items():
        connection.exec_driver_sql(f"{create} {name} AS {query}")
