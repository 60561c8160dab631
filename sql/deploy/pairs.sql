-- SPDX-License-Identifier: MIT
-- Deploy tickd:pairs to pg
-- The symbols that may be ingested. Written by operators and other services, never by tickd.

begin;

create table pairs (
    symbol              varchar(20) primary key,
    quote_asset         varchar(10) not null default 'USD',
    max_leverage        integer     not null,
    min_order_size      float       not null,
    tick_size           float       not null,
    display_name        varchar(50),
    category            varchar(20) not null,
    whale_threshold_usd float       not null,
    active              boolean     not null default true,
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now()
);

comment on table pairs is 'Symbols that may be ingested; tickd rejects ticks of others and of inactive ones';

commit;
