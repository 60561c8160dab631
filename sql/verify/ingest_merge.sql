-- SPDX-License-Identifier: MIT
-- Verify tickd:ingest_merge on pg
-- With rows that are refused before they reach the table: one that did would lock pairs for a moment, for
-- the new chunk, and this may run beside a tickd at work.

begin;

select ingest_staging();

insert into tickd_staging values
    (2, false, '2000-01-01 00:00:00+00', '2000-01-01 00:00:00+00', 'longer than any symbol may be', 1, 1, null, null, 'verify'),
    (1, true,  'infinity', 'infinity', 'verify', 1, 1, 1, 1, 'verify');

do $$
declare
    refused text;
begin
    select string_agg(format('%s %s %s', seq, outcome, sqlstate), ', ') into refused from ingest_merge('spread');
    if refused is distinct from '1 rejected 22008, 2 rejected 22001' then
        raise exception 'ingest_merge() returns %', refused;
    end if;
end $$;

rollback;
