-- What has aged: packs of old objects, tombstones, aged-out windows, sizes of disks.
-- Objects of a closed day that were put together into one archive object.
CREATE TABLE lake_packs (
    id INTEGER NOT NULL,
    object_key VARCHAR(160) NOT NULL,
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    data_type VARCHAR(8) NOT NULL,
    interval_code VARCHAR(4) DEFAULT '' NOT NULL,
    date TEXT NOT NULL,
    objects BIGINT DEFAULT 0 NOT NULL,
    size_bytes BIGINT NOT NULL,
    raw_bytes BIGINT NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (id),
    CONSTRAINT uq_lake_packs_key UNIQUE (object_key)
);
CREATE INDEX ix_lake_packs_date ON lake_packs (date);
-- What remains of the catalog's rows of a day once retention deleted the objects.
CREATE TABLE object_tombstones (
    exchange VARCHAR(16) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    data_type VARCHAR(8) NOT NULL,
    interval_code VARCHAR(4) DEFAULT '' NOT NULL,
    date TEXT NOT NULL,
    objects BIGINT DEFAULT 0 NOT NULL,
    size_bytes BIGINT DEFAULT 0 NOT NULL,
    record_count BIGINT DEFAULT 0 NOT NULL,
    first_object_id BIGINT NOT NULL,
    last_object_id BIGINT NOT NULL,
    first_captured_at TEXT NOT NULL,
    last_captured_at TEXT NOT NULL,
    first_open_time TEXT,
    last_open_time TEXT,
    digest VARCHAR(64) NOT NULL,
    deleted_at TEXT NOT NULL,
    PRIMARY KEY (exchange, symbol, data_type, interval_code, date)
)
 WITHOUT ROWID;
-- The windows of a series whose facts have aged out, as large as can be: two never touch.
CREATE TABLE aged_ranges (
    series_id BIGINT NOT NULL,
    start_time TEXT NOT NULL,
    end_time TEXT NOT NULL,
    record_count BIGINT DEFAULT 0 NOT NULL,
    aged_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (series_id, start_time)
)
 WITHOUT ROWID;
-- How full the disks were.
CREATE TABLE disk_samples (
    place VARCHAR(16) NOT NULL,
    at TEXT NOT NULL,
    used_bytes BIGINT,
    objects BIGINT,
    free_bytes BIGINT,
    free_inodes BIGINT,
    PRIMARY KEY (place, at)
)
 WITHOUT ROWID;
-- Which code loaded an object, the pack it lies in, and when it was deleted.
ALTER TABLE lake_objects ADD COLUMN code_version VARCHAR(40);
ALTER TABLE lake_objects ADD COLUMN pack_id BIGINT;
ALTER TABLE lake_objects ADD COLUMN deleted_at TEXT;
CREATE INDEX ix_lake_objects_age ON lake_objects (bucket, captured_at);
