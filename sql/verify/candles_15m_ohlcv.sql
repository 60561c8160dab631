-- SPDX-License-Identifier: MIT
-- Verify tickd:candles_15m_ohlcv on pg

begin;

select schema_expect('candles_15m_ohlcv', array[
    'time timestamp with time zone',
    'symbol character varying(20)',
    'open double precision',
    'high double precision',
    'low double precision',
    'close double precision',
    'volume double precision',
    'vwap double precision']);

select * from candles_15m_ohlcv limit 0;

rollback;
