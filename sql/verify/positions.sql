-- SPDX-License-Identifier: MIT
-- Verify tickd:positions on pg

begin;

select schema_expect('positions', array[
    'id bigint not null identity',
    'strategy_id character varying(100) not null',
    'symbol character varying(20) not null',
    'side character varying(10) not null',
    'amount double precision not null',
    'entry_price double precision not null',
    'current_price double precision',
    'unrealized_pnl double precision not null default 0',
    'realized_pnl double precision not null default 0',
    'trailing_stop_price double precision',
    'opened_at timestamp with time zone not null default now()',
    'updated_at timestamp with time zone not null default now()',
    'metadata json',
    'PRIMARY KEY (id)',
    'UNIQUE (strategy_id, symbol)',
    'FOREIGN KEY (symbol) REFERENCES pairs(symbol)',
    'btree (symbol)']);

rollback;
