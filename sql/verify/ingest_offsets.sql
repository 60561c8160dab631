-- SPDX-License-Identifier: MIT
-- Verify tickd:ingest_offsets on pg

begin;

select schema_expect('ingest_offsets', array[
    'group_id text not null',
    'cluster_id text not null',
    'topic text not null',
    'kafka_partition integer not null',
    'next_offset bigint not null',
    'messages bigint not null default 0',
    'stored bigint not null default 0',
    'rejected bigint not null default 0',
    'ignored bigint not null default 0',
    'dropped bigint not null default 0',
    'updated_at timestamp with time zone not null default now()',
    'PRIMARY KEY (group_id, cluster_id, topic, kafka_partition)']);

select 1 / count(*) from pg_class where oid = 'ingest_offsets'::regclass and 'fillfactor=50' = any (reloptions);

rollback;
