-- SPDX-License-Identifier: MIT
-- Verify tickd:ticks on pg

begin;

select schema_expect('ticks', array[
    'time timestamp with time zone not null',
    'symbol character varying(20) not null',
    'price double precision not null',
    'volume double precision not null',
    'bid double precision',
    'ask double precision',
    'exchange character varying(50) not null default ''pacifica''::character varying',
    'PRIMARY KEY ("time", symbol)',
    'FOREIGN KEY (symbol) REFERENCES pairs(symbol)',
    'btree (symbol, "time" DESC)']);

-- A hypertable wherever TimescaleDB is installed, in chunks of a day.
do $$
declare
    chunk interval;
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        select time_interval into chunk from timescaledb_information.dimensions
        where format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'ticks'::regclass
          and column_name = 'time';
        if chunk is distinct from interval '1 day' then
            raise exception 'ticks should be a hypertable with chunks of 1 day: %', coalesce(chunk::text, 'it is none');
        end if;
    end if;
end $$;

rollback;
