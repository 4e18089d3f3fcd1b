-- What has aged: packs of old objects, tombstones, aged-out windows, sizes of disks.
-- Objects of a closed day that were put together into one archive object.
CREATE TABLE lake_packs (
    id BIGINT NOT NULL AUTO_INCREMENT,
    object_key VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    exchange VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    date DATE NOT NULL,
    objects BIGINT NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL,
    raw_bytes BIGINT NOT NULL,
    sha256 VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    deleted_at DATETIME(3),
    PRIMARY KEY (id),
    CONSTRAINT uq_lake_packs_key UNIQUE (object_key)
) ENGINE = InnoDB;
CREATE INDEX ix_lake_packs_date ON lake_packs (date);
-- What remains of the catalog's rows of a day once retention deleted the objects.
CREATE TABLE object_tombstones (
    exchange VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    data_type VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    date DATE NOT NULL,
    objects BIGINT NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL DEFAULT 0,
    record_count BIGINT NOT NULL DEFAULT 0,
    first_object_id BIGINT NOT NULL,
    last_object_id BIGINT NOT NULL,
    first_captured_at DATETIME(3) NOT NULL,
    last_captured_at DATETIME(3) NOT NULL,
    first_open_time DATETIME(3),
    last_open_time DATETIME(3),
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    deleted_at DATETIME(3) NOT NULL,
    PRIMARY KEY (exchange, symbol, data_type, interval_code, date)
) ENGINE = InnoDB;
-- The windows of a series whose facts have aged out, as large as can be: two never touch.
CREATE TABLE aged_ranges (
    series_id BIGINT NOT NULL,
    start_time DATETIME(3) NOT NULL,
    end_time DATETIME(3) NOT NULL,
    record_count BIGINT NOT NULL DEFAULT 0,
    aged_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (series_id, start_time)
) ENGINE = InnoDB;
-- How full the disks were.
CREATE TABLE disk_samples (
    place VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at DATETIME(3) NOT NULL,
    used_bytes BIGINT,
    objects BIGINT,
    free_bytes BIGINT,
    free_inodes BIGINT,
    PRIMARY KEY (place, at)
) ENGINE = InnoDB;
-- Which code loaded an object, the pack it lies in, and when it was deleted.
ALTER TABLE lake_objects ADD COLUMN code_version VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin;
ALTER TABLE lake_objects ADD COLUMN pack_id BIGINT;
ALTER TABLE lake_objects ADD COLUMN deleted_at DATETIME(3);
CREATE INDEX ix_lake_objects_age ON lake_objects (bucket, captured_at);
