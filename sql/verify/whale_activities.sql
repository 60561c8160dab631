-- SPDX-License-Identifier: MIT
-- Verify tickd:whale_activities on pg

begin;

select schema_expect('whale_activities', array[
    'id bigint not null identity',
    'detected_at timestamp with time zone not null default now()',
    'symbol character varying(20) not null',
    'whale_type character varying(50) not null',
    'direction character varying(10) not null',
    'price_low double precision not null',
    'price_high double precision not null',
    'total_volume double precision not null',
    'total_value_usd double precision not null',
    'order_count integer not null default 1',
    'confidence_score double precision',
    'market_impact_bps double precision',
    'metadata json',
    'PRIMARY KEY (id)',
    'FOREIGN KEY (symbol) REFERENCES pairs(symbol)',
    'btree (detected_at DESC)',
    'btree (symbol, detected_at DESC)']);

rollback;
