-- SPDX-License-Identifier: MIT
-- Verify tickd:pairs on pg

begin;

select schema_expect('pairs', array[
    'symbol character varying(20) not null',
    'quote_asset character varying(10) not null default ''USD''::character varying',
    'max_leverage integer not null',
    'min_order_size double precision not null',
    'tick_size double precision not null',
    'display_name character varying(50)',
    'category character varying(20) not null',
    'whale_threshold_usd double precision not null',
    'active boolean not null default true',
    'created_at timestamp with time zone not null default now()',
    'updated_at timestamp with time zone not null default now()',
    'PRIMARY KEY (symbol)']);

rollback;
