-- SPDX-License-Identifier: MIT
-- A database as a stack with db-writer leaves it: other names of constraints and indexes, columns in another order
-- and more of them, keys from sequences, no table of positions, five pairs, and data.

CREATE TABLE pairs (
    symbol varchar(20) NOT NULL, display_name varchar(50), quote_asset varchar(10) NOT NULL DEFAULT 'USD',
    category varchar(20) NOT NULL, active boolean NOT NULL DEFAULT true, max_leverage integer NOT NULL,
    min_order_size double precision NOT NULL, tick_size double precision NOT NULL,
    whale_threshold_usd double precision NOT NULL, notes text,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_pairs PRIMARY KEY (symbol));

CREATE TABLE ticks (
    symbol varchar(20) NOT NULL, time timestamptz NOT NULL, price double precision NOT NULL,
    volume double precision NOT NULL, bid double precision, ask double precision,
    exchange varchar(50) NOT NULL DEFAULT 'pacifica',
    CONSTRAINT pk_ticks PRIMARY KEY (time, symbol),
    CONSTRAINT fk_ticks_pair FOREIGN KEY (symbol) REFERENCES pairs (symbol));
CREATE INDEX ix_ticks_symbol ON ticks (symbol, time DESC);

CREATE TABLE orders (
    id serial PRIMARY KEY, order_id varchar(100) UNIQUE, strategy_id varchar(100) NOT NULL,
    symbol varchar(20) NOT NULL REFERENCES pairs (symbol), side varchar(10) NOT NULL,
    amount double precision NOT NULL, status varchar(20) NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE whale_activities (
    id serial PRIMARY KEY, symbol varchar(20) NOT NULL REFERENCES pairs (symbol), direction varchar(10) NOT NULL);
CREATE TABLE performance_metrics (id serial PRIMARY KEY, strategy_id varchar(100) NOT NULL, win_rate real);

CREATE VIEW candles_15m_ohlcv AS
SELECT date_bin('15 minutes', time, '2000-01-03 00:00:00+00') AS time, symbol, max(price) AS high, min(price) AS low
FROM ticks GROUP BY 1, 2;

INSERT INTO pairs (symbol, category, active, max_leverage, min_order_size, tick_size, whale_threshold_usd, notes)
VALUES ('BTC', 'major', true, 40, 0.001, 1, 50000, 'tuned by hand'), ('ETH', 'major', true, 25, 0.01, 0.1, 25000, NULL),
       ('SOL', 'major', true, 20, 0.1, 0.01, 25000, NULL), ('DOGE', 'meme', false, 5, 1, 0.001, 100, 'switched off'),
       ('NEX', 'own', true, 1, 1, 1, 1, 'not one of the seed');
INSERT INTO ticks (time, symbol, price, volume)
SELECT '2025-11-01 00:00:00+00'::timestamptz + n * interval '1 second', (ARRAY['BTC', 'ETH', 'SOL'])[n % 3 + 1], n, 1
FROM generate_series(1, 3000) n;
INSERT INTO orders (order_id, strategy_id, symbol, side, amount, status) VALUES ('o1', 's', 'BTC', 'buy', 1, 'open');
