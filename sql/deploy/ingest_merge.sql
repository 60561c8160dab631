-- SPDX-License-Identifier: MIT
-- Deploy tickd:ingest_merge to pg
-- The way into ticks for a batch that plain COPY cannot load: some keys are taken, or some row is bad.
-- In one transaction: ingest_staging(), COPY tickd_staging, ingest_merge(ties, spread_bps), then the offsets.
--
-- ingest_merge() moves the staged rows into ticks in the order of seq, which is theirs alone, and returns a
-- row, in that order, for each that does not count as stored:
--
--   outcome   counts as  meaning
--   repeat    ignored    a snapshot equal to the newest one stored for its symbol and instant
--   rejected  rejected   the database refuses the row; sqlstate and detail say why
--   dropped   dropped    ties = first: the key was taken;
--                        ties = last: a later row of this batch has taken its place
--   replaced  dropped    ties = last: it is in the table, in the place of a row stored by an earlier
--                        transaction. That one was counted as stored and is gone: of the two, one counts as
--                        dropped, and only the count of the newer can still be chosen
--
-- Hence, exactly: rows added to ticks = rows staged - rows returned, and sum(stored) = rows of ticks.
--
-- A row is staged with the time at which it happened, and with the one it would get if all that is in the way
-- were known to who stages it; the two differ with ties = spread only.
--
-- The result is what a tickd that never restarted would have stored. With ties = spread a tick goes to the
-- next free microsecond, and a repeat is told by the newest snapshot within the unbroken run of microseconds
-- that begins at its event time. Which rows are snapshots the table does not say, but those of others have no
-- reason to look like them: `bbo` has no volume, and the middle of bid and ask, or the one that is there, for a
-- price; `prices` has bid and ask at spread_bps below and above a middle. Two limits: snapshots stored without
-- bid and ask (synthetic_spread_bps = 0) look like trades and are not found again; where repeats are to be
-- kept, `snapshot` must be staged as false.

begin;

create function ingest_staging() returns void
language plpgsql as $$
begin
    -- "If not exists" would send a notice each time.
    if to_regclass('pg_temp.tickd_staging') is null then
        -- No constraints: what is wrong with a row shows when it goes into ticks.
        create temporary table tickd_staging (
            seq        integer,
            snapshot   boolean,
            event_time timestamptz,
            time       timestamptz,
            symbol     text,
            price      float,
            volume     float,
            bid        float,
            ask        float,
            exchange   text
        ) on commit delete rows;
    end if;
end $$;

comment on function ingest_staging is 'Makes the session''s temporary table tickd_staging, if it is not there';

-- The first microsecond from `free` on without a row of that symbol. Reads one second, so that a hypertable
-- opens a chunk or two and not all of them, and of that no more than up to the first hole. What comes back of
-- a run of a million rows is then taken, too: the caller asks again.
create function ingest_free_slot(of_symbol text, free timestamptz) returns timestamptz
language plpgsql as $$
declare
    step constant interval = '1 microsecond';
    run_end timestamptz;
begin
    select run.time + step into run_end
    from (
        select time, first_value(time) over by_time as first, lead(time) over by_time as next
        from ticks
        where symbol = of_symbol and time >= free and time < free + interval '1 second'
        window by_time as (order by time)
    ) as run
    where run.first = free and run.next is distinct from run.time + step
    order by run.time
    limit 1;
    return coalesce(run_end, free);
end $$;

-- Can a row with these values have been a snapshot? At the ends of what a float holds arithmetic is an error,
-- and the answer yes.
create function ingest_may_be_snapshot(price float, volume float, bid float, ask float, spread_bps float)
returns boolean
language sql immutable as $$
    select case
        when bid is null and ask is null then false
        when least(bid, ask) < 1e-300 or greatest(bid, ask) > 1e300 then true
        when volume = 0 and price = coalesce((bid + ask) / 2, bid, ask) then true
        when spread_bps > 0 and bid < ask
            then abs(ask * (1 - spread_bps / 10000) - bid * (1 + spread_bps / 10000)) < 1e-12 * ask
        else false
    end
$$;

-- Is this snapshot the newest one among the rows of its symbol from its time to before run_end?
create function ingest_is_repeat(spread_bps float, tick record, run_end timestamptz) returns boolean
language plpgsql as $$
declare
    newest ticks;
begin
    select * into newest from ticks
    where symbol = tick.symbol and time >= tick.time and time < run_end
      and ingest_may_be_snapshot(price, volume, bid, ask, spread_bps)
    order by time desc
    limit 1;
    return found
        and (newest.price, newest.volume, newest.bid, newest.ask, newest.exchange)
            is not distinct from (tick.price, tick.volume, tick.bid, tick.ask, tick.exchange::varchar);
end $$;

-- Places one staged row, whose time is its event time; outcome null: stored. `slot` is the first microsecond from
-- its time on that is not known to be taken; on return likewise for a further row of the same time and symbol.
create function ingest_place(
    ties text, spread_bps float, tick record, inout slot timestamptz, out outcome text)
language plpgsql as $$
declare
    step constant interval = '1 microsecond';
begin
    -- Infinity would be stored, in a chunk of its own, and has no next microsecond.
    if not isfinite(tick.time) then
        raise exception 'time is not finite' using errcode = 'datetime_field_overflow';
    end if;
    if tick.snapshot then
        if ties = 'spread' then
            slot := ingest_free_slot(tick.symbol, slot);
        end if;
        if ingest_is_repeat(spread_bps, tick, case ties when 'spread' then slot else slot + step end) then
            outcome := 'repeat';
            return;
        end if;
    end if;

    loop
        insert into ticks (time, symbol, price, volume, bid, ask, exchange)
        values (slot, tick.symbol, tick.price, tick.volume, tick.bid, tick.ask, tick.exchange)
        on conflict (time, symbol) do nothing;
        exit when found or ties <> 'spread';
        slot := ingest_free_slot(tick.symbol, slot);
    end loop;

    if found then
        slot := case ties when 'spread' then slot + step else slot end;
    elsif ties = 'first' then
        outcome := 'dropped';
    else
        -- Not an update, which takes milliseconds on a hypertable of many chunks.
        insert into ticks (time, symbol, price, volume, bid, ask, exchange)
        values (slot, tick.symbol, tick.price, tick.volume, tick.bid, tick.ask, tick.exchange)
        on conflict (time, symbol) do update
        set price = excluded.price, volume = excluded.volume, bid = excluded.bid, ask = excluded.ask,
            exchange = excluded.exchange;
        outcome := 'replaced';
    end if;
end $$;

-- Places the staged rows of these symbols (null: of all) one by one, and those without a usable symbol or
-- time. Guarded: a bad row is reported and the next one taken; else its error ends the call.
create function ingest_place_staged(ties text, spread_bps float, symbols text[], guarded boolean)
returns table (seq integer, outcome text, sqlstate text, detail text)
language plpgsql as $$
declare
    tick record;
    placed record;
    code text;
    message text;
    more text;
    holder integer;
    -- By number of the row.
    seqs integer[];
    outcomes text[];
    sqlstates text[];
    details text[];
    slots timestamptz[];  -- from where on a further row of the same key may look
    holders integer[];    -- which row of this batch has the key, if any
begin
    for tick in
        -- n: number of the row; previous: number of the row before it with the same key.
        select numbered.*, lag(n) over (partition by numbered.symbol, numbered.time order by n) as previous
        from (
            select s.seq, s.snapshot, s.event_time as time, s.symbol, s.price, s.volume, s.bid, s.ask, s.exchange,
                   row_number() over (order by s.seq)::integer as n
            from pg_temp.tickd_staging s
            where symbols is null or (s.symbol <> all (symbols) and isfinite(s.time)) is not true
        ) as numbered
        order by n
    loop
        holder := holders[tick.previous];
        seqs[tick.n] := tick.seq;
        outcomes[tick.n] := null;
        sqlstates[tick.n] := null;
        details[tick.n] := null;
        slots[tick.n] := coalesce(slots[tick.previous], tick.time);
        holders[tick.n] := holder;

        if not guarded then
            placed := ingest_place(ties, spread_bps, tick, slots[tick.n]);
        else
            begin
                placed := ingest_place(ties, spread_bps, tick, slots[tick.n]);
            exception
                -- Not our key, which is looked after, but another that somebody added: not about this row.
                when unique_violation then
                    raise;
                when data_exception or integrity_constraint_violation or raise_exception then
                    get stacked diagnostics
                        code = returned_sqlstate, message = message_text, more = pg_exception_detail;
                    outcomes[tick.n] := 'rejected';
                    sqlstates[tick.n] := code;
                    details[tick.n] := concat_ws(': ', message, nullif(more, ''));
                    continue;
            end;
        end if;

        slots[tick.n] := placed.slot;
        if placed.outcome is null or placed.outcome = 'replaced' then
            holders[tick.n] := tick.n;
        end if;
        if placed.outcome = 'replaced' and holder is not null then
            -- It took the key from a row of this batch, and with it what that had done to the table.
            outcomes[tick.n] := outcomes[holder];
            outcomes[holder] := 'dropped';
        else
            outcomes[tick.n] := placed.outcome;
        end if;
    end loop;

    return query
        select r.seq, r.outcome, r.sqlstate, r.detail
        from unnest(seqs, outcomes, sqlstates, details) with ordinality as r (seq, outcome, sqlstate, detail, n)
        where r.outcome is not null
        order by r.n;
end $$;

-- spread_bps: half of what lies between bid and ask of `prices` (synthetic_spread_bps).
-- Plans are made for the times at hand: a plan for any time opens all chunks, however many there are.
create function ingest_merge(ties text, spread_bps float default 0)
returns table (seq integer, outcome text, sqlstate text, detail text)
language plpgsql set plan_cache_mode = force_custom_plan as $$
declare
    day timestamptz;
    clashing text[];
begin
    if ties is null or ties not in ('spread', 'first', 'last') then
        raise exception 'ingest_merge: ties = %', ties using errcode = 'TK002';
    end if;

    -- No row of a symbol can be in the way of another as long as none of its keys is staged twice or
    -- taken: such symbols go in all at once, the others row by row. Nor can a repeat be among them: what it
    -- repeats would be in the run of microseconds behind which it was staged.
    begin
        clashing := array(
            select symbol from pg_temp.tickd_staging where symbol is not null
            group by symbol, time having count(*) > 1);
        -- A day at a time, so that one late tick does not open every chunk since.
        for day in select distinct date_bin('1 day', time, 'epoch') from pg_temp.tickd_staging loop
            clashing := clashing || array(
                select distinct s.symbol
                from pg_temp.tickd_staging s
                join ticks t on t.symbol = s.symbol and t.time = s.time
                where t.time >= day and t.time < day + interval '1 day');
        end loop;
        insert into ticks (time, symbol, price, volume, bid, ask, exchange)
        select time, symbol, price, volume, bid, ask, exchange
        from pg_temp.tickd_staging where symbol <> all (clashing) and isfinite(time);
        return query select * from ingest_place_staged(ties, spread_bps, clashing, false);
    exception
        -- Some row is bad, or a key was taken this moment: all over again, each row by itself.
        when data_exception or integrity_constraint_violation or raise_exception then
            return query select * from ingest_place_staged(ties, spread_bps, null, true);
    end;
    delete from pg_temp.tickd_staging;
end $$;

comment on function ingest_merge is 'Moves the staged rows into ticks; returns those that do not count as stored, and why';

-- No caller's search_path decides which tables the functions touch, nor a temporary table of that name;
-- and nobody may call them who was not told so. The inner ones run with the path of ingest_merge().
do $$
declare
    f regproc;
begin
    foreach f in array array['ingest_staging', 'ingest_merge']::regproc[] loop
        execute format('alter function %s set search_path = %I, pg_temp', f, current_schema());
    end loop;
    foreach f in array array['ingest_staging', 'ingest_merge', 'ingest_place_staged', 'ingest_place',
                             'ingest_is_repeat', 'ingest_may_be_snapshot', 'ingest_free_slot']::regproc[] loop
        execute format('revoke execute on function %s from public', f);
    end loop;
end $$;

commit;
