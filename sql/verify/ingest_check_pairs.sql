-- SPDX-License-Identifier: MIT
-- Verify tickd:ingest_check_pairs on pg
-- The right to set the parameter is not asked for: tickd works without, and who deploys may not be able to give it.

begin;

do $$
begin
    perform ingest_check_pairs(array[]::text[]);
    perform ingest_check_pairs(array['no such symbol']);
    raise exception 'ingest_check_pairs() finds pairs that are not there';
exception
    when foreign_key_violation then
        null;
end $$;

do $$
begin
    if not has_function_privilege('tickd', 'ingest_check_pairs(text[])', 'execute') then
        raise exception 'role tickd should have: execute ingest_check_pairs';
    end if;
    if not has_column_privilege('tickd', 'pairs', 'updated_at', 'update') then
        raise exception 'role tickd should have: update pairs.updated_at';
    end if;
end $$;

rollback;
