-- Rows of an answer that could not be loaded are kept aside one by one.
CREATE TABLE quarantined_rows (
    id            INTEGER NOT NULL,
    object_id     BIGINT NOT NULL,
    row_index     INTEGER NOT NULL,
    exchange      VARCHAR(16) NOT NULL,
    symbol        VARCHAR(32) NOT NULL,
    interval_code VARCHAR(4) NOT NULL,
    reason        TEXT NOT NULL,
    raw           TEXT NOT NULL,
    created_at    TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT uq_quarantined_rows UNIQUE (object_id, row_index)
);
