-- SPDX-License-Identifier: MIT
-- Revert tickd:ingest_check_pairs from pg

begin;

drop function ingest_check_pairs;

do $$
declare
    here constant oid = (select oid from pg_database where datname = current_database());
begin
    if not exists (select from pg_roles where rolname = 'tickd') then
        return;
    end if;
    revoke update (updated_at) on pairs from tickd;
    -- The parameter belongs to all databases: the last one that uses the role takes the right back.
    if current_setting('server_version_num')::integer >= 150000
        and not exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass
                        and refobjid = 'tickd'::regrole and dbid not in (0, here)) then
        execute 'revoke set on parameter session_replication_role from tickd';
    end if;
exception
    when insufficient_privilege then
        raise notice 'role tickd keeps the right to set session_replication_role: %', sqlerrm;
end $$;

commit;
