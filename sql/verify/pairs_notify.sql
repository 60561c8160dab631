-- SPDX-License-Identifier: MIT
-- Verify tickd:pairs_notify on pg

begin;

do $$
declare
    -- TRIGGER_TYPE_INSERT, _DELETE, _UPDATE, _TRUNCATE; neither _ROW (1) nor _BEFORE (2).
    every_statement constant int = 4 + 8 + 16 + 32;
begin
    if not exists (select from pg_trigger
                   where tgrelid = 'pairs'::regclass and tgname = 'pairs_notify' and tgenabled <> 'D'
                     and tgfoid = 'pairs_notify'::regproc and tgtype = every_statement) then
        raise exception 'pairs lacks trigger pairs_notify after insert, update, delete or truncate, for each statement';
    end if;
end $$;

rollback;
