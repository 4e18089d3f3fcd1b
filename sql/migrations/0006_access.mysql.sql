-- Who may do what over HTTP, and the views for people and programs that read by SQL.
-- Tokens, and the sessions opened with them.
CREATE TABLE tokens (
    id BIGINT NOT NULL AUTO_INCREMENT,
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'token',
    `role` VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    parent_id BIGINT,
    token_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    created_by VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    expires_at DATETIME(3),
    last_used_at DATETIME(3),
    revoked_at DATETIME(3),
    PRIMARY KEY (id),
    CONSTRAINT uq_tokens_hash UNIQUE (token_hash)
) ENGINE = InnoDB;
CREATE INDEX ix_tokens_parent ON tokens (parent_id);
-- Everything that changed something over HTTP, and what was refused.
CREATE TABLE audit_log (
    id BIGINT NOT NULL AUTO_INCREMENT,
    at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    actor VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    `role` VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin,
    remote VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    method VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    path TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    status INT NOT NULL,
    detail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
CREATE INDEX ix_audit_log_at ON audit_log (at);
-- Views that stay as they are while tables change.
CREATE VIEW candles AS SELECT exchange, symbol, interval_code, open_time, close_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count FROM fact_klines UNION ALL SELECT exchange, symbol, interval_code, open_time, close_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count FROM fact_klines_coarse;
CREATE VIEW candles_1h AS SELECT o.exchange, o.symbol, o.hour_start AS open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, o.candle_count FROM hourly_klines o WHERE o.candle_count >= 60 OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND c.interval_code = '1h' AND c.open_time = o.hour_start) UNION ALL SELECT c.exchange, c.symbol, c.open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, NULL FROM fact_klines_coarse c WHERE c.interval_code = '1h' AND NOT EXISTS (SELECT 1 FROM hourly_klines o WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND o.hour_start = c.open_time AND o.candle_count >= 60);
CREATE VIEW candles_1d AS SELECT o.exchange, o.symbol, CAST(o.date AS DATETIME(3)) AS open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, o.candle_count FROM daily_klines o WHERE o.candle_count >= 1440 OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND c.interval_code = '1d' AND c.open_time = CAST(o.date AS DATETIME(3))) UNION ALL SELECT c.exchange, c.symbol, c.open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, NULL FROM fact_klines_coarse c WHERE c.interval_code = '1d' AND NOT EXISTS (SELECT 1 FROM daily_klines o WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND o.date = DATE(c.open_time) AND o.candle_count >= 1440);
CREATE VIEW order_book AS SELECT exchange, symbol, captured_at, side, price, quantity FROM fact_orderbook;
