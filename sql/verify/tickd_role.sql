-- SPDX-License-Identifier: MIT
-- Verify tickd:tickd_role on pg

begin;

do $$
declare
    wrong text;
begin
    select string_agg(w, ', ') into wrong from (
        select 'not ' || needed from (
            select 'login' as needed, rolcanlogin as has from pg_roles where rolname = 'tickd'
            union all select 'connect', has_database_privilege('tickd', current_database(), 'connect')
            union all select 'temporary', has_database_privilege('tickd', current_database(), 'temporary')
            union all select 'usage of schema', has_schema_privilege('tickd', current_schema(), 'usage')
            union all select 'usage of the extension''s schema', has_schema_privilege('tickd', extnamespace, 'usage')
            from pg_extension where extname = 'timescaledb'
            union all
            select p || ' ' || t, has_table_privilege('tickd', t, p)
            from (values ('pairs', 'select'), ('ticks', 'select'), ('ticks', 'insert'),
                         ('ingest_offsets', 'select'), ('ingest_offsets', 'insert'), ('ingest_offsets', 'update'),
                         ('rejected_ticks', 'insert'), ('ingest_gaps', 'insert')) as v (t, p)
            union all
            select 'update ticks.' || c, has_column_privilege('tickd', 'ticks', c, 'update')
            from unnest(array['price', 'volume', 'bid', 'ask', 'exchange']) as c
            union all
            select 'execute ' || f, has_function_privilege('tickd', f::regproc, 'execute')
            from unnest(array['ingest_start', 'ingest_advance', 'ingest_jump', 'ingest_staging', 'ingest_merge']) as f
        ) as n where not has
        union all
        select 'no ' || unwanted from (
            select 'superuser or inheriting role' as unwanted, rolsuper or rolinherit or rolcreatedb or rolcreaterole
                or rolreplication or rolbypassrls as has
            from pg_roles where rolname = 'tickd'
            union all select 'creating in schema', has_schema_privilege('tickd', current_schema(), 'create')
            union all
            select p || ' ' || t, has_table_privilege('tickd', t, p)
            from unnest(array['pairs', 'ticks', 'orders', 'positions', 'whale_activities', 'performance_metrics',
                              'ingest_offsets', 'rejected_ticks', 'ingest_gaps']) as t,
                 unnest(array['delete', 'truncate', 'references', 'trigger']) as p
            union all
            select p || ' ' || t, has_table_privilege('tickd', t, p)
            from (values ('pairs', 'insert'), ('pairs', 'update'), ('ticks', 'update'),
                         ('rejected_ticks', 'update'), ('ingest_gaps', 'update')) as v (t, p)
        ) as u where has
    ) as x (w);
    if wrong is not null then
        raise exception 'role tickd should have: %', wrong;
    end if;

    if not exists (select from pg_db_role_setting s
                   where s.setrole = 'tickd'::regrole
                     and s.setdatabase = (select oid from pg_database where datname = current_database())
                     and format('search_path=%I, pg_temp', current_schema()) = any (s.setconfig)) then
        raise exception 'role tickd has no search_path of its own in this database';
    end if;
end $$;

rollback;
