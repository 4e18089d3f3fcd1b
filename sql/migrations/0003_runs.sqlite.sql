-- Runs: work that can be seen, stopped and retried; the lease of who leads; settings; notifications.
-- What people changed of the jobs, which are registered in code; NULL stands for the code's own.
CREATE TABLE jobs (
    id VARCHAR(48) NOT NULL,
    schedule VARCHAR(64),
    time_zone VARCHAR(48) DEFAULT 'UTC' NOT NULL,
    enabled BOOLEAN DEFAULT 1 NOT NULL,
    parameters TEXT,
    version INTEGER DEFAULT 0 NOT NULL,
    next_run_at TEXT,
    updated_at TEXT,
    updated_by VARCHAR(64),
    PRIMARY KEY (id)
) WITHOUT ROWID;
-- Every piece of work, scheduled or asked for: one row a run, its whole story and how far it is.
CREATE TABLE runs (
    id INTEGER NOT NULL,
    parent_id BIGINT,
    job_id VARCHAR(48),
    kind VARCHAR(32) NOT NULL,
    lane VARCHAR(8) NOT NULL,
    parameters TEXT NOT NULL,
    origin VARCHAR(12) NOT NULL,
    requested_by VARCHAR(64) NOT NULL,
    exchange VARCHAR(16),
    symbol VARCHAR(32),
    interval_code VARCHAR(4),
    window_start TEXT,
    window_end TEXT,
    state VARCHAR(16) DEFAULT 'queued' NOT NULL,
    wish VARCHAR(8),
    token BIGINT DEFAULT 0 NOT NULL,
    worker VARCHAR(128),
    attempt INTEGER DEFAULT 0 NOT NULL,
    fruitless INTEGER DEFAULT 0 NOT NULL,
    attempt_limit INTEGER DEFAULT 3 NOT NULL,
    time_limit_s INTEGER,
    unit VARCHAR(16) DEFAULT '' NOT NULL,
    done BIGINT DEFAULT 0 NOT NULL,
    total BIGINT,
    batches_done INTEGER DEFAULT 0 NOT NULL,
    batches_total INTEGER,
    current_series VARCHAR(64),
    current_open_time TEXT,
    fetched BIGINT DEFAULT 0 NOT NULL,
    loaded BIGINT DEFAULT 0 NOT NULL,
    expected BIGINT,
    rate DOUBLE,
    time_left_ms BIGINT,
    waiting_for TEXT,
    steps TEXT,
    missing TEXT,
    result TEXT,
    error_kind VARCHAR(12),
    error TEXT,
    traceback TEXT,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    started_at TEXT,
    heartbeat_at TEXT,
    finished_at TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX ix_runs_finished ON runs (finished_at);
CREATE INDEX ix_runs_job ON runs (job_id, id);
CREATE INDEX ix_runs_parent ON runs (parent_id, id, state);
CREATE INDEX ix_runs_state ON runs (state, lane, id);
-- The parts of a run that are finished: where it goes on after a pause or a crash.
CREATE TABLE run_chunks (
    run_id BIGINT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT NOT NULL,
    state VARCHAR(8) NOT NULL,
    fetched BIGINT DEFAULT 0 NOT NULL,
    expected BIGINT,
    missing TEXT,
    finished_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (run_id, start_time)
) WITHOUT ROWID;
-- What happened to a run, for people to read.
CREATE TABLE run_events (
    id INTEGER NOT NULL,
    run_id BIGINT NOT NULL,
    at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    kind VARCHAR(24) NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX ix_run_events_run ON run_events (run_id, id);
-- Who leads, by the database's own clock; each writing transaction checks the token.
CREATE TABLE leases (
    name VARCHAR(32) NOT NULL,
    holder VARCHAR(128) NOT NULL,
    token BIGINT DEFAULT 0 NOT NULL,
    acquired_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;
-- Settings that people changed while it runs; the environment goes before them.
CREATE TABLE app_settings (
    name VARCHAR(64) NOT NULL,
    value TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by VARCHAR(64) NOT NULL,
    PRIMARY KEY (name)
) WITHOUT ROWID;
-- News for people; the same about the same subject is counted while it is unread.
CREATE TABLE notifications (
    id INTEGER NOT NULL,
    kind VARCHAR(24) NOT NULL,
    subject VARCHAR(96) NOT NULL,
    severity VARCHAR(8) NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    run_id BIGINT,
    times INTEGER DEFAULT 1 NOT NULL,
    first_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    last_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    read_at TEXT,
    sent_at TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX ix_notifications_subject ON notifications (kind, subject, read_at);
-- Which run fetched an object, and what of a minute's weight was not live.
ALTER TABLE lake_objects ADD COLUMN run_id BIGINT;
CREATE INDEX ix_lake_objects_run ON lake_objects (run_id, state);
ALTER TABLE exchange_budget ADD COLUMN repair_weight BIGINT DEFAULT 0 NOT NULL;
ALTER TABLE exchange_budget ADD COLUMN history_weight BIGINT DEFAULT 0 NOT NULL;
