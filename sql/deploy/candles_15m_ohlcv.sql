-- SPDX-License-Identifier: MIT
-- Deploy tickd:candles_15m_ohlcv to pg

begin;

do $$
declare
    extension_schema name;
begin
    select nspname into extension_schema
    from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'timescaledb';
    if found then
        execute format('set local search_path to %s, %I', current_setting('search_path'), extension_schema);
    end if;
end $$;

create view candles_15m_ohlcv as
select
    time_bucket('15 minutes', time) as time,
    symbol,
    first(price, time) as open,
    max(price) as high,
    min(price) as low,
    last(price, time) as close,
    sum(volume) as volume,
    -- Null, not an error, for a quarter of an hour of quotes without volume.
    sum(price * volume) / nullif(sum(volume), 0) as vwap
from ticks
group by 1, 2;

commit;
