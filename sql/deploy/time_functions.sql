-- SPDX-License-Identifier: MIT
-- Deploy tickd:time_functions to pg
-- TimescaleDB where the server has it; otherwise plain SQL stand-ins for the three of its functions that
-- the schema uses, so that the same views work on plain PostgreSQL.

begin;

-- CREATE EXTENSION ends the session when the library was not preloaded, hence the look at a setting
-- that only the preloaded library defines. Missing rights or any other refusal is not fatal here: tickd
-- itself refuses a plain table in production (require_hypertable).
do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb')
        or not exists (select from pg_available_extensions where name = 'timescaledb') then
        return;
    end if;
    if current_setting('timescaledb.disable_load', true) is null then
        raise warning 'TimescaleDB is installed but not in shared_preload_libraries: going on without it';
        return;
    end if;
    create extension timescaledb;
exception
    when insufficient_privilege then
        raise warning 'TimescaleDB is there but this role may not create it: going on without it (%)', sqlerrm;
end $$;

do $stand_ins$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        return;
    end if;

    -- Same origin as TimescaleDB, a Monday, so that buckets of days and weeks agree.
    create function time_bucket(bucket_width interval, ts timestamptz) returns timestamptz
    language sql immutable strict parallel safe
    as 'select date_bin(bucket_width, ts, timestamptz ''2000-01-03 00:00:00+00'')';

    create type value_at as (value double precision, at timestamptz);

    -- The state stands as long as no row is earlier (later). Rows without a time do not count.
    create function first_step(state value_at, value double precision, at timestamptz) returns value_at
    language sql immutable parallel safe
    as 'select case when at is null or state.at <= at then state else row(value, at)::value_at end';

    create function last_step(state value_at, value double precision, at timestamptz) returns value_at
    language sql immutable parallel safe
    as 'select case when at is null or state.at >= at then state else row(value, at)::value_at end';

    create function value_of(state value_at) returns double precision
    language sql immutable parallel safe
    as 'select state.value';

    create aggregate first(value double precision, at timestamptz)
        (sfunc = first_step, stype = value_at, finalfunc = value_of, parallel = safe);
    create aggregate last(value double precision, at timestamptz)
        (sfunc = last_step, stype = value_at, finalfunc = value_of, parallel = safe);
end $stand_ins$;

commit;
