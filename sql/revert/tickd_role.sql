-- SPDX-License-Identifier: MIT
-- Revert tickd:tickd_role from pg
-- Takes back what this database gave, and drops the role unless another database still uses it.

begin;

do $$
declare
    db constant name = current_database();
    extension constant text = (select extnamespace::regnamespace from pg_extension where extname = 'timescaledb');
begin
    if not exists (select from pg_roles where rolname = 'tickd') then
        return;
    end if;

    revoke execute on function ingest_staging, ingest_merge, ingest_place_staged, ingest_place, ingest_is_repeat,
        ingest_may_be_snapshot, ingest_free_slot from tickd;
    revoke execute on function ingest_start, ingest_move, ingest_advance, ingest_jump from tickd;
    revoke insert on ingest_gaps from tickd;
    revoke insert on rejected_ticks from tickd;
    revoke select, insert, update on ingest_offsets from tickd;
    revoke update (price, volume, bid, ask, exchange) on ticks from tickd;
    revoke select, insert on ticks from tickd;
    revoke select on pairs from tickd;

    if extension is not null then
        execute format('revoke usage on schema %s from tickd', extension);
    end if;
    execute format('revoke usage on schema %I from tickd', current_schema());
    execute format('revoke connect, temporary on database %I from tickd', db);
    execute format('alter role tickd in database %I reset all', db);

    begin
        drop role tickd;
    exception
        when dependent_objects_still_exist then
            raise notice 'role tickd stays, it is in use elsewhere: %', sqlerrm;
    end;
end $$;

commit;
