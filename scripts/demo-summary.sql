-- SPDX-License-Identifier: MIT
-- The summary of scripts/demo: for people, and for machines into :out. Wants :dir, where measure.json,
-- verify.json and expect.json are, and :asked, the seconds asked for.
--
-- Three accounts of the same ticks must agree: what was produced, counted from the messages that the
-- broker acknowledged (and, where nobody cut it short, by the generator when it made them); the books in
-- ingest_offsets; and the rows of ticks and rejected_ticks themselves.

\set measure `cat ":dir/measure.json"`
\set verify `cat ":dir/verify.json"`
\set expect `cat ":dir/expect.json"`

create temporary view demo_books as
select coalesce(sum(messages), 0)::bigint as messages,
       coalesce(sum(stored), 0)::bigint as stored,
       coalesce(sum(rejected), 0)::bigint as rejected,
       coalesce(sum(ignored), 0)::bigint as ignored
from ingest_offsets;

create temporary view demo_reasons as
select reason, count(*) as ticks, min(detail) as example from rejected_ticks group by reason;

create table demo_summary as
select m, v, e, books.*,
       (v->>'items')::bigint as produced,
       (select count(*) from ticks) as rows,
       (select count(distinct symbol) from ticks) as symbols,
       (select count(*) from rejected_ticks) as letters,
       (m->'latency_ms'->>'p50')::float as p50_ms,
       (m->'latency_ms'->>'p99')::float as p99_ms,
       (m->'process'->>'cpu_pct')::float as cpu_pct,
       (m->'process'->>'rss_peak_bytes')::float / 1048576 as rss_mib,
       false as ok
from demo_books as books,
     (select :'measure'::jsonb as m, :'verify'::jsonb as v, :'expect'::jsonb as e) as given;

update demo_summary set ok =
    produced = stored + rejected + ignored and produced > 0
    and rows = stored and letters = rejected
    and messages = (m->>'sent')::bigint
    and (m->>'ok')::boolean and (v->>'ok')::boolean
    and (e = 'null' or (m->>'interrupted')::boolean
         or ((e->>'ticks')::bigint, (e->>'rejected')::bigint, (e->>'ignored')::bigint)
            = (stored, rejected, ignored));

\o :out
select jsonb_pretty(jsonb_build_object(
    'produced', produced, 'stored', stored, 'rejected', rejected, 'ignored', ignored,
    'symbols', symbols, 'p50_ms', p50_ms, 'p99_ms', p99_ms, 'ok', ok,
    'messages', messages, 'reasons', (select coalesce(jsonb_object_agg(reason, ticks), '{}') from demo_reasons),
    'rate', (m->>'rate')::float, 'seconds', (m->>'sending_s')::float,
    'p999_ms', (m->'latency_ms'->>'p99.9')::float, 'max_ms', (m->'latency_ms'->>'max')::float,
    'cpu_pct', cpu_pct, 'rss_mib', rss_mib, 'interrupted', (m->>'interrupted')::boolean,
    'deviations', (v->>'deviations')::bigint))
from demo_summary;
\o

\pset footer off
\echo
\echo 'What became of every tick'
\echo
select format(E'  produced        %7s  in %s messages, %s of them a second for %s s\n'
              '  stored          %7s  of %s pairs\n'
              '  dead-lettered   %7s  with their reasons, below\n'
              '  ignored         %7s  control frames and repeated quotes\n'
              '  unaccounted for %7s',
              produced, messages, round((m->>'rate')::numeric, 1), round((m->>'sending_s')::numeric, 1),
              stored, symbols, rejected, ignored, produced - stored - rejected - ignored)
from demo_summary;
\echo
\echo 'Dead letters by reason'
\echo
\t off
\pset format aligned
select reason, ticks, left(example, 60) as example from demo_reasons order by ticks desc, reason;
\echo 'Latest prices'
\echo
select distinct on (symbol) symbol, price, trim_scale(round(bid::numeric, 8)) as bid,
       trim_scale(round(ask::numeric, 8)) as ask, to_char(time, 'HH24:MI:SS.US') as "time (UTC)"
from ticks where symbol in ('BTC', 'ETH', 'SOL', 'HYPE', 'kBONK', '2Z') order by symbol, time desc;
\t on
\pset format unaligned
\echo 'How fast'
\echo
select format(E'  visible after   p50 %s ms, p99 %s ms, at most %s ms (from the call that produces; promised: p99 under 150 ms)\n'
              '  tickd used      %s %% of a core, %s MiB (promised: under 2 %%, 40 MiB)\n'
              '  verified        %s rows and %s dead letters compared one by one: %s deviations',
              round(p50_ms::numeric, 1), round(p99_ms::numeric, 1), round((m->'latency_ms'->>'max')::numeric, 1),
              coalesce(round(cpu_pct::numeric, 2)::text, '?'), coalesce(round(rss_mib::numeric, 1)::text, '?'),
              rows, letters, v->>'deviations')
from demo_summary;
\echo
select case when ok then 'All ticks are accounted for.' else 'NOT ALL TICKS ARE ACCOUNTED FOR.' end from demo_summary;
