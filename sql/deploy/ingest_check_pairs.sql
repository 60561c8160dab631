-- SPDX-License-Identifier: MIT
-- Deploy tickd:ingest_check_pairs to pg
-- The foreign key of ticks, looked after once a batch instead of once a row (option fk_check of tickd). The
-- transaction of a batch is then:
--
--   begin isolation level read committed;
--   set local session_replication_role = replica;    switches the foreign key's trigger off, and all others
--   copy ticks ...
--   set local session_replication_role = default;
--   select ingest_check_pairs(symbols of the batch);
--   dead letters, offsets, commit
--
-- What the foreign key's trigger does for each row is done here for each symbol, and in the same order: the rows
-- first, then a lock on the pair that lasts until the transaction ends. Not the other way round, which would be
-- safe as well, but could deadlock: to make a chunk, copy takes a lock on the whole table pairs.
--
--   23503  a symbol of the batch has no pair
--   TK003  this way is not open to this transaction: its rows must go in the usual way

begin;

create function ingest_check_pairs(symbols text[]) returns void
language plpgsql as $$
declare
    off text;
    missing text;
begin
    -- What committed while this transaction ran must be seen.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'ingest_check_pairs: isolation level %', current_setting('transaction_isolation')
            using errcode = 'TK003';
    end if;

    -- Was a trigger switched off that is not the foreign key's? Each table that got a row is locked by us, and
    -- while it is, none of its triggers is made, enabled or changed; what was before is seen from here.
    select format('%I on %s', t.tgname, t.tgrelid::regclass) into off
    from pg_locks l
    join pg_trigger t on t.tgrelid = l.relation
    left join pg_constraint c on c.oid = t.tgconstraint
    where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.mode = 'RowExclusiveLock'
      and (l.relation = 'ticks'::regclass
           or exists (select from pg_inherits i where i.inhrelid = l.relation
                      and 'ticks'::regclass in (i.inhparent, pg_partition_root(l.relation))))
      and t.tgtype & 4 <> 0  -- on insert
      and (t.tgenabled = 'O' and c.contype = 'f' and c.confrelid = 'pairs'::regclass and not c.condeferrable)
          is not true
    limit 1;
    if found then
        raise exception 'ingest_check_pairs: trigger % was switched off', off using errcode = 'TK003';
    end if;

    -- Event triggers were off as well, and to make a chunk is what they are there for. (TimescaleDB's own are not.)
    select evtname into off from pg_event_trigger e
    where evtenabled in ('O', 'R')
      and not exists (select from pg_depend d where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid
                      and d.deptype = 'e')
    limit 1;
    if found and exists (
        select from pg_inherits i
        join pg_class r on r.oid = i.inhrelid
        where i.inhparent = 'ticks'::regclass and r.xmin = pg_current_xact_id()::xid
    ) then
        raise exception 'ingest_check_pairs: event trigger % was switched off', off using errcode = 'TK003';
    end if;

    select string_agg(s, ', ' order by s) into missing
    from unnest(symbols) as s
    where s not in (select p.symbol from (select symbol from only pairs where symbol = any (symbols)
                                          order by symbol for key share) as p);
    if missing is not null then
        raise exception 'no row in pairs for %', missing using errcode = 'foreign_key_violation';
    end if;
end $$;

comment on function ingest_check_pairs is 'Locks the pairs of these symbols; 23503 if one is missing';

do $$
begin
    execute format('alter function ingest_check_pairs set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function ingest_check_pairs from public;
grant execute on function ingest_check_pairs to tickd;

-- To lock a row takes the right to update some column of it. This one means nothing to anybody but people.
grant update (updated_at) on pairs to tickd;

-- Without it tickd goes the usual way. It belongs to the cluster, not to this database.
do $$
begin
    if current_setting('server_version_num')::integer < 150000 then
        raise notice 'PostgreSQL before 15 cannot let role tickd check pairs once a batch';
        return;
    end if;
    execute 'grant set on parameter session_replication_role to tickd';
exception
    when insufficient_privilege then
        raise notice 'tickd will check pairs row by row until a superuser says: '
            'grant set on parameter session_replication_role to tickd';
end $$;

commit;
