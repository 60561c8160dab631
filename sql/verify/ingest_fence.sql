-- SPDX-License-Identifier: MIT
-- Verify tickd:ingest_fence on pg
-- Tries them, under a name that no real group has.

begin;

do $$
declare
    topic constant text = 'verify of ingest_fence';
    begins bigint;
begin
    begins := ingest_start('', '', topic, 0, 7);
    if begins is distinct from 7 then
        raise exception 'ingest_start() returns %', begins;
    end if;
    perform ingest_advance('', '', topic, 0, 7, 9, 2, 3, 0, 1, 0);
    perform ingest_jump('', '', topic, 0, 9, 12, 'verify');
    if not exists (select from ingest_offsets o
                   where o.topic = 'verify of ingest_fence'
                     and (next_offset, messages, stored, rejected, ignored, dropped) = (12, 2, 3, 0, 1, 0)) then
        raise exception 'ingest_advance() and ingest_jump() leave wrong figures';
    end if;
    if not exists (select from ingest_gaps g
                   where g.topic = 'verify of ingest_fence' and (from_offset, to_offset) = (9, 12)) then
        raise exception 'ingest_jump() leaves no record';
    end if;
    begin
        perform ingest_advance('', '', topic, 0, 7, 9, 2, 3, 0, 1, 0);
    exception
        when sqlstate 'TK001' then
            return;
    end;
    raise exception 'ingest_advance() does not fence';
end $$;

rollback;
