-- The schema as version 1 had it, frozen: what migrations start from.

CREATE TABLE schema_migrations (
    version    INT NOT NULL,
    name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    applied_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (version)
) ENGINE = InnoDB;

CREATE TABLE symbols (
    exchange    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status      VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    base_asset  VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quote_asset VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tick_size   DECIMAL(20, 8),
    step_size   DECIMAL(30, 8),
    listed_at   DATETIME(3),
    delisted_at DATETIME(3),
    enabled     BOOLEAN NOT NULL DEFAULT 1,
    updated_at  DATETIME(3) NOT NULL,
    PRIMARY KEY (exchange, symbol)
) ENGINE = InnoDB;

CREATE TABLE series (
    id              BIGINT NOT NULL AUTO_INCREMENT,
    exchange        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code   VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tracked         BOOLEAN NOT NULL DEFAULT 1,
    tier            VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'TIER4',
    wanted_from     DATETIME(3),
    keep_days       INT,
    record_count    BIGINT NOT NULL DEFAULT 0,
    first_open_time DATETIME(3),
    last_open_time  DATETIME(3),
    load_version    BIGINT NOT NULL DEFAULT 0,
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_series (exchange, symbol, interval_code)
) ENGINE = InnoDB;

CREATE TABLE extraction_metadata (
    exchange        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code   VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    last_fetch_time DATETIME(3),
    last_open_time  DATETIME(3),
    record_count    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (exchange, symbol, data_type, interval_code)
) ENGINE = InnoDB;

CREATE TABLE latest (
    exchange               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol                 VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code          VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_time              DATETIME(3) NOT NULL,
    open_price             DECIMAL(20, 8) NOT NULL,
    high_price             DECIMAL(20, 8) NOT NULL,
    low_price              DECIMAL(20, 8) NOT NULL,
    close_price            DECIMAL(20, 8) NOT NULL,
    volume                 DECIMAL(30, 8) NOT NULL,
    close_time             DATETIME(3) NOT NULL,
    quote_volume           DECIMAL(30, 8) NOT NULL,
    trade_count            BIGINT NOT NULL,
    taker_buy_volume       DECIMAL(30, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(30, 8) NOT NULL,
    exchange_time          DATETIME(3) NOT NULL,
    PRIMARY KEY (exchange, symbol, interval_code)
) ENGINE = InnoDB;

CREATE TABLE lake_objects (
    id              BIGINT NOT NULL AUTO_INCREMENT,
    object_key      VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bucket          VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'raw',
    exchange        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code   VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    captured_at     DATETIME(3) NOT NULL,
    exchange_time   DATETIME(3) NOT NULL,
    size_bytes      BIGINT NOT NULL,
    sha256          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state           VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'landed',
    lane            VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'live',
    first_open_time DATETIME(3),
    last_open_time  DATETIME(3),
    record_count    INT,
    landed_at       DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    loaded_at       DATETIME(3),
    error           TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    PRIMARY KEY (id),
    UNIQUE KEY uq_lake_objects_key (object_key),
    KEY ix_lake_objects_waiting (state, lane, captured_at),
    KEY ix_lake_objects_series (exchange, symbol, interval_code, first_open_time)
) ENGINE = InnoDB;

CREATE TABLE fact_klines (
    exchange               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol                 VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code          VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_time              DATETIME(3) NOT NULL,
    open_price             DECIMAL(20, 8) NOT NULL,
    high_price             DECIMAL(20, 8) NOT NULL,
    low_price              DECIMAL(20, 8) NOT NULL,
    close_price            DECIMAL(20, 8) NOT NULL,
    volume                 DECIMAL(30, 8) NOT NULL,
    close_time             DATETIME(3) NOT NULL,
    quote_volume           DECIMAL(30, 8) NOT NULL,
    trade_count            BIGINT NOT NULL,
    taker_buy_volume       DECIMAL(30, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(30, 8) NOT NULL,
    object_id              BIGINT NOT NULL,
    captured_at            DATETIME(3) NOT NULL,
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, interval_code, open_time)
) ENGINE = InnoDB
PARTITION BY RANGE COLUMNS (open_time) (
    PARTITION p_max VALUES LESS THAN (MAXVALUE)
);

CREATE TABLE fact_klines_coarse (
    exchange               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol                 VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code          VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_time              DATETIME(3) NOT NULL,
    open_price             DECIMAL(20, 8) NOT NULL,
    high_price             DECIMAL(20, 8) NOT NULL,
    low_price              DECIMAL(20, 8) NOT NULL,
    close_price            DECIMAL(20, 8) NOT NULL,
    volume                 DECIMAL(30, 8) NOT NULL,
    close_time             DATETIME(3) NOT NULL,
    quote_volume           DECIMAL(30, 8) NOT NULL,
    trade_count            BIGINT NOT NULL,
    taker_buy_volume       DECIMAL(30, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(30, 8) NOT NULL,
    object_id              BIGINT NOT NULL,
    captured_at            DATETIME(3) NOT NULL,
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, interval_code, open_time)
) ENGINE = InnoDB;

CREATE TABLE fact_orderbook (
    exchange    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    captured_at DATETIME(3) NOT NULL,
    side        VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    price       DECIMAL(20, 8) NOT NULL,
    quantity    DECIMAL(30, 8) NOT NULL,
    object_id   BIGINT NOT NULL,
    created_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, captured_at, side, price)
) ENGINE = InnoDB
PARTITION BY RANGE COLUMNS (captured_at) (
    PARTITION p_max VALUES LESS THAN (MAXVALUE)
);

CREATE TABLE hourly_klines (
    exchange               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol                 VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hour_start             DATETIME(3) NOT NULL,
    open_price             DECIMAL(20, 8) NOT NULL,
    high_price             DECIMAL(20, 8) NOT NULL,
    low_price              DECIMAL(20, 8) NOT NULL,
    close_price            DECIMAL(20, 8) NOT NULL,
    volume                 DECIMAL(38, 8) NOT NULL,
    quote_volume           DECIMAL(38, 8) NOT NULL,
    taker_buy_volume       DECIMAL(38, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(38, 8) NOT NULL,
    trade_count            BIGINT NOT NULL DEFAULT 0,
    candle_count           INT NOT NULL,
    sealed_at              DATETIME(3),
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, hour_start)
) ENGINE = InnoDB;

CREATE TABLE daily_klines (
    exchange               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol                 VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    date                   DATE NOT NULL,
    open_price             DECIMAL(20, 8) NOT NULL,
    high_price             DECIMAL(20, 8) NOT NULL,
    low_price              DECIMAL(20, 8) NOT NULL,
    close_price            DECIMAL(20, 8) NOT NULL,
    volume                 DECIMAL(38, 8) NOT NULL,
    quote_volume           DECIMAL(38, 8) NOT NULL,
    taker_buy_volume       DECIMAL(38, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(38, 8) NOT NULL,
    trade_count            BIGINT NOT NULL DEFAULT 0,
    candle_count           INT NOT NULL,
    sealed_at              DATETIME(3),
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, date)
) ENGINE = InnoDB;

CREATE TABLE exchange_budget (
    exchange          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    egress            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    minute_start      DATETIME(3),
    used_weight       BIGINT NOT NULL DEFAULT 0,
    weight_limit      INT,
    blocked_until     DATETIME(3),
    block_reason      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    breaker_state     VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'closed',
    breaker_failures  INT NOT NULL DEFAULT 0,
    breaker_opened_at DATETIME(3),
    PRIMARY KEY (exchange, egress)
) ENGINE = InnoDB;
