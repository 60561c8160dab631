-- SPDX-License-Identifier: MIT
-- Verify tickd:ingest_gaps on pg

begin;

select schema_expect('ingest_gaps', array[
    'id bigint not null identity',
    'group_id text not null',
    'cluster_id text not null',
    'topic text not null',
    'kafka_partition integer not null',
    'from_offset bigint not null',
    'to_offset bigint not null',
    'reason text not null',
    'noticed_at timestamp with time zone not null default now()',
    'PRIMARY KEY (id)']);

rollback;
