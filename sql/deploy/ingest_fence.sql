-- SPDX-License-Identifier: MIT
-- Deploy tickd:ingest_fence to pg
-- The only ways an offset moves. Each demands to be told where it stands now; who is wrong about that
-- has lost the partition to somebody else, and its transaction must not commit.
--
--   TK001  fenced: next_offset is not where the caller believes it is, or the row is gone
--   TK002  the caller's own mistake, e.g. a negative count; never caused by data

begin;

create function ingest_start(group_id text, cluster_id text, topic text, kafka_partition integer,
                             start_offset bigint) returns bigint
language plpgsql as $$
#variable_conflict use_variable
declare
    stands_at bigint;
begin
    if (start_offset >= 0) is not true then
        raise exception 'ingest_start: offset %', start_offset using errcode = 'TK002';
    end if;
    insert into ingest_offsets (group_id, cluster_id, topic, kafka_partition, next_offset)
    values (group_id, cluster_id, topic, kafka_partition, start_offset)
    on conflict do nothing;
    select o.next_offset into stands_at from ingest_offsets o
    where o.group_id = group_id and o.cluster_id = cluster_id
      and o.topic = topic and o.kafka_partition = kafka_partition;
    return stands_at;
end $$;

comment on function ingest_start is 'Next offset to read of a partition; one never seen begins at start_offset';

-- What advance and jump have in common; not for other callers.
create function ingest_move(group_id text, cluster_id text, topic text, kafka_partition integer,
                            expected bigint, next bigint,
                            messages bigint, stored bigint, rejected bigint, ignored bigint, dropped bigint)
returns void
language plpgsql as $$
#variable_conflict use_variable
declare
    stands_at bigint;
begin
    update ingest_offsets o
    set next_offset = next,
        messages = o.messages + messages,
        stored = o.stored + stored,
        rejected = o.rejected + rejected,
        ignored = o.ignored + ignored,
        dropped = o.dropped + dropped,
        updated_at = now()
    where o.group_id = group_id and o.cluster_id = cluster_id
      and o.topic = topic and o.kafka_partition = kafka_partition
      and o.next_offset = expected;
    if found then
        return;
    end if;
    select o.next_offset into stands_at from ingest_offsets o
    where o.group_id = group_id and o.cluster_id = cluster_id
      and o.topic = topic and o.kafka_partition = kafka_partition;
    raise exception 'fenced: %/% of group % is at %, not at %', topic, kafka_partition, group_id,
        coalesce(stands_at::text, 'no offset'), expected
        using errcode = 'TK001';
end $$;

create function ingest_advance(group_id text, cluster_id text, topic text, kafka_partition integer,
                               expected bigint, next bigint,
                               messages bigint, stored bigint, rejected bigint, ignored bigint, dropped bigint)
returns void
language plpgsql as $$
begin
    if next < expected or messages < 0 or stored < 0 or rejected < 0 or ignored < 0 or dropped < 0
        or num_nulls(expected, next, messages, stored, rejected, ignored, dropped) > 0 then
        raise exception 'ingest_advance: from % to %, % messages, counts % % % %', expected, next,
            messages, stored, rejected, ignored, dropped
            using errcode = 'TK002';
    end if;
    perform ingest_move(group_id, cluster_id, topic, kafka_partition, expected, next,
                        messages, stored, rejected, ignored, dropped);
end $$;

comment on function ingest_advance is 'Moves the offset on and adds to the counts; TK001 unless it is at expected';

create function ingest_jump(group_id text, cluster_id text, topic text, kafka_partition integer,
                            expected bigint, next bigint, reason text) returns void
language plpgsql as $$
begin
    if next < 0 or num_nulls(expected, next, reason) > 0 then
        raise exception 'ingest_jump: from % to % for reason %', expected, next, reason
            using errcode = 'TK002';
    end if;
    perform ingest_move(group_id, cluster_id, topic, kafka_partition, expected, next, 0, 0, 0, 0, 0);
    insert into ingest_gaps (group_id, cluster_id, topic, kafka_partition, from_offset, to_offset, reason)
    values (group_id, cluster_id, topic, kafka_partition, expected, next, reason);
end $$;

comment on function ingest_jump is 'Moves the offset past messages that are gone, or back to a new beginning, and records it';

-- No caller's search_path decides which tables the functions touch, nor a temporary table of that name;
-- and nobody may call them who was not told so.
do $$
declare
    f regproc;
begin
    foreach f in array array['ingest_start', 'ingest_move', 'ingest_advance', 'ingest_jump']::regproc[] loop
        execute format('alter function %s set search_path = %I, pg_temp', f, current_schema());
        execute format('revoke execute on function %s from public', f);
    end loop;
end $$;

commit;
