-- Runs: work that can be seen, stopped and retried; the lease of who leads; settings; notifications.
-- What people changed of the jobs, which are registered in code; NULL stands for the code's own.
CREATE TABLE jobs (
    id VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    schedule VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    time_zone VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'UTC',
    enabled BOOLEAN NOT NULL DEFAULT 1,
    parameters TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    version INT NOT NULL DEFAULT 0,
    next_run_at DATETIME(3),
    updated_at DATETIME(3),
    updated_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
-- Every piece of work, scheduled or asked for: one row a run, its whole story and how far it is.
CREATE TABLE runs (
    id BIGINT NOT NULL AUTO_INCREMENT,
    parent_id BIGINT,
    job_id VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lane VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    parameters TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    origin VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requested_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    exchange VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    symbol VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin,
    interval_code VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin,
    window_start DATETIME(3),
    window_end DATETIME(3),
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'queued',
    wish VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin,
    token BIGINT NOT NULL DEFAULT 0,
    worker VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    attempt INT NOT NULL DEFAULT 0,
    fruitless INT NOT NULL DEFAULT 0,
    attempt_limit INT NOT NULL DEFAULT 3,
    time_limit_s INT,
    unit VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    done BIGINT NOT NULL DEFAULT 0,
    total BIGINT,
    batches_done INT NOT NULL DEFAULT 0,
    batches_total INT,
    current_series VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    current_open_time DATETIME(3),
    fetched BIGINT NOT NULL DEFAULT 0,
    loaded BIGINT NOT NULL DEFAULT 0,
    expected BIGINT,
    rate DOUBLE,
    time_left_ms BIGINT,
    waiting_for TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    steps TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    missing TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    result TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    error_kind VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin,
    error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    traceback TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    started_at DATETIME(3),
    heartbeat_at DATETIME(3),
    finished_at DATETIME(3),
    PRIMARY KEY (id)
) ENGINE = InnoDB;
CREATE INDEX ix_runs_finished ON runs (finished_at);
CREATE INDEX ix_runs_job ON runs (job_id, id);
CREATE INDEX ix_runs_parent ON runs (parent_id, id, state);
CREATE INDEX ix_runs_state ON runs (state, lane, id);
-- The parts of a run that are finished: where it goes on after a pause or a crash.
CREATE TABLE run_chunks (
    run_id BIGINT NOT NULL,
    start_time DATETIME(3) NOT NULL,
    end_time DATETIME(3) NOT NULL,
    state VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fetched BIGINT NOT NULL DEFAULT 0,
    expected BIGINT,
    missing TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    finished_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (run_id, start_time)
) ENGINE = InnoDB;
-- What happened to a run, for people to read.
CREATE TABLE run_events (
    id BIGINT NOT NULL AUTO_INCREMENT,
    run_id BIGINT NOT NULL,
    at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
CREATE INDEX ix_run_events_run ON run_events (run_id, id);
-- Who leads, by the database's own clock; each writing transaction checks the token.
CREATE TABLE leases (
    name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    holder VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    token BIGINT NOT NULL DEFAULT 0,
    acquired_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB;
-- Settings that people changed while it runs; the environment goes before them.
CREATE TABLE app_settings (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    updated_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB;
-- News for people; the same about the same subject is counted while it is unread.
CREATE TABLE notifications (
    id BIGINT NOT NULL AUTO_INCREMENT,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    severity VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    body TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    run_id BIGINT,
    times INT NOT NULL DEFAULT 1,
    first_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    last_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    read_at DATETIME(3),
    sent_at DATETIME(3),
    PRIMARY KEY (id)
) ENGINE = InnoDB;
CREATE INDEX ix_notifications_subject ON notifications (kind, subject, read_at);
-- Which run fetched an object, and what of a minute's weight was not live.
ALTER TABLE lake_objects ADD COLUMN run_id BIGINT;
CREATE INDEX ix_lake_objects_run ON lake_objects (run_id, state);
ALTER TABLE exchange_budget ADD COLUMN repair_weight BIGINT NOT NULL DEFAULT 0;
ALTER TABLE exchange_budget ADD COLUMN history_weight BIGINT NOT NULL DEFAULT 0;
