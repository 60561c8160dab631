-- SPDX-License-Identifier: MIT
-- Deploy tickd:rejected_ticks to pg
-- Dead letters: what could not be stored, why, and the bytes as they came.

begin;

create table rejected_ticks (
    group_id        text        not null,
    cluster_id      text        not null,
    topic           text        not null,
    kafka_partition integer     not null,
    kafka_offset    bigint      not null,
    item            integer     not null,
    reason          text        not null,
    detail          text,
    key             bytea,
    payload         bytea,
    payload_bytes   integer,
    message_time    timestamptz,
    rejected_at     timestamptz not null default now(),
    -- With rejected_at, the time of the transaction: offsets can come a second time, when the topic was
    -- made anew or an operator set next_offset back, and the stream must not stop at an old dead letter.
    primary key (cluster_id, topic, kafka_partition, kafka_offset, item, group_id, rejected_at)
);

create index rejected_ticks_rejected_at_idx on rejected_ticks (rejected_at);

comment on column rejected_ticks.item is 'Place of the tick within its message, from 0';
comment on column rejected_ticks.payload is 'The message; null on the second and further rejected items of one message';
comment on column rejected_ticks.payload_bytes is 'Length of the message';

commit;
