-- Rows of an answer that could not be loaded are kept aside one by one.
CREATE TABLE quarantined_rows (
    id            BIGINT NOT NULL AUTO_INCREMENT,
    object_id     BIGINT NOT NULL,
    row_index     INTEGER NOT NULL,
    exchange      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    symbol        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    interval_code VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason        TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    raw           TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    created_at    DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    CONSTRAINT uq_quarantined_rows UNIQUE (object_id, row_index)
) ENGINE = InnoDB;
