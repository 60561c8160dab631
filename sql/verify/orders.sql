-- SPDX-License-Identifier: MIT
-- Verify tickd:orders on pg

begin;

select schema_expect('orders', array[
    'id bigint not null identity',
    'order_id character varying(100)',
    'client_order_id character varying(100)',
    'strategy_id character varying(100) not null',
    'symbol character varying(20) not null',
    'side character varying(10) not null',
    'order_type character varying(20) not null',
    'amount double precision not null',
    'price double precision',
    'filled_amount double precision not null default 0',
    'average_fill_price double precision',
    'status character varying(20) not null',
    'created_at timestamp with time zone not null default now()',
    'updated_at timestamp with time zone not null default now()',
    'filled_at timestamp with time zone',
    'canceled_at timestamp with time zone',
    'metadata json',
    'PRIMARY KEY (id)',
    'UNIQUE (order_id)',
    'UNIQUE (client_order_id)',
    'FOREIGN KEY (symbol) REFERENCES pairs(symbol)',
    'btree (strategy_id, created_at DESC)',
    'btree (symbol, created_at DESC)',
    'btree (status)']);

rollback;
