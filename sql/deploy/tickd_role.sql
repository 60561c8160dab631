-- SPDX-License-Identifier: MIT
-- Deploy tickd:tickd_role to pg
-- The daemon's role, with the least that works. It has no password: set one, or let it in by other means
-- (peer, certificate), with "alter role tickd password ..." and pg_hba.conf.
--
-- A role belongs to the whole cluster, its rights and settings here to this database only, so that several
-- databases of one cluster can each have this schema.

begin;

do $$
begin
    -- The limit: each tickd holds two connections and, until the server has noticed, those of its last life.
    create role tickd login nosuperuser noinherit nocreatedb nocreaterole noreplication connection limit 32;
exception
    when duplicate_object or unique_violation then
        -- There for another database, or made by an operator, whose password and limits stay.
        if (select rolsuper or rolinherit or rolcreatedb or rolcreaterole or rolreplication or not rolcanlogin
            from pg_roles where rolname = 'tickd') then
            alter role tickd login nosuperuser noinherit nocreatedb nocreaterole noreplication;
        end if;
end $$;

do $$
declare
    db constant name = current_database();
    path constant text = format('%I, pg_temp', current_schema());
    extension constant text = (select extnamespace::regnamespace from pg_extension where extname = 'timescaledb');
begin
    -- Temporary: the private staging table of ingest_merge().
    execute format('grant connect, temporary on database %I to tickd', db);
    execute format('grant usage on schema %I to tickd', current_schema());
    -- hypertable_size() is in the extension's.
    if extension is not null then
        execute format('grant usage on schema %s to tickd', extension);
    end if;

    -- pg_temp last: no temporary table ever stands in for one of ours.
    execute format('alter role tickd in database %I set search_path to %s', db, path);
    execute format('alter role tickd in database %I set timezone to %L', db, 'UTC');
    -- Nothing tickd does takes long; what does is stuck, and tickd tries again. None of these ends a
    -- client that stalls in mid-COPY: its successor does (see pg_terminate_backend in the manual).
    execute format('alter role tickd in database %I set statement_timeout to %L', db, '30s');
    execute format('alter role tickd in database %I set lock_timeout to %L', db, '5s');
    execute format('alter role tickd in database %I set idle_in_transaction_session_timeout to %L', db, '15s');
end $$;

grant select on pairs to tickd;
-- Select: a merge looks for free microseconds, and restarts read the latest prices.
grant select, insert on ticks to tickd;
-- Needed by ties = last alone, which writes over the tick that has the key; the key itself stays.
grant update (price, volume, bid, ask, exchange) on ticks to tickd;
grant select, insert, update on ingest_offsets to tickd;
grant insert on rejected_ticks to tickd;
grant insert on ingest_gaps to tickd;

grant execute on function ingest_start, ingest_move, ingest_advance, ingest_jump to tickd;
grant execute on function ingest_staging, ingest_merge, ingest_place_staged, ingest_place, ingest_is_repeat,
    ingest_may_be_snapshot, ingest_free_slot to tickd;

commit;
