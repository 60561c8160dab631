-- SPDX-License-Identifier: MIT
-- Verify tickd:rejected_ticks on pg

begin;

select schema_expect('rejected_ticks', array[
    'group_id text not null',
    'cluster_id text not null',
    'topic text not null',
    'kafka_partition integer not null',
    'kafka_offset bigint not null',
    'item integer not null',
    'reason text not null',
    'detail text',
    'key bytea',
    'payload bytea',
    'payload_bytes integer',
    'message_time timestamp with time zone',
    'rejected_at timestamp with time zone not null default now()',
    'PRIMARY KEY (cluster_id, topic, kafka_partition, kafka_offset, item, group_id, rejected_at)',
    'btree (rejected_at)']);

rollback;
