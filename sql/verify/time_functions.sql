-- SPDX-License-Identifier: MIT
-- Verify tickd:time_functions on pg

begin;

do $$
declare
    extension_schema name;
    opened float;
    closed float;
    bucket timestamptz;
begin
    select nspname into extension_schema
    from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'timescaledb';
    if found then
        execute format('set local search_path to %s, %I', current_setting('search_path'), extension_schema);
    end if;

    bucket := time_bucket('15 minutes', timestamptz '2025-11-15 16:45:36.209097+00');
    if bucket is distinct from timestamptz '2025-11-15 16:45:00+00' then
        raise exception 'time_bucket() returns %', bucket;
    end if;

    select first(price, at), last(price, at) into opened, closed
    from (values
        (2::float, timestamptz '2025-11-15 12:02+00'),
        (1,        '2025-11-15 12:01+00'),
        (3,        '2025-11-15 12:03+00'),
        (9,        null)
    ) as t (price, at);
    if (opened, closed) is distinct from (1::float, 3::float) then
        raise exception 'first() and last() return % and %', opened, closed;
    end if;
end $$;

rollback;
