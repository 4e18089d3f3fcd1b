-- What is held, what is missing and why, and whether it is right.
-- The windows that are held of a series, as large as can be: two never touch.
CREATE TABLE coverage_ranges (
    series_id BIGINT NOT NULL,
    start_time DATETIME(3) NOT NULL,
    end_time DATETIME(3) NOT NULL,
    source VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'api',
    record_count BIGINT NOT NULL DEFAULT 0,
    verified_at DATETIME(3),
    PRIMARY KEY (series_id, start_time)
) ENGINE = InnoDB;
-- What is wanted and not held, and what is known about that.
CREATE TABLE gaps (
    id BIGINT NOT NULL AUTO_INCREMENT,
    series_id BIGINT NOT NULL,
    start_time DATETIME(3) NOT NULL,
    end_time DATETIME(3) NOT NULL,
    missing BIGINT NOT NULL DEFAULT 0,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'detected',
    reason VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'not_fetched',
    beyond_reach BIGINT NOT NULL DEFAULT 0,
    file_hint TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    hint TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    detected_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    attempted_at DATETIME(3),
    filled_at DATETIME(3),
    ask_again_at DATETIME(3),
    attempts INT NOT NULL DEFAULT 0,
    run_id BIGINT,
    error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    evidence TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    PRIMARY KEY (id),
    CONSTRAINT uq_gaps UNIQUE (series_id, start_time)
) ENGINE = InnoDB;
CREATE INDEX ix_gaps_state ON gaps (state, ask_again_at);
-- What looks wrong in the data of a series and day, until somebody acknowledges it.
CREATE TABLE quality_findings (
    id BIGINT NOT NULL AUTO_INCREMENT,
    series_id BIGINT NOT NULL,
    date DATE NOT NULL,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    severity VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    findings BIGINT NOT NULL DEFAULT 0,
    detail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    found_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    acknowledged_at DATETIME(3),
    acknowledged_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    PRIMARY KEY (id),
    CONSTRAINT uq_quality_findings UNIQUE (series_id, date, kind)
) ENGINE = InnoDB;
CREATE INDEX ix_quality_findings_open ON quality_findings (acknowledged_at, severity);
-- Earlier versions of candles that the exchange amended, as they were known until replaced_at.
CREATE TABLE restatements (
    series_id BIGINT NOT NULL,
    open_time DATETIME(3) NOT NULL,
    captured_at DATETIME(3) NOT NULL,
    object_id BIGINT NOT NULL,
    open_price DECIMAL(20, 8) NOT NULL,
    high_price DECIMAL(20, 8) NOT NULL,
    low_price DECIMAL(20, 8) NOT NULL,
    close_price DECIMAL(20, 8) NOT NULL,
    volume DECIMAL(30, 8) NOT NULL,
    close_time DATETIME(3) NOT NULL,
    quote_volume DECIMAL(30, 8) NOT NULL,
    trade_count BIGINT NOT NULL,
    taker_buy_volume DECIMAL(30, 8) NOT NULL,
    taker_buy_quote_volume DECIMAL(30, 8) NOT NULL,
    replaced_at DATETIME(3) NOT NULL,
    replaced_by BIGINT NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (series_id, open_time, captured_at, object_id)
) ENGINE = InnoDB;
-- Whether a day of a series can be made again from the lake, when that was last tried.
CREATE TABLE verify_results (
    series_id BIGINT NOT NULL,
    date DATE NOT NULL,
    state VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    candles BIGINT NOT NULL DEFAULT 0,
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    detail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    verified_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (series_id, date)
) ENGINE = InnoDB;
