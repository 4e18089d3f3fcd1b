-- The schema as version 1 had it, frozen: what migrations start from.

CREATE TABLE daily_klines (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    date TEXT NOT NULL,
    open_price TEXT COLLATE decimal NOT NULL,
    high_price TEXT COLLATE decimal NOT NULL,
    low_price TEXT COLLATE decimal NOT NULL,
    close_price TEXT COLLATE decimal NOT NULL,
    volume TEXT COLLATE decimal NOT NULL,
    quote_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_quote_volume TEXT COLLATE decimal NOT NULL,
    trade_count BIGINT DEFAULT 0 NOT NULL,
    candle_count INTEGER NOT NULL,
    sealed_at TEXT,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (exchange, symbol, date)
)
 WITHOUT ROWID;

CREATE TABLE exchange_budget (
    exchange VARCHAR(16) NOT NULL,
    egress VARCHAR(64) NOT NULL,
    minute_start TEXT,
    used_weight BIGINT DEFAULT 0 NOT NULL,
    weight_limit INTEGER,
    blocked_until TEXT,
    block_reason VARCHAR(64),
    breaker_state VARCHAR(12) DEFAULT 'closed' NOT NULL,
    breaker_failures INTEGER DEFAULT 0 NOT NULL,
    breaker_opened_at TEXT,
    PRIMARY KEY (exchange, egress)
)
 WITHOUT ROWID;

CREATE TABLE extraction_metadata (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    data_type VARCHAR(8) NOT NULL,
    interval_code VARCHAR(4) DEFAULT '' NOT NULL,
    last_fetch_time TEXT,
    last_open_time TEXT,
    record_count BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (exchange, symbol, data_type, interval_code)
)
 WITHOUT ROWID;

CREATE TABLE fact_klines (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    interval_code VARCHAR(4) NOT NULL,
    open_time TEXT NOT NULL,
    open_price TEXT COLLATE decimal NOT NULL,
    high_price TEXT COLLATE decimal NOT NULL,
    low_price TEXT COLLATE decimal NOT NULL,
    close_price TEXT COLLATE decimal NOT NULL,
    volume TEXT COLLATE decimal NOT NULL,
    close_time TEXT NOT NULL,
    quote_volume TEXT COLLATE decimal NOT NULL,
    trade_count BIGINT NOT NULL,
    taker_buy_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_quote_volume TEXT COLLATE decimal NOT NULL,
    object_id BIGINT NOT NULL,
    captured_at TEXT NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (exchange, symbol, interval_code, open_time)
)
 WITHOUT ROWID;

CREATE TABLE fact_klines_coarse (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    interval_code VARCHAR(4) NOT NULL,
    open_time TEXT NOT NULL,
    open_price TEXT COLLATE decimal NOT NULL,
    high_price TEXT COLLATE decimal NOT NULL,
    low_price TEXT COLLATE decimal NOT NULL,
    close_price TEXT COLLATE decimal NOT NULL,
    volume TEXT COLLATE decimal NOT NULL,
    close_time TEXT NOT NULL,
    quote_volume TEXT COLLATE decimal NOT NULL,
    trade_count BIGINT NOT NULL,
    taker_buy_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_quote_volume TEXT COLLATE decimal NOT NULL,
    object_id BIGINT NOT NULL,
    captured_at TEXT NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (exchange, symbol, interval_code, open_time)
)
 WITHOUT ROWID;

CREATE TABLE fact_orderbook (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    captured_at TEXT NOT NULL,
    side VARCHAR(3) NOT NULL,
    price TEXT COLLATE decimal NOT NULL,
    quantity TEXT COLLATE decimal NOT NULL,
    object_id BIGINT NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (exchange, symbol, captured_at, side, price)
)
 WITHOUT ROWID;

CREATE TABLE hourly_klines (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    hour_start TEXT NOT NULL,
    open_price TEXT COLLATE decimal NOT NULL,
    high_price TEXT COLLATE decimal NOT NULL,
    low_price TEXT COLLATE decimal NOT NULL,
    close_price TEXT COLLATE decimal NOT NULL,
    volume TEXT COLLATE decimal NOT NULL,
    quote_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_quote_volume TEXT COLLATE decimal NOT NULL,
    trade_count BIGINT DEFAULT 0 NOT NULL,
    candle_count INTEGER NOT NULL,
    sealed_at TEXT,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (exchange, symbol, hour_start)
)
 WITHOUT ROWID;

CREATE TABLE lake_objects (
    id INTEGER NOT NULL,
    object_key VARCHAR(160) NOT NULL,
    bucket VARCHAR(8) DEFAULT 'raw' NOT NULL,
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    data_type VARCHAR(8) NOT NULL,
    interval_code VARCHAR(4) DEFAULT '' NOT NULL,
    captured_at TEXT NOT NULL,
    exchange_time TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    state VARCHAR(12) DEFAULT 'landed' NOT NULL,
    lane VARCHAR(8) DEFAULT 'live' NOT NULL,
    first_open_time TEXT,
    last_open_time TEXT,
    record_count INTEGER,
    landed_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    loaded_at TEXT,
    error TEXT,
    PRIMARY KEY (id),
    CONSTRAINT uq_lake_objects_key UNIQUE (object_key)
);

CREATE INDEX ix_lake_objects_series ON lake_objects (exchange, symbol, interval_code, first_open_time);

CREATE INDEX ix_lake_objects_waiting ON lake_objects (state, lane, captured_at);

CREATE TABLE latest (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    interval_code VARCHAR(4) NOT NULL,
    open_time TEXT NOT NULL,
    open_price TEXT COLLATE decimal NOT NULL,
    high_price TEXT COLLATE decimal NOT NULL,
    low_price TEXT COLLATE decimal NOT NULL,
    close_price TEXT COLLATE decimal NOT NULL,
    volume TEXT COLLATE decimal NOT NULL,
    close_time TEXT NOT NULL,
    quote_volume TEXT COLLATE decimal NOT NULL,
    trade_count BIGINT NOT NULL,
    taker_buy_volume TEXT COLLATE decimal NOT NULL,
    taker_buy_quote_volume TEXT COLLATE decimal NOT NULL,
    exchange_time TEXT NOT NULL,
    PRIMARY KEY (exchange, symbol, interval_code)
)
 WITHOUT ROWID;

CREATE TABLE schema_migrations (
    version INTEGER NOT NULL,
    name VARCHAR(64) NOT NULL,
    applied_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (version)
);

CREATE TABLE series (
    id INTEGER NOT NULL,
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    interval_code VARCHAR(4) NOT NULL,
    tracked BOOLEAN DEFAULT 1 NOT NULL,
    tier VARCHAR(8) DEFAULT 'TIER4' NOT NULL,
    wanted_from TEXT,
    keep_days INTEGER,
    record_count BIGINT DEFAULT 0 NOT NULL,
    first_open_time TEXT,
    last_open_time TEXT,
    load_version BIGINT DEFAULT 0 NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT uq_series UNIQUE (exchange, symbol, interval_code)
);

CREATE TABLE symbols (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    status VARCHAR(24) NOT NULL,
    base_asset VARCHAR(24) NOT NULL,
    quote_asset VARCHAR(24) NOT NULL,
    tick_size TEXT COLLATE decimal,
    step_size TEXT COLLATE decimal,
    listed_at TEXT,
    delisted_at TEXT,
    enabled BOOLEAN DEFAULT 1 NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (exchange, symbol)
)
 WITHOUT ROWID;
