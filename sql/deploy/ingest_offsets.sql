-- SPDX-License-Identifier: MIT
-- Deploy tickd:ingest_offsets to pg
-- How far each partition was read, written in the transaction that stores what was read. That makes
-- it exactly once, and makes the books balance in SQL:
--
--   items consumed      = stored + rejected + ignored + dropped
--   rows of ticks       = sum(stored)     (as far as nothing else writes or deletes them)
--   rows of rejected_ticks = sum(rejected)
--
-- An item is a tick, or what stands in the place of one: a message may hold several, and a message
-- that holds none counts as one item, ignored or rejected.

begin;

create table ingest_offsets (
    group_id        text        not null,
    cluster_id      text        not null,
    topic           text        not null,
    kafka_partition integer     not null,
    next_offset     bigint      not null,
    messages        bigint      not null default 0,
    stored          bigint      not null default 0,
    rejected        bigint      not null default 0,
    ignored         bigint      not null default 0,
    dropped         bigint      not null default 0,
    updated_at      timestamptz not null default now(),
    primary key (group_id, cluster_id, topic, kafka_partition)
)
-- Every batch updates its rows: half-empty pages let the new version stay on the page, without touching
-- the index, and give its place back at once.
with (fillfactor = 50);

comment on column ingest_offsets.next_offset is 'First offset not yet read; moved by ingest_advance() and ingest_jump() only';
comment on column ingest_offsets.dropped is 'Ticks given up for another one of the same time and symbol (ties = first or last)';

commit;
