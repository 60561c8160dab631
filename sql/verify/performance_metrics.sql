-- SPDX-License-Identifier: MIT
-- Verify tickd:performance_metrics on pg

begin;

select schema_expect('performance_metrics', array[
    'id bigint not null identity',
    'time timestamp with time zone not null default now()',
    'strategy_id character varying(100) not null',
    'symbol character varying(20)',
    'total_trades integer not null default 0',
    'winning_trades integer not null default 0',
    'losing_trades integer not null default 0',
    'win_rate double precision',
    'total_pnl double precision not null default 0',
    'max_drawdown double precision',
    'sharpe_ratio double precision',
    'metadata json',
    'PRIMARY KEY (id)',
    'UNIQUE NULLS NOT DISTINCT (strategy_id, symbol, "time")',
    'FOREIGN KEY (symbol) REFERENCES pairs(symbol)',
    'btree (symbol, "time" DESC)']);

rollback;
