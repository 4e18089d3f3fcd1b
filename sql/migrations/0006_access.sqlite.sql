-- Who may do what over HTTP, and the views for people and programs that read by SQL.
-- Tokens, and the sessions opened with them.
CREATE TABLE tokens (
    id INTEGER NOT NULL,
    name VARCHAR(64) NOT NULL,
    kind VARCHAR(8) DEFAULT 'token' NOT NULL,
    role VARCHAR(8) NOT NULL,
    parent_id BIGINT,
    token_hash VARCHAR(64) NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    created_by VARCHAR(64),
    expires_at TEXT,
    last_used_at TEXT,
    revoked_at TEXT,
    PRIMARY KEY (id),
    CONSTRAINT uq_tokens_hash UNIQUE (token_hash)
);
CREATE INDEX ix_tokens_parent ON tokens (parent_id);
-- Everything that changed something over HTTP, and what was refused.
CREATE TABLE audit_log (
    id INTEGER NOT NULL,
    at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now')) NOT NULL,
    actor VARCHAR(64) NOT NULL,
    role VARCHAR(8),
    remote VARCHAR(64) NOT NULL,
    method VARCHAR(8) NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX ix_audit_log_at ON audit_log (at);
-- Views that stay as they are while tables change.
CREATE VIEW candles AS SELECT exchange, symbol, interval_code, open_time, close_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count FROM fact_klines UNION ALL SELECT exchange, symbol, interval_code, open_time, close_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count FROM fact_klines_coarse;
CREATE VIEW candles_1h AS SELECT o.exchange, o.symbol, o.hour_start AS open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, o.candle_count FROM hourly_klines o WHERE o.candle_count >= 60 OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND c.interval_code = '1h' AND c.open_time = o.hour_start) UNION ALL SELECT c.exchange, c.symbol, c.open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, NULL FROM fact_klines_coarse c WHERE c.interval_code = '1h' AND NOT EXISTS (SELECT 1 FROM hourly_klines o WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND o.hour_start = c.open_time AND o.candle_count >= 60);
CREATE VIEW candles_1d AS SELECT o.exchange, o.symbol, (o.date || 'T00:00:00.000') AS open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, o.candle_count FROM daily_klines o WHERE o.candle_count >= 1440 OR NOT EXISTS (SELECT 1 FROM fact_klines_coarse c WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND c.interval_code = '1d' AND c.open_time = (o.date || 'T00:00:00.000')) UNION ALL SELECT c.exchange, c.symbol, c.open_time, open_price, high_price, low_price, close_price, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trade_count, NULL FROM fact_klines_coarse c WHERE c.interval_code = '1d' AND NOT EXISTS (SELECT 1 FROM daily_klines o WHERE c.exchange = o.exchange AND c.symbol = o.symbol AND o.date = substr(c.open_time, 1, 10) AND o.candle_count >= 1440);
CREATE VIEW order_book AS SELECT exchange, symbol, captured_at, side, price, quantity FROM fact_orderbook;
