-- SPDX-License-Identifier: MIT
-- Deploy tickd:pairs_notify to pg
-- Whoever listens on channel tickd_pairs learns at commit that it should read pairs again. One
-- notification a statement at most, and equal ones of a transaction are folded into one by the server.

begin;

create function pairs_notify() returns trigger
language plpgsql as $$
begin
    perform pg_catalog.pg_notify('tickd_pairs', '');
    return null;
end $$;

create trigger pairs_notify after insert or update or delete or truncate on pairs
for each statement execute function pairs_notify();

commit;
