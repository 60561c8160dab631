/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "json_out.h"
#include "ready.h"
#include <math.h>
#include <string.h>

#define FIELD(kind, name, value) (json_out_key(j, name), json_out_##kind(j, value))

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

static void put_seconds(struct json_out *j, const char *name, int64_t us)
{
    json_out_key(j, name);
    json_out_round(j, seconds(us), 3);
}

static void put_rounded(struct json_out *j, const char *name, double value, int decimals)
{
    json_out_key(j, name);
    json_out_round(j, value, decimals);
}

/* A count, null if it is not known. */
static void put_known(struct json_out *j, const char *name, int64_t value)
{
    json_out_key(j, name);
    if (value < 0)
        json_out_null(j);
    else
        json_out_int(j, value);
}

/* A time that may not have been yet: null. */
static void put_time(struct json_out *j, const char *name, int64_t us)
{
    json_out_key(j, name);
    json_out_time(j, us ? us : INT64_MIN);
}

static void open_member(struct json_out *j, const char *name, char bracket)
{
    json_out_key(j, name);
    json_out_open(j, bracket);
}

static void finish(struct buf *out)
{
    buf_put(out, "\n", 1);
}

/* --- pairs and prices --- */

/* Six digits are plenty for a picture. What was in the table before tickd may be 0. */
static int spark_decimals(float value)
{
    if (value == 0)
        return 0;
    int decimals = 5 - (int)floorf(log10f(fabsf(value)));
    return decimals < 0 ? 0 : decimals > 12 ? 12 : decimals;
}

static void put_pair(struct json_out *j, const struct vitals *v, const struct pair *pair)
{
    const struct quote *quote = quotes_get(v->quotes, pair->slot);
    bool known = quote->time_us != INT64_MIN;
    json_out_open(j, '{');
    FIELD(text, "symbol", pair->symbol);
    FIELD(text, "display_name", pair->display_name);
    FIELD(text, "category", pair->category);
    FIELD(bool, "active", pair->active);
    FIELD(number, "price", quote->price);
    FIELD(number, "bid", quote->bid);
    FIELD(number, "ask", quote->ask);
    FIELD(time, "time", quote->time_us);
    put_rounded(j, "age_s", known ? seconds(v->now.wall_us - quote->time_us) : NAN, 3);
    put_rounded(j, "change_24h_pct", quotes_change_24h(quote), 4);
    FIELD(int, "ticks", (int64_t)quote->ticks);
    put_rounded(j, "ticks_per_s", quotes_rate(v->quotes, pair->slot), 2);
    open_member(j, "spark", '[');
    for (size_t i = 0; i < QUOTES_SPARK; i++) {
        float point = quotes_spark(v->quotes, pair->slot, i);
        if (isfinite(point))
            json_out_round(j, (double)point, spark_decimals(point));
    }
    json_out_close(j, ']');
    json_out_close(j, '}');
}

void api_pairs(struct buf *out, const struct vitals *v)
{
    struct json_out json, *j = &json;
    int64_t count = 0;
    json_out_init(j, out);
    json_out_open(j, '{');
    open_member(j, "pairs", '[');
    for (uint32_t slot = 0; slot < pairs_slot_count(v->pairs); slot++) {
        const struct pair *pair = pairs_at(v->pairs, slot);
        if (!pair->active)
            continue;
        put_pair(j, v, pair);
        count++;
    }
    json_out_close(j, ']');
    FIELD(int, "count", count);
    FIELD(int, "spark_step_s", quotes_spark_s);
    json_out_close(j, '}');
    finish(out);
}

static void put_price(struct json_out *j, const struct pair *pair, const struct quote *quote)
{
    FIELD(text, "symbol", pair->symbol);
    FIELD(text, "display_name", pair->display_name);
    FIELD(number, "price", quote->price);
    FIELD(time, "time", quote->time_us);
    put_rounded(j, "change_24h_pct", quotes_change_24h(quote), 4);
    FIELD(number, "bid", quote->bid);
    FIELD(number, "ask", quote->ask);
    FIELD(text, "category", pair->category);
}

/* Active pairs whose price is known and has changed after `since`; returns how many. */
static int64_t put_prices(struct json_out *j, const struct vitals *v, uint64_t since, bool rates)
{
    int64_t count = 0;
    for (uint32_t slot = 0; slot < pairs_slot_count(v->pairs); slot++) {
        const struct pair *pair = pairs_at(v->pairs, slot);
        const struct quote *quote = quotes_get(v->quotes, slot);
        if (!pair->active || quote->change <= since)
            continue;
        json_out_open(j, '{');
        put_price(j, pair, quote);
        if (rates)
            put_rounded(j, "ticks_per_s", quotes_rate(v->quotes, slot), 2);
        json_out_close(j, '}');
        count++;
    }
    return count;
}

void api_latest_prices(struct buf *out, const struct vitals *v)
{
    struct json_out json, *j = &json;
    json_out_init(j, out);
    json_out_open(j, '{');
    open_member(j, "prices", '[');
    int64_t count = put_prices(j, v, 0, false);
    json_out_close(j, ']');
    FIELD(int, "count", count);
    json_out_close(j, '}');
    finish(out);
}

/* --- readiness --- */

/* What is wrong with the schema, by name. */
static void put_findings(struct json_out *j, const struct schema_report *schema)
{
    json_out_open(j, '[');
    for (size_t i = 0; schema && i < schema->count; i++) {
        const struct schema_finding *f = &schema->findings[i];
        json_out_open(j, '{');
        FIELD(text, "object", f->object);
        FIELD(text, "severity", f->severity == SCHEMA_FATAL ? "fatal" : "warning");
        FIELD(text, "text", f->text);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
}

static void put_missing(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '[');
    for (int i = 0; i < READY_COUNT; i++) {
        enum ready_condition c = (enum ready_condition)i;
        if (ready_is_met(c, v))
            continue;
        json_out_open(j, '{');
        FIELD(text, "name", ready_name(c));
        FIELD(text, "text", ready_text(c));
        if (c == READY_SCHEMA) {
            json_out_key(j, "objects");
            put_findings(j, v->facts.schema);
        }
        if ((c == READY_BROKER || c == READY_PARTITIONS) && v->facts.kafka_waits_for)
            FIELD(text, "waits_for", v->facts.kafka_waits_for);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
}

static void put_state(struct json_out *j, const struct vitals *v)
{
    int64_t for_us = v->now.mono_us - v->facts.state_since_us;
    FIELD(text, "state", v->facts.state);
    FIELD(time, "since", v->now.wall_us - for_us);
    put_seconds(j, "for_s", for_us);
    FIELD(bool, "ready", ready(v));
    json_out_key(j, "missing");
    put_missing(j, v);
}

void api_ready(struct buf *out, const struct vitals *v)
{
    struct json_out json, *j = &json;
    json_out_init(j, out);
    json_out_open(j, '{');
    put_state(j, v);
    json_out_close(j, '}');
    finish(out);
}

void api_health(struct buf *out, const struct vitals *v)
{
    struct json_out json, *j = &json;
    json_out_init(j, out);
    json_out_open(j, '{');
    FIELD(bool, "alive", true);
    put_seconds(j, "uptime_s", v->now.wall_us - v->started_us);
    json_out_close(j, '}');
    finish(out);
}

/* --- status --- */

static void put_totals(struct json_out *j, const struct pipeline_stats *s)
{
    json_out_open(j, '{');
    FIELD(int, "messages", (int64_t)s->messages);
    FIELD(int, "skipped", (int64_t)s->seen_before);
    FIELD(int, "stored", (int64_t)s->stored);
    FIELD(int, "rejected", (int64_t)s->rejected);
    FIELD(int, "ignored", (int64_t)s->ignored);
    FIELD(int, "dropped", (int64_t)s->dropped);
    FIELD(int, "ties_spread", (int64_t)s->ties_spread);
    FIELD(int, "commits", (int64_t)s->commits);
    FIELD(int, "merges", (int64_t)s->merges);
    FIELD(int, "retries", (int64_t)s->retries);
    FIELD(int, "fences_lost", (int64_t)s->fences_lost);
    FIELD(int, "rewinds", (int64_t)s->rewinds);
    json_out_close(j, '}');
}

static void put_rates(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '{');
    put_rounded(j, "messages_per_s", v->messages_per_s, 1);
    put_rounded(j, "stored_per_s", v->stored_per_s, 1);
    put_rounded(j, "rejected_per_s", v->rejected_per_s, 1);
    json_out_close(j, '}');
}

static void put_latency(struct json_out *j, const char *name, const struct hist *h)
{
    open_member(j, name, '{');
    FIELD(int, "count", (int64_t)h->count);
    put_rounded(j, "p50_s", seconds((int64_t)hist_percentile(h, 50)), 6);
    put_rounded(j, "p99_s", seconds((int64_t)hist_percentile(h, 99)), 6);
    put_rounded(j, "max_s", seconds((int64_t)h->max), 6);
    json_out_close(j, '}');
}

static void put_partitions(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '[');
    for (size_t i = 0; i < v->facts.partition_count; i++) {
        const struct vital_partition *p = &v->facts.partitions[i];
        json_out_open(j, '{');
        FIELD(text, "topic", p->topic);
        FIELD(int, "partition", p->id);
        put_known(j, "stored_offset", p->stored);
        put_known(j, "log_begin", p->begin);
        put_known(j, "log_end", p->end);
        put_known(j, "lag", vital_partition_lag(p));
        FIELD(bool, "stopped", p->stopped);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
}

static void put_load(struct json_out *j, const char *name, const struct vital_load *load)
{
    open_member(j, name, '{');
    FIELD(int, "rows", (int64_t)load->rows);
    FIELD(int, "bytes", (int64_t)load->bytes);
    json_out_close(j, '}');
}

static void put_kafka(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '{');
    FIELD(bool, "connected", v->facts.kafka_up);
    FIELD(int, "connects", (int64_t)v->facts.kafka_connects);
    FIELD(text, "waits_for", v->facts.kafka_waits_for);
    FIELD(int, "queued", (int64_t)v->facts.kafka_queued);
    put_known(j, "lag", v->lag);
    json_out_key(j, "partitions");
    put_partitions(j, v);
    json_out_close(j, '}');
}

static void put_database(struct json_out *j, const struct vitals *v)
{
    const struct dbstats *d = v->database;
    json_out_open(j, '{');
    FIELD(bool, "connected", v->facts.database_connected);
    FIELD(bool, "usable", v->facts.database_usable);
    FIELD(bool, "service_connected", v->facts.service_connected);
    FIELD(int, "connects", (int64_t)v->facts.database_connects);
    FIELD(int, "commit_failures", v->facts.commit_failures);
    put_time(j, "looked", d->looked_us);
    put_known(j, "database_bytes", d->looked_us ? d->database_bytes : -1);
    put_known(j, "ticks_bytes", d->looked_us ? d->ticks_bytes : -1);
    put_rounded(j, "ticks_growth_bytes_per_s", d->size_count > 1 ? dbstats_growth(d) : NAN, 1);
    put_known(j, "chunks", d->looked_us ? d->chunks : -1);
    FIELD(bool, "archiving", d->archiving);
    FIELD(bool, "archive_fails", dbstats_archive_fails(d));
    put_time(j, "last_archived", d->last_archived_us);
    json_out_close(j, '}');
}

static void put_batches(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '{');
    put_load(j, "filling", &v->facts.filling);
    put_load(j, "flying", &v->facts.flying);
    FIELD(bool, "backpressure", v->backpressure);
    put_rounded(j, "backpressure_s", v->backpressure_s, 3);
    json_out_close(j, '}');
}

static void put_schema(struct json_out *j, const struct schema_report *schema)
{
    json_out_open(j, '{');
    FIELD(bool, "checked", schema != NULL);
    FIELD(bool, "usable", schema &&schema_is_usable(schema));
    FIELD(bool, "hypertable", schema && schema->hypertable);
    FIELD(text, "timescaledb", schema && schema->timescaledb[0] ? schema->timescaledb : NULL);
    FIELD(text, "fk_check", schema ? fkcheck_word(&schema->fk) : NULL);
    FIELD(text, "fk_check_reason", schema ? schema->fk.reason : NULL);
    json_out_key(j, "findings");
    put_findings(j, schema);
    json_out_close(j, '}');
}

static void put_example(struct json_out *j, const struct vital_example *x)
{
    json_out_open(j, '{');
    FIELD(time, "time", x->time_us);
    FIELD(int, "partition", x->partition);
    FIELD(int, "offset", x->offset);
    FIELD(text, "detail", x->detail);
    json_out_key(j, "payload");
    json_out_bytes(j, x->payload, x->payload_len);
    FIELD(int, "payload_bytes", (int64_t)x->payload_bytes);
    json_out_close(j, '}');
}

static void put_rejects(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '[');
    for (int r = REJECT_NONE + 1; r < REJECT_COUNT; r++) {
        if (v->facts.stats.rejects[r] == 0)
            continue;
        json_out_open(j, '{');
        FIELD(text, "reason", reject_code((enum reject_reason)r));
        FIELD(text, "text", reject_text((enum reject_reason)r));
        FIELD(int, "count", (int64_t)v->facts.stats.rejects[r]);
        json_out_key(j, "last");
        if (v->examples[r].time_us != 0)
            put_example(j, &v->examples[r]);
        else
            json_out_null(j);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
}

/* One array for each column: half the size of an object for each sample. */
#define COLUMN(name, put)                                                                          \
    open_member(j, name, '[');                                                                     \
    for (size_t i = 0; i < h->count; i++) {                                                        \
        const struct history_sample *s = history_get(h, i);                                        \
        put;                                                                                       \
    }                                                                                              \
    json_out_close(j, ']')

static void put_history(struct json_out *j, const struct history *h)
{
    json_out_open(j, '{');
    FIELD(int, "step_s", HISTORY_STEP_S);
    COLUMN("time", json_out_round(j, seconds(s->time_us), 0));
    COLUMN("messages_per_s", json_out_round(j, s->messages, 1));
    COLUMN("stored_per_s", json_out_round(j, s->stored, 1));
    COLUMN("rejected_per_s", json_out_round(j, s->rejected, 1));
    COLUMN("lag", json_out_number(j, s->lag < 0 ? NAN : (double)s->lag));
    COLUMN("latency_p50_s", json_out_round(j, s->latency_p50_s, 4));
    COLUMN("latency_p99_s", json_out_round(j, s->latency_p99_s, 4));
    COLUMN("commit_p99_s", json_out_round(j, s->commit_p99_s, 4));
    json_out_close(j, '}');
}

static void put_process(struct json_out *j, const struct vitals *v)
{
    json_out_open(j, '{');
    put_rounded(j, "cpu_s", v->process.cpu_s, 2);
    FIELD(int, "resident_bytes", v->process.resident_bytes);
    FIELD(int, "threads", v->process.threads);
    FIELD(int, "open_fds", v->process.open_fds);
    FIELD(int, "http_connections", (int64_t)v->facts.http_clients);
    FIELD(int, "http_streams", (int64_t)v->facts.http_streams);
    FIELD(int, "log_lines_dropped", (int64_t)v->log_dropped);
    json_out_close(j, '}');
}

static void put_setting(void *ctx, const char *name, const char *value, const char *origin)
{
    struct json_out *j = ctx;
    open_member(j, name, '{');
    FIELD(text, "value", value);
    FIELD(text, "origin", origin);
    json_out_close(j, '}');
}

#define MEMBER(name, put) (json_out_key(j, name), put)

void api_status(struct buf *out, const struct vitals *v)
{
    struct json_out json, *j = &json;
    json_out_init(j, out);
    json_out_open(j, '{');
    FIELD(text, "version", TICKD_VERSION);
    FIELD(time, "now", v->now.wall_us);
    FIELD(time, "started", v->started_us);
    put_state(j, v);
    MEMBER("rates", put_rates(j, v));
    MEMBER("totals", put_totals(j, &v->facts.stats));
    put_latency(j, "event_to_commit", &v->hists[HIST_EVENT_TO_COMMIT]);
    put_latency(j, "commit", &v->hists[HIST_COMMIT]);
    put_latency(j, "loop_turn", &v->hists[HIST_LOOP_TURN]);
    MEMBER("batches", put_batches(j, v));
    MEMBER("kafka", put_kafka(j, v));
    MEMBER("database", put_database(j, v));
    MEMBER("schema", put_schema(j, v->facts.schema));
    FIELD(int, "pairs", (int64_t)pairs_count(v->pairs));
    FIELD(int, "pairs_active", (int64_t)pairs_active_count(v->pairs));
    MEMBER("rejects", put_rejects(j, v));
    MEMBER("history", put_history(j, v->history));
    MEMBER("process", put_process(j, v));
    open_member(j, "settings", '{');
    config_each_shown(v->config, put_setting, j);
    json_out_close(j, '}');
    json_out_close(j, '}');
    finish(out);
}

/* --- events --- */

static void begin_event(struct buf *out, const char *name)
{
    buf_put(out, "event: ", 7);
    buf_put(out, name, strlen(name));
    buf_put(out, "\ndata: ", 7);
}

static void end_event(struct buf *out)
{
    buf_put(out, "\n\n", 2);
}

void api_event_prices(struct buf *out, const struct vitals *v, uint64_t since)
{
    struct json_out json, *j = &json;
    size_t before = out->len;
    begin_event(out, "prices");
    json_out_init(j, out);
    json_out_open(j, '{');
    FIELD(bool, "full", since == 0);
    open_member(j, "prices", '[');
    int64_t count = put_prices(j, v, since, true);
    json_out_close(j, ']');
    json_out_close(j, '}');
    end_event(out);
    if (count == 0 && since > 0)
        out->len = before;
}

void api_event_state(struct buf *out, const struct vitals *v)
{
    struct json_out json, *j = &json;
    begin_event(out, "state");
    json_out_init(j, out);
    json_out_open(j, '{');
    FIELD(time, "now", v->now.wall_us);
    put_state(j, v);
    MEMBER("rates", put_rates(j, v));
    MEMBER("totals", put_totals(j, &v->facts.stats));
    put_known(j, "lag", v->lag);
    open_member(j, "ticks_per_s", '{');
    for (uint32_t slot = 0; slot < pairs_slot_count(v->pairs); slot++) {
        const struct pair *pair = pairs_at(v->pairs, slot);
        if (pair->active)
            put_rounded(j, pair->symbol, quotes_rate(v->quotes, slot), 2);
    }
    json_out_close(j, '}');
    json_out_close(j, '}');
    end_event(out);
}
