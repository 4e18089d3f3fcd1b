-- What is held, what is missing and why, and whether it is right.
-- The windows that are held of a series, as large as can be: two never touch.
CREATE TABLE coverage_ranges (
    series_id BIGINT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT NOT NULL,
    source VARCHAR(8) DEFAULT 'api' NOT NULL,
    record_count BIGINT DEFAULT 0 NOT NULL,
    verified_at TEXT,
    PRIMARY KEY (series_id, start_time)
) WITHOUT ROWID;
-- What is wanted and not held, and what is known about that.
CREATE TABLE gaps (
    id INTEGER NOT NULL,
    series_id BIGINT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT NOT NULL,
    missing BIGINT DEFAULT 0 NOT NULL,
    state VARCHAR(20) DEFAULT 'detected' NOT NULL,
    reason VARCHAR(24) DEFAULT 'not_fetched' NOT NULL,
    beyond_reach BIGINT DEFAULT 0 NOT NULL,
    file_hint TEXT,
    hint TEXT,
    detected_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    attempted_at TEXT,
    filled_at TEXT,
    ask_again_at TEXT,
    attempts INTEGER DEFAULT 0 NOT NULL,
    run_id BIGINT,
    error TEXT,
    evidence TEXT,
    PRIMARY KEY (id),
    CONSTRAINT uq_gaps UNIQUE (series_id, start_time)
);
CREATE INDEX ix_gaps_state ON gaps (state, ask_again_at);
-- What looks wrong in the data of a series and day, until somebody acknowledges it.
CREATE TABLE quality_findings (
    id INTEGER NOT NULL,
    series_id BIGINT NOT NULL,
    date TEXT NOT NULL,
    kind VARCHAR(24) NOT NULL,
    severity VARCHAR(8) NOT NULL,
    findings BIGINT DEFAULT 0 NOT NULL,
    detail TEXT NOT NULL,
    found_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by VARCHAR(64),
    PRIMARY KEY (id),
    CONSTRAINT uq_quality_findings UNIQUE (series_id, date, kind)
);
CREATE INDEX ix_quality_findings_open ON quality_findings (acknowledged_at, severity);
-- Earlier versions of candles that the exchange amended, as they were known until replaced_at.
CREATE TABLE restatements (
    series_id BIGINT NOT NULL,
    open_time TEXT NOT NULL,
    captured_at TEXT NOT NULL,
    object_id BIGINT NOT NULL,
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
    replaced_at TEXT NOT NULL,
    replaced_by BIGINT NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (series_id, open_time, captured_at, object_id)
) WITHOUT ROWID;
-- Whether a day of a series can be made again from the lake, when that was last tried.
CREATE TABLE verify_results (
    series_id BIGINT NOT NULL,
    date TEXT NOT NULL,
    state VARCHAR(20) NOT NULL,
    candles BIGINT DEFAULT 0 NOT NULL,
    digest VARCHAR(64),
    detail TEXT NOT NULL,
    verified_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (series_id, date)
) WITHOUT ROWID;
