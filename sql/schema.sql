-- The warehouse of Candlehouse, as MySQL and MariaDB have it: the truth for people to read.
--
-- The program makes the same tables from src/warehouse/tables.py (./candlehouse migrate, and at every start);
-- a test loads this file and compares the two to the last detail. The database itself is made with
--     CREATE DATABASE candlehouse CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- In SQLite the tables are the same; times and amounts are text of fixed form there.
--
-- What holds everywhere:
--   * Times are UTC, in DATETIME(3): MySQL would round 59.999 s up to the next minute in a plain DATETIME.
--   * Amounts are DECIMAL, never FLOAT: what the exchange sent as a decimal string comes back as that decimal.
--     Prices (20,8), volumes (30,8); in rollups volumes have (38,8), so that a sum of a day fits as well.
--   * Codes are ascii_bin, spelled out at each column: 1m (a minute) and 1M (a month) are not the same, and
--     keys stay short. Only text for people is utf8mb4.
--   * There are no foreign keys: MySQL allows none on partitioned tables, and one rule for all is simpler.
--   * At most one unique key a fact table, no triggers, no procedures, so that it runs on TiDB as well.

-- Which version this schema has: one row for what created it, one for each migration applied since.
CREATE TABLE schema_migrations (
    version    INT NOT NULL,
    name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    applied_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (version)
) ENGINE = InnoDB;

-- What the exchanges say of their symbols, overwritten whenever they are asked.
CREATE TABLE symbols (
    exchange    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- In the exchange's own words: TRADING, HALT, BREAK, ...
    status      VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    base_asset  VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quote_asset VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The smallest steps of price and quantity; NULL where the exchange sets none.
    tick_size   DECIMAL(20, 8),
    step_size   DECIMAL(30, 8),
    -- When trading began and ended, as far as that is known: outside of it nothing is missing.
    listed_at   DATETIME(3),
    delisted_at DATETIME(3),
    enabled     BOOLEAN NOT NULL DEFAULT 1,
    updated_at  DATETIME(3) NOT NULL,
    PRIMARY KEY (exchange, symbol)
) ENGINE = InnoDB;

-- The series: a symbol of an exchange at an interval, whether it is tracked, and what is held of it.
-- Its row is also the lock under which the facts and rollups of the series change.
CREATE TABLE series (
    id              BIGINT NOT NULL AUTO_INCREMENT,
    exchange        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code   VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Removing a symbol only sets this to 0; the data stay, and tracking it again goes on from the watermark.
    tracked         BOOLEAN NOT NULL DEFAULT 1,
    -- How much its completeness matters to its owner, TIER1 most.
    tier            VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'TIER4',
    -- Where the wanted history begins: set by the first fetch, lowered by backfills.
    wanted_from     DATETIME(3),
    -- For how many days its facts are kept, 0 for ever; NULL means as the settings say.
    keep_days       INT,
    -- Counted along by the loads, so that nothing has to scan facts to know them.
    record_count    BIGINT NOT NULL DEFAULT 0,
    first_open_time DATETIME(3),
    last_open_time  DATETIME(3),
    -- Grows with each load that changed a fact: what was computed at the same version is still true.
    load_version    BIGINT NOT NULL DEFAULT 0,
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    -- A series has one row, however many processes meet it first; also how it is looked up.
    UNIQUE KEY uq_series (exchange, symbol, interval_code)
) ENGINE = InnoDB;

-- The watermarks: how far each series is safely in the lake. They only move forward.
CREATE TABLE extraction_metadata (
    exchange        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- klines or depth.
    data_type       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Empty for depth, which has none; NULL is not allowed in a primary key.
    interval_code   VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    -- By our clock.
    last_fetch_time DATETIME(3),
    -- The watermark itself: open_time of the last closed candle that is durable in the lake.
    last_open_time  DATETIME(3),
    record_count    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (exchange, symbol, data_type, interval_code)
) ENGINE = InnoDB;

-- Per series the forming candle, overwritten each cycle: what cards and the last bar of a chart show.
-- Never a fact: it can still change.
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
    -- The exchange's time when it was asked: how old this picture is.
    exchange_time          DATETIME(3) NOT NULL,
    PRIMARY KEY (exchange, symbol, interval_code)
) ENGINE = InnoDB;

-- The catalog: one row per object of the lake, and how far it has come. What waits to be loaded is found
-- here; the bucket is never listed for it.
CREATE TABLE lake_objects (
    id              BIGINT NOT NULL AUTO_INCREMENT,
    object_key      VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Where it lies: raw or archive. That is not its state.
    bucket          VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'raw',
    exchange        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Empty for depth.
    interval_code   VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    -- Our clock at capture, as in the key. Of two objects with the same candle the newer capture wins.
    captured_at     DATETIME(3) NOT NULL,
    -- The least the exchange's clock can have shown when the request was sent: it decides what was closed.
    exchange_time   DATETIME(3) NOT NULL,
    size_bytes      BIGINT NOT NULL,
    -- Of the whole object: an object whose bytes changed is never loaded.
    sha256          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- landed, loaded, quarantined (error says why) or deleted.
    state           VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'landed',
    -- live is loaded before history, which always gets a share.
    lane            VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'live',
    -- Of its closed candles; NULL for depth and for what could not be read.
    first_open_time DATETIME(3),
    last_open_time  DATETIME(3),
    record_count    INT,
    landed_at       DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    loaded_at       DATETIME(3),
    -- Text for people, with whatever the object contained in it: the one column that is not ASCII.
    error           TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    -- The run that fetched it; NULL for what a cycle fetched.
    run_id          BIGINT,
    -- The code that loaded it last.
    code_version    VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin,
    -- The archive object its bytes lie in since its day was packed.
    pack_id         BIGINT,
    deleted_at      DATETIME(3),
    PRIMARY KEY (id),
    -- An object has one row, even if an extractor and whoever adopts leftovers of a crash record it at once.
    UNIQUE KEY uq_lake_objects_key (object_key),
    -- Finds what waits to be loaded without looking at what is loaded already.
    KEY ix_lake_objects_waiting (state, lane, captured_at),
    -- Finds the objects of a series that cover a window: lineage, replay, ageing.
    KEY ix_lake_objects_series (exchange, symbol, interval_code, first_open_time),
    -- Counts what of a run is loaded.
    KEY ix_lake_objects_run (run_id, state),
    -- Finds what is old enough to be archived or deleted.
    KEY ix_lake_objects_age (bucket, captured_at)
) ENGINE = InnoDB;

-- Facts: the closed candles of intervals under an hour, each once. They age out; rollups stay.
CREATE TABLE fact_klines (
    exchange               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol                 VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code          VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_time              DATETIME(3) NOT NULL,
    open_price             DECIMAL(20, 8) NOT NULL,
    high_price             DECIMAL(20, 8) NOT NULL,
    low_price              DECIMAL(20, 8) NOT NULL,
    close_price            DECIMAL(20, 8) NOT NULL,
    -- In the base asset, as are the other volumes that are not named quote.
    volume                 DECIMAL(30, 8) NOT NULL,
    -- As sent: an outage of the exchange cuts it short.
    close_time             DATETIME(3) NOT NULL,
    quote_volume           DECIMAL(30, 8) NOT NULL,
    trade_count            BIGINT NOT NULL,
    taker_buy_volume       DECIMAL(30, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(30, 8) NOT NULL,
    -- The object this candle came from, and when that was captured: the newest capture wins. The time is kept
    -- here as well because a catalog row may be gone by then.
    object_id              BIGINT NOT NULL,
    captured_at            DATETIME(3) NOT NULL,
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    -- The series first: every query names one, and then reads a window of it in order.
    PRIMARY KEY (exchange, symbol, interval_code, open_time)
) ENGINE = InnoDB
-- What ages out is dropped by partition, in milliseconds. The program splits this one ahead of need: weeks for
-- the recent 120 days, months before. Thousands of partitions would make loads several times slower.
PARTITION BY RANGE COLUMNS (open_time) (
    PARTITION p_max VALUES LESS THAN (MAXVALUE)
);

-- Facts: the closed candles of one hour and longer. Few, and kept, so not partitioned.
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

-- Facts: order-book snapshots, one row per level. They can never be fetched again.
CREATE TABLE fact_orderbook (
    exchange    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Our clock; with milliseconds, or two snapshots of one second would become one.
    captured_at DATETIME(3) NOT NULL,
    -- bid or ask.
    side        VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    price       DECIMAL(20, 8) NOT NULL,
    quantity    DECIMAL(30, 8) NOT NULL,
    object_id   BIGINT NOT NULL,
    created_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, captured_at, side, price)
) ENGINE = InnoDB
-- As fact_klines.
PARTITION BY RANGE COLUMNS (captured_at) (
    PARTITION p_max VALUES LESS THAN (MAXVALUE)
);

-- Rows of an object that could not be loaded while the others could: a price that cannot be stored, a high
-- below a low. Loading the object again replaces them.
CREATE TABLE quarantined_rows (
    id            BIGINT NOT NULL AUTO_INCREMENT,
    object_id     BIGINT NOT NULL,
    -- Its place in the exchange's answer, from nought.
    row_index     INT NOT NULL,
    exchange      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Text for people, and the row as it was sent: either may hold anything.
    reason        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    raw           TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    created_at    DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    -- A row is set aside once, and found by its object.
    UNIQUE KEY uq_quarantined_rows (object_id, row_index)
) ENGINE = InnoDB;

-- Rollups: hourly candles computed from minute facts. They stay when the minutes age out.
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
    -- The sum of the minutes' trades; how many minutes there were is candle_count, 60 when none is missing.
    trade_count            BIGINT NOT NULL DEFAULT 0,
    candle_count           INT NOT NULL,
    -- Since when its minutes may age out: from then on a remnant of them never replaces it. NULL while open.
    sealed_at              DATETIME(3),
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, hour_start)
) ENGINE = InnoDB;

-- Rollups: daily candles (UTC) computed from the hourly ones.
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
    -- Minutes, not hours: 1440 when none is missing.
    candle_count           INT NOT NULL,
    sealed_at              DATETIME(3),
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (exchange, symbol, date)
) ENGINE = InnoDB;

-- What all processes that call an exchange from one address share: the weight used this minute, and until
-- when nobody may call. A restart reads it and keeps to it.
CREATE TABLE exchange_budget (
    exchange          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Names the address the calls leave from (CANDLEHOUSE_EGRESS): limits are per address.
    egress            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The minute, by the exchange's clock, that used_weight counts; a new one starts from nought.
    minute_start      DATETIME(3),
    used_weight       BIGINT NOT NULL DEFAULT 0,
    -- What the exchange allows a minute; NULL until it was read.
    weight_limit      INT,
    -- By our clock. After a 429 or 418 nobody calls before this time.
    blocked_until     DATETIME(3),
    block_reason      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    -- The breaker: closed, open or half-open, and what led to it.
    breaker_state     VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'closed',
    breaker_failures  INT NOT NULL DEFAULT 0,
    breaker_opened_at DATETIME(3),
    -- What of used_weight went to repairs and to history; the rest was live.
    repair_weight     BIGINT NOT NULL DEFAULT 0,
    history_weight    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (exchange, egress)
) ENGINE = InnoDB;

-- What people changed of the jobs, which are registered in code; NULL stands for the code's own.
CREATE TABLE jobs (
    id          VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- e.g. every 60s, or cron: 0 3 * * *
    schedule    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    time_zone   VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'UTC',
    enabled     BOOLEAN NOT NULL DEFAULT 1,
    parameters  TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    -- Counts the changes, so that the daemon sees one.
    version     INT NOT NULL DEFAULT 0,
    next_run_at DATETIME(3),
    updated_at  DATETIME(3),
    updated_by  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    PRIMARY KEY (id)
) ENGINE = InnoDB;

-- Every piece of work, scheduled or asked for: one row a run, its whole story and how far it is.
CREATE TABLE runs (
    id                BIGINT NOT NULL AUTO_INCREMENT,
    -- The batch it belongs to.
    parent_id         BIGINT,
    job_id            VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin,
    kind              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lane              VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    parameters        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    -- schedule, manual or batch.
    origin            VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requested_by      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The series and window it is about, where it is about one.
    exchange          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    symbol            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin,
    interval_code     VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin,
    window_start      DATETIME(3),
    window_end        DATETIME(3),
    -- queued, running, paused, succeeded, partly_failed, failed or cancelled.
    state             VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'queued',
    -- What a running one was asked to do next: cancel or pause.
    wish              VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin,
    -- Moves on with each change of who may write for this run; an older one is refused.
    token             BIGINT NOT NULL DEFAULT 0,
    worker            VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    attempt           INT NOT NULL DEFAULT 0,
    -- Attempts since the last progress; the limit is on these.
    fruitless         INT NOT NULL DEFAULT 0,
    attempt_limit     INT NOT NULL DEFAULT 3,
    time_limit_s      INT,
    unit              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    done              BIGINT NOT NULL DEFAULT 0,
    total             BIGINT,
    batches_done      INT NOT NULL DEFAULT 0,
    batches_total     INT,
    current_series    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    current_open_time DATETIME(3),
    fetched           BIGINT NOT NULL DEFAULT 0,
    loaded            BIGINT NOT NULL DEFAULT 0,
    expected          BIGINT,
    rate              DOUBLE,
    time_left_ms      BIGINT,
    waiting_for       TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    -- JSON: the steps, the windows the exchange lacked, what came out, what went wrong.
    steps             TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    missing           TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    result            TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    error_kind        VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin,
    error             TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    traceback         TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    created_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    started_at        DATETIME(3),
    heartbeat_at      DATETIME(3),
    finished_at       DATETIME(3),
    PRIMARY KEY (id),
    -- Finds what is old enough to be pruned.
    KEY ix_runs_finished (finished_at),
    -- The history of a job, newest first.
    KEY ix_runs_job (job_id, id),
    -- The runs of a batch; those that belong to none, newest first.
    KEY ix_runs_parent (parent_id, id, state),
    -- Finds what is queued, by lane and age, and what is running.
    KEY ix_runs_state (state, lane, id)
) ENGINE = InnoDB;

-- The parts of a run that are finished: where it goes on after a pause or a crash.
CREATE TABLE run_chunks (
    run_id      BIGINT NOT NULL,
    start_time  DATETIME(3) NOT NULL,
    end_time    DATETIME(3) NOT NULL,
    state       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fetched     BIGINT NOT NULL DEFAULT 0,
    expected    BIGINT,
    -- JSON: the windows for which the exchange had nothing.
    missing     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    finished_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (run_id, start_time)
) ENGINE = InnoDB;

-- What happened to a run, for people to read.
CREATE TABLE run_events (
    id      BIGINT NOT NULL AUTO_INCREMENT,
    run_id  BIGINT NOT NULL,
    at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    kind    VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (id),
    -- The story of a run in order.
    KEY ix_run_events_run (run_id, id)
) ENGINE = InnoDB;

-- Who leads, by the database's own clock; each writing transaction checks the token.
CREATE TABLE leases (
    name        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    holder      VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Moves on with each new holder.
    token       BIGINT NOT NULL DEFAULT 0,
    acquired_at DATETIME(3) NOT NULL,
    expires_at  DATETIME(3) NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB;

-- Settings that people changed while it runs; the environment goes before them.
CREATE TABLE app_settings (
    name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    value      TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    updated_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB;

-- News for people; the same about the same subject is counted while it is unread.
CREATE TABLE notifications (
    id       BIGINT NOT NULL AUTO_INCREMENT,
    kind     VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- What it is about: a job, an exchange, a series.
    subject  VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    severity VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title    TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    body     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    run_id   BIGINT,
    times    INT NOT NULL DEFAULT 1,
    first_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    last_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    read_at  DATETIME(3),
    sent_at  DATETIME(3),
    PRIMARY KEY (id),
    -- Finds the unread one that the same news is counted in.
    KEY ix_notifications_subject (kind, subject, read_at)
) ENGINE = InnoDB;

-- The windows that are held of a series, as large as can be: two never touch.
CREATE TABLE coverage_ranges (
    series_id    BIGINT NOT NULL,
    start_time   DATETIME(3) NOT NULL,
    end_time     DATETIME(3) NOT NULL,
    -- api, archive, csv or mixed.
    source       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'api',
    record_count BIGINT NOT NULL DEFAULT 0,
    verified_at  DATETIME(3),
    PRIMARY KEY (series_id, start_time)
) ENGINE = InnoDB;

-- What is wanted and not held, and what is known about that.
CREATE TABLE gaps (
    id           BIGINT NOT NULL AUTO_INCREMENT,
    series_id    BIGINT NOT NULL,
    start_time   DATETIME(3) NOT NULL,
    end_time     DATETIME(3) NOT NULL,
    -- Candles, counted in slots.
    missing      BIGINT NOT NULL DEFAULT 0,
    -- detected, filling, filled, empty_at_exchange, unfillable or failed.
    state        VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'detected',
    -- not_fetched, outage, beyond_reach, quarantined or object_lost.
    reason       VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'not_fetched',
    -- How many candles it lies beyond what the exchange's API still gives.
    beyond_reach BIGINT NOT NULL DEFAULT 0,
    file_hint    TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    hint         TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    detected_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    attempted_at DATETIME(3),
    filled_at    DATETIME(3),
    -- When it is worth asking again; NULL for at once.
    ask_again_at DATETIME(3),
    attempts     INT NOT NULL DEFAULT 0,
    run_id       BIGINT,
    error        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    -- JSON: the answers that had nothing: key of the object, window, when asked for.
    evidence     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    PRIMARY KEY (id),
    -- One row a gap: it grows and shrinks in place.
    UNIQUE KEY uq_gaps (series_id, start_time),
    -- Finds what is to be asked for next.
    KEY ix_gaps_state (state, ask_again_at)
) ENGINE = InnoDB;

-- What looks wrong in the data of a series and day, until somebody acknowledges it.
CREATE TABLE quality_findings (
    id              BIGINT NOT NULL AUTO_INCREMENT,
    series_id       BIGINT NOT NULL,
    date            DATE NOT NULL,
    kind            VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    severity        VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    findings        BIGINT NOT NULL DEFAULT 0,
    detail          TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    found_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    acknowledged_at DATETIME(3),
    acknowledged_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    PRIMARY KEY (id),
    -- One row a kind, day and series.
    UNIQUE KEY uq_quality_findings (series_id, date, kind),
    -- Finds what nobody has acknowledged.
    KEY ix_quality_findings_open (acknowledged_at, severity)
) ENGINE = InnoDB;

-- Earlier versions of candles that the exchange amended, as they were known until replaced_at.
CREATE TABLE restatements (
    series_id              BIGINT NOT NULL,
    open_time              DATETIME(3) NOT NULL,
    captured_at            DATETIME(3) NOT NULL,
    object_id              BIGINT NOT NULL,
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
    -- The capture that replaced it.
    replaced_at            DATETIME(3) NOT NULL,
    replaced_by            BIGINT NOT NULL,
    created_at             DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (series_id, open_time, captured_at, object_id)
) ENGINE = InnoDB;

-- Whether a day of a series can be made again from the lake, when that was last tried.
CREATE TABLE verify_results (
    series_id   BIGINT NOT NULL,
    date        DATE NOT NULL,
    -- same, differs, object_changed, object_missing or deleted.
    state       VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    candles     BIGINT NOT NULL DEFAULT 0,
    digest      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    detail      TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    verified_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (series_id, date)
) ENGINE = InnoDB;

-- Objects of a closed day that were put together into one archive object; each comes back byte for byte.
CREATE TABLE lake_packs (
    id            BIGINT NOT NULL AUTO_INCREMENT,
    object_key    VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    exchange      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type     VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    date          DATE NOT NULL,
    objects       BIGINT NOT NULL DEFAULT 0,
    -- Of the pack itself; raw_bytes is what is in it.
    size_bytes    BIGINT NOT NULL,
    raw_bytes     BIGINT NOT NULL,
    sha256        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at    DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    deleted_at    DATETIME(3),
    PRIMARY KEY (id),
    -- A pack has one row, however often its making was begun.
    UNIQUE KEY uq_lake_packs_key (object_key),
    -- Finds what is old enough to be deleted.
    KEY ix_lake_packs_date (date)
) ENGINE = InnoDB;

-- What remains of the catalog's rows of a day once retention deleted the objects.
CREATE TABLE object_tombstones (
    exchange          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code     VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    -- Of the capture.
    date              DATE NOT NULL,
    objects           BIGINT NOT NULL DEFAULT 0,
    size_bytes        BIGINT NOT NULL DEFAULT 0,
    record_count      BIGINT NOT NULL DEFAULT 0,
    first_object_id   BIGINT NOT NULL,
    last_object_id    BIGINT NOT NULL,
    first_captured_at DATETIME(3) NOT NULL,
    last_captured_at  DATETIME(3) NOT NULL,
    first_open_time   DATETIME(3),
    last_open_time    DATETIME(3),
    -- Over the sha256 of all of them in the order of their ids, each folding on top of the digest before.
    digest            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    deleted_at        DATETIME(3) NOT NULL,
    PRIMARY KEY (exchange, symbol, data_type, interval_code, date)
) ENGINE = InnoDB;

-- The windows of a series whose facts have aged out, as large as can be: two never touch.
CREATE TABLE aged_ranges (
    series_id    BIGINT NOT NULL,
    start_time   DATETIME(3) NOT NULL,
    end_time     DATETIME(3) NOT NULL,
    -- Candles that went.
    record_count BIGINT NOT NULL DEFAULT 0,
    aged_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (series_id, start_time)
) ENGINE = InnoDB;

-- How full the disks were: what a forecast is made from.
CREATE TABLE disk_samples (
    -- lake or warehouse.
    place       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at          DATETIME(3) NOT NULL,
    -- What the place itself takes; NULL where nobody can say.
    used_bytes  BIGINT,
    objects     BIGINT,
    -- Of the disk it lies on; NULL where that is not this machine's.
    free_bytes  BIGINT,
    free_inodes BIGINT,
    PRIMARY KEY (place, at)
) ENGINE = InnoDB;

-- Tokens, and the sessions opened with them: what is stored is a hash, which opens nothing.
CREATE TABLE tokens (
    id           BIGINT NOT NULL AUTO_INCREMENT,
    name         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- token or session.
    kind         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'token',
    -- viewer or operator.
    role         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The token that a session was opened with: revoking that one ends it.
    parent_id    BIGINT,
    token_hash   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at   DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    created_by   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    expires_at   DATETIME(3),
    last_used_at DATETIME(3),
    revoked_at   DATETIME(3),
    PRIMARY KEY (id),
    -- How a token that is shown is looked up.
    UNIQUE KEY uq_tokens_hash (token_hash),
    -- Finds the sessions of a token.
    KEY ix_tokens_parent (parent_id)
) ENGINE = InnoDB;

-- Everything that changed something over HTTP, and what was refused.
CREATE TABLE audit_log (
    id     BIGINT NOT NULL AUTO_INCREMENT,
    at     DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    actor  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    role   VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin,
    remote VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    method VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    path   TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    status INT NOT NULL,
    detail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    PRIMARY KEY (id),
    -- Finds what is old enough to be pruned.
    KEY ix_audit_log_at (at)
) ENGINE = InnoDB;

-- For people and programs that read by SQL, and stable for them: every stored candle.
CREATE VIEW candles AS
SELECT exchange, symbol, interval_code, open_time, close_time,
       open_price, high_price, low_price, close_price,
       volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count
FROM fact_klines
UNION ALL
SELECT exchange, symbol, interval_code, open_time, close_time,
       open_price, high_price, low_price, close_price,
       volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count
FROM fact_klines_coarse;

-- Hours as a chart shows them: the rollup where it is complete, else the stored candle, else the rollup of what
-- there is. candle_count counts the minutes; NULL for a stored candle.
CREATE VIEW candles_1h AS
SELECT o.exchange, o.symbol, o.hour_start AS open_time,
       open_price, high_price, low_price, close_price,
       volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, o.candle_count
FROM hourly_klines o
WHERE o.candle_count >= 60
   OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c
    WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND c.interval_code = '1h' AND c.open_time = o.hour_start)
UNION ALL
SELECT c.exchange, c.symbol, c.open_time,
       open_price, high_price, low_price, close_price,
       volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, NULL
FROM fact_klines_coarse c
WHERE c.interval_code = '1h'
  AND NOT EXISTS (SELECT 1 FROM hourly_klines o
    WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND o.hour_start = c.open_time AND o.candle_count >= 60);

-- Days (UTC), as candles_1h.
CREATE VIEW candles_1d AS
SELECT o.exchange, o.symbol, CAST(o.date AS DATETIME(3)) AS open_time,
       open_price, high_price, low_price, close_price,
       volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, o.candle_count
FROM daily_klines o
WHERE o.candle_count >= 1440
   OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c
    WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND c.interval_code = '1d'
      AND c.open_time = CAST(o.date AS DATETIME(3)))
UNION ALL
SELECT c.exchange, c.symbol, c.open_time,
       open_price, high_price, low_price, close_price,
       volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, NULL
FROM fact_klines_coarse c
WHERE c.interval_code = '1d'
  AND NOT EXISTS (SELECT 1 FROM daily_klines o
    WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND o.date = DATE(c.open_time) AND o.candle_count >= 1440);

-- Order-book snapshots, one row per level.
CREATE VIEW order_book AS
SELECT exchange, symbol, captured_at, side, price, quantity
FROM fact_orderbook;
