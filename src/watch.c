/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include "clock.h"
#include "log.h"
#include "ready.h"
#include "web.h"
#include <inttypes.h>
#include <stdlib.h>

/* How often the brokers are asked where their logs end: what is fetched tells it too, but nothing
 * is fetched while nobody takes it. */
#define ENDS_US         INT64_C(30000000)
#define ENDS_WAITING_US INT64_C(5000000)

/* The last prices are asked for until there is an answer. */
#define PRICES_RETRY_US INT64_C(5000000)

struct watch {
    const struct config *config;
    const struct pairs *pairs;
    struct watch_parts parts;
    struct monitor *monitor;
    struct web *web;
    struct vital_partition *partitions;
    size_t partition_cap;
    int64_t ends_us; /* when last asked for, as are the next two; monotonic */
    int64_t stats_us;
    int64_t prices_us;
    bool prices_answered;
    struct report_ready ready;
};

struct monitor *watch_monitor(struct watch *w)
{
    return w->monitor;
}

/* --- facts --- */

static size_t collect_partitions(struct watch *w)
{
    const struct offsets *o = writers_offsets(w->parts.writers);
    if (o->count > w->partition_cap) {
        w->partition_cap = o->count;
        w->partitions = err_realloc(w->partitions, w->partition_cap * sizeof *w->partitions);
    }
    for (size_t i = 0; i < o->count; i++) {
        struct vital_partition *p = &w->partitions[i];
        *p = (struct vital_partition){
            .topic = o->items[i].topic,
            .id = o->items[i].id,
            .stopped = o->items[i].stopped,
            .stored = o->items[i].durable,
        };
        kafka_ends_of(w->parts.kafka, p->topic, p->id, &p->begin, &p->end);
    }
    return o->count;
}

static void add_writers(struct vital_facts *f, const struct writers_facts *writers)
{
    f->database_connected = writers->connected;
    f->database_usable = writers->usable;
    f->pipeline = writers->state;
    f->partitions_stopped = writers->stopped;
    f->commit_failures = writers->failures;
    f->database_connects = writers->connects;
    f->filling = (struct vital_load){writers->filling_rows, writers->filling_bytes};
    f->flying = (struct vital_load){writers->flying_rows, writers->flying_bytes};
}

static void add_http(struct vital_facts *f, const struct http_stats *http)
{
    f->http_clients = http->clients;
    f->http_streams = http->streams;
    f->http_requests = http->requests;
    f->http_dropped = http->dropped;
}

static struct vital_facts collect(struct watch *w)
{
    const struct watch_parts *p = &w->parts;
    struct writers_facts writers = writers_facts(p->writers);
    struct http_stats http = web_stats(w->web);
    struct vital_facts f = {
        .stopping = p->flags->stopping,
        .service_connected = service_is_connected(p->service),
        .service_connects = service_connects(p->service),
        .pairs_loaded = pairs_loaded(w->pairs),
        .kafka_up = p->flags->kafka_up,
        .kafka_connects = p->flags->kafka_connects,
        .kafka_waits_for = kafka_waits_for(p->kafka),
        .kafka_queued = kafka_queued(p->kafka),
        .stats = writers_stats(p->writers),
        .partition_count = collect_partitions(w),
        .schema = p->report->schema_known ? &p->report->schema : NULL,
        .state = p->report->state[0] ? p->report->state : "starting",
        .state_since_us = p->report->state_since_us,
        .reload_failed = p->flags->reload_failed,
        .configured_us = p->flags->configured_us,
    };
    f.partitions = w->partitions;
    add_writers(&f, &writers);
    add_http(&f, &http);
    return f;
}

static void get_vitals(void *ctx, struct vitals *v)
{
    struct watch *w = ctx;
    struct vital_facts facts = collect(w);
    monitor_vitals(w->monitor, &facts, clock_now(), v);
}

/* --- asking --- */

static bool is_due(int64_t *last_us, int64_t interval_us, int64_t now_us)
{
    if (*last_us != 0 && now_us - *last_us < interval_us)
        return false;
    *last_us = now_us;
    return true;
}

static void ask_kafka(struct watch *w, const struct vital_facts *f, int64_t now_us)
{
    bool waiting = f->kafka_queued > 0;
    if (f->stopping || !f->kafka_up || f->partition_count == 0)
        return;
    if (is_due(&w->ends_us, waiting ? ENDS_WAITING_US : ENDS_US, now_us))
        kafka_ask_ends(w->parts.kafka, writers_offsets(w->parts.writers));
}

/* The service session has nothing better to do once pairs are loaded and the schema is there. */
static void ask_database(struct watch *w, const struct vital_facts *f, int64_t now_us)
{
    if (!f->service_connected || !f->pairs_loaded || !f->schema || !schema_is_usable(f->schema))
        return;
    if (!w->prices_answered && is_due(&w->prices_us, PRICES_RETRY_US, now_us))
        service_ask_prices(w->parts.service);
    if (is_due(&w->stats_us, w->config->database_stats_interval_ms * 1000, now_us))
        service_ask_stats(w->parts.service, f->schema->hypertable);
}

static void say_ready(struct watch *w, const struct vital_facts *facts, struct instant now)
{
    struct vitals v;
    monitor_own_vitals(w->monitor, facts, now, &v);
    report_ready(&w->ready, ready_unmet(&v), now.mono_us);
}

void watch_second(struct watch *w, struct instant now)
{
    struct vital_facts facts = collect(w);
    monitor_second(w->monitor, &facts, now);
    say_ready(w, &facts, now);
    ask_kafka(w, &facts, now.mono_us);
    ask_database(w, &facts, now.mono_us);
}

void watch_on_stats(struct watch *w, const PGresult *rows)
{
    struct err e;
    if (!monitor_stats(w->monitor, rows, clock_now().wall_us, &e))
        log_warn("stats_unreadable", "the database's sizes could not be taken", "error=%s", e.text);
}

void watch_on_prices(struct watch *w, const PGresult *rows)
{
    struct err e;
    size_t count;
    w->prices_answered = true;
    if (monitor_prices(w->monitor, rows, &count, &e))
        log_info("prices_loaded", "the last prices were read from the table", "prices=%zu", count);
    else
        log_warn("prices_unreadable", "the last prices could not be taken", "error=%s", e.text);
}

/* --- telling --- */

static void dump_missing(const struct vitals *v)
{
    for (int i = 0; i < READY_COUNT; i++) {
        enum ready_condition c = (enum ready_condition)i;
        if (!ready_is_met(c, v))
            log_info("dump_missing", ready_text(c), "condition=%s", ready_name(c));
    }
}

static void dump_partitions(const struct vital_facts *f)
{
    for (size_t i = 0; i < f->partition_count; i++) {
        const struct vital_partition *p = &f->partitions[i];
        log_info("dump_partition", p->stopped ? "stopped by a gap" : "assigned",
                 "topic=%s partition=%d stored=%" PRId64 " log_begin=%" PRId64 " log_end=%" PRId64
                 " lag=%" PRId64,
                 p->topic, (int)p->id, p->stored, p->begin, p->end, vital_partition_lag(p));
    }
}

static void dump_work(const struct vitals *v)
{
    const struct vital_facts *f = &v->facts;
    const struct pipeline_stats *s = &f->stats;
    log_info("dump_work", "since the start",
             "messages=%" PRIu64 " stored=%" PRIu64 " rejected=%" PRIu64 " ignored=%" PRIu64
             " dropped=%" PRIu64 " commits=%" PRIu64 " merges=%" PRIu64 " retries=%" PRIu64
             " fences_lost=%" PRIu64 " rewinds=%" PRIu64 " filling_rows=%zu flying_rows=%zu"
             " queued=%zu backpressure_s=%.3f commit_p99_ms=%.1f latency_p99_ms=%.1f",
             s->messages, s->stored, s->rejected, s->ignored, s->dropped, s->commits, s->merges,
             s->retries, s->fences_lost, s->rewinds, f->filling.rows, f->flying.rows,
             f->kafka_queued, v->backpressure_s,
             (double)hist_percentile(&v->hists[HIST_COMMIT], 99) / 1000,
             (double)hist_percentile(&v->hists[HIST_EVENT_TO_COMMIT], 99) / 1000);
}

void watch_dump(struct watch *w)
{
    struct vitals v;
    get_vitals(w, &v);
    const struct vital_facts *f = &v.facts;
    log_info("dump", f->state,
             "ready=%s for_s=%.1f uptime_s=%.1f database=%s usable=%s service=%s broker=%s"
             " waits_for=%s pipeline=%s pairs=%zu active=%zu lag=%" PRId64 " rss_bytes=%" PRId64
             " fds=%" PRId64 " http_clients=%zu",
             ready(&v) ? "yes" : "no", (double)(v.now.mono_us - f->state_since_us) / 1e6,
             (double)(v.now.wall_us - v.started_us) / 1e6, f->database_connected ? "up" : "down",
             f->database_usable ? "yes" : "no", f->service_connected ? "up" : "down",
             f->kafka_up ? "up" : "down", f->kafka_waits_for ? f->kafka_waits_for : "nothing",
             pipeline_state_name(f->pipeline), pairs_count(v.pairs), pairs_active_count(v.pairs),
             v.lag, v.process.resident_bytes, v.process.open_fds, f->http_clients);
    dump_work(&v);
    dump_missing(&v);
    dump_partitions(f);
}

/* --- life --- */

struct watch *watch_new(struct ev_loop *loop, const struct config *config,
                        const struct pairs *pairs, bool *misconfigured, struct err *e)
{
    struct watch *w = err_calloc(1, sizeof *w);
    w->config = config;
    w->pairs = pairs;
    w->web = web_new(loop, config, get_vitals, w, misconfigured, e);
    if (!w->web) {
        free(w);
        return NULL;
    }
    w->monitor = monitor_new(config, pairs, clock_now());
    return w;
}

void watch_start(struct watch *w, const struct watch_parts *parts)
{
    w->parts = *parts;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    web_free(w->web);
    monitor_free(w->monitor);
    free(w->partitions);
    free(w);
}
