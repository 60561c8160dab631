-- SPDX-License-Identifier: MIT
-- Deploy tickd:ingest_gaps to pg
-- Jumps: messages that were lost before tickd could read them (from_offset <= lost < to_offset), or a
-- topic that began anew (to_offset below from_offset).

begin;

create table ingest_gaps (
    id              bigint generated always as identity primary key,
    group_id        text        not null,
    cluster_id      text        not null,
    topic           text        not null,
    kafka_partition integer     not null,
    from_offset     bigint      not null,
    to_offset       bigint      not null,
    reason          text        not null,
    noticed_at      timestamptz not null default now()
);

commit;
