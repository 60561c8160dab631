-- SPDX-License-Identifier: MIT
-- Deploy tickd:ticks to pg
-- One row a tick. Without TimescaleDB it is a plain table: that is for demos, tests and small
-- installations, where partitions that somebody must create in time would only be one more way to fail.

begin;

create table ticks (
    time     timestamptz not null,
    symbol   varchar(20) not null references pairs (symbol),
    price    float       not null,
    volume   float       not null,
    bid      float,
    ask      float,
    exchange varchar(50) not null default 'pacifica',
    primary key (time, symbol)
);

do $$
declare
    extension_schema name;
begin
    select nspname into extension_schema
    from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'timescaledb';
    if found then
        -- The extension need not be in the schema of the tables.
        execute format('set local search_path to %s, %I', current_setting('search_path'), extension_schema);
        -- It would advise text instead of varchar.
        set local client_min_messages = error;
        -- No default index on time: the primary key begins with it.
        perform create_hypertable('ticks', by_range('time', interval '1 day'), create_default_indexes => false);
    end if;
end $$;

-- The latest ticks of one symbol; also walked, forwards, when a taken key needs the next free microsecond.
create index ticks_symbol_time_idx on ticks (symbol, time desc);

comment on table ticks is 'Market ticks, written by tickd only';

commit;
