/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include "metrics_list.h"
#include "ready.h"
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum metric_type { COUNTER, GAUGE, HISTOGRAM, INFO };

/* Where samples go. */
struct out {
    struct buf *buf;
    const char *name;
    size_t labels; /* of the sample that is being written */
};

/* --- writing --- */

static void put_text(struct out *o, const char *text)
{
    buf_put(o->buf, text, strlen(text));
}

/* Backslash, quote and newline are escaped in both formats. */
static void put_escaped(struct out *o, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            put_text(o, "\\n");
        else if (*text == '\\' || *text == '"')
            buf_put(o->buf, (const char[2]){'\\', *text}, 2);
        else
            buf_put(o->buf, text, 1);
    }
}

static void begin_sample(struct out *o, const char *suffix)
{
    put_text(o, o->name);
    put_text(o, suffix);
    o->labels = 0;
}

static void put_label(struct out *o, const char *name, const char *value)
{
    put_text(o, o->labels++ == 0 ? "{" : ",");
    put_text(o, name);
    put_text(o, "=\"");
    put_escaped(o, value);
    put_text(o, "\"");
}

/* The shortest text that is this number again. */
static void put_number(struct out *o, double value)
{
    char text[40];
    if (isnan(value))
        snprintf(text, sizeof text, "NaN");
    else if (isinf(value))
        snprintf(text, sizeof text, value > 0 ? "+Inf" : "-Inf");
    else if (value == trunc(value) && fabs(value) < 1e15)
        snprintf(text, sizeof text, "%.0f", value);
    else {
        snprintf(text, sizeof text, "%.15g", value);
        if (strtod(text, NULL) != value)
            snprintf(text, sizeof text, "%.17g", value);
    }
    put_text(o, text);
}

static void end_sample(struct out *o, double value)
{
    put_text(o, o->labels > 0 ? "} " : " ");
    put_number(o, value);
    put_text(o, "\n");
}

static void put_value(struct out *o, double value)
{
    begin_sample(o, "");
    end_sample(o, value);
}

static void put_labelled(struct out *o, const char *label, const char *text, double value)
{
    begin_sample(o, "");
    put_label(o, label, text);
    end_sample(o, value);
}

#define VALUE(value)            put_value(o, (double)(value))
#define MAYBE(condition, value) put_maybe(o, condition, (double)(value))

static void put_maybe(struct out *o, bool known, double value)
{
    if (known)
        put_value(o, value);
}

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

/* --- samples with labels --- */

static void put_build(struct out *o, const struct vitals *v)
{
    char libpq[24];
    (void)v;
    snprintf(libpq, sizeof libpq, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
    begin_sample(o, "");
    put_label(o, "version", TICKD_VERSION);
    put_label(o, "librdkafka", rd_kafka_version_str());
    put_label(o, "libpq", libpq);
    put_label(o, "libmicrohttpd", MHD_get_version());
    end_sample(o, 1);
}

static void put_settings(struct out *o, const struct vitals *v)
{
    static const char *const names[] = {"group", "topics",     "writers",
                                        "ties",  "start_from", "on_offset_gap"};
    begin_sample(o, "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *value = config_shown(v->config, names[i]);
        put_label(o, names[i], value);
        free(value);
    }
    put_label(o, "fk_check", v->facts.schema ? fkcheck_word(&v->facts.schema->fk) : "unknown");
    end_sample(o, 1);
}

static void put_conditions(struct out *o, const struct vitals *v)
{
    for (int c = 0; c < READY_COUNT; c++)
        put_labelled(o, "condition", ready_name((enum ready_condition)c),
                     ready_is_met((enum ready_condition)c, v));
}

static void put_state(struct out *o, const struct vitals *v)
{
    put_labelled(o, "state", v->facts.state, 1);
}

static double state_since_s(const struct vitals *v)
{
    return seconds(v->now.wall_us - (v->now.mono_us - v->facts.state_since_us));
}

static int64_t capacity_bytes(const struct vitals *v)
{
    return v->config->database_capacity_bytes;
}

static void put_rejects(struct out *o, const struct vitals *v)
{
    for (int r = REJECT_NONE + 1; r < REJECT_COUNT; r++)
        put_labelled(o, "reason", reject_code((enum reject_reason)r),
                     (double)v->facts.stats.rejects[r]);
}

static void put_pending_rows(struct out *o, const struct vitals *v)
{
    put_labelled(o, "batch", "filling", (double)v->facts.filling.rows);
    put_labelled(o, "batch", "flying", (double)v->facts.flying.rows);
}

static void put_pending_bytes(struct out *o, const struct vitals *v)
{
    put_labelled(o, "batch", "filling", (double)v->facts.filling.bytes);
    put_labelled(o, "batch", "flying", (double)v->facts.flying.bytes);
}

static void put_partition(struct out *o, const struct vital_partition *p, int64_t value)
{
    char id[16];
    if (value < 0)
        return; /* not known */
    snprintf(id, sizeof id, "%" PRId32, p->id);
    begin_sample(o, "");
    put_label(o, "topic", p->topic);
    put_label(o, "partition", id);
    end_sample(o, (double)value);
}

#define PARTITION_METRIC(name, value)                                                              \
    static void name(struct out *o, const struct vitals *v)                                        \
    {                                                                                              \
        for (size_t i = 0; i < v->facts.partition_count; i++) {                                    \
            const struct vital_partition *p = &v->facts.partitions[i];                             \
            put_partition(o, p, value);                                                            \
        }                                                                                          \
    }
PARTITION_METRIC(put_lag, vital_partition_lag(p))
PARTITION_METRIC(put_stored, p->stored)
PARTITION_METRIC(put_begin, p->begin)
PARTITION_METRIC(put_end, p->end)
PARTITION_METRIC(put_stopped, p->stopped)

static void put_sessions(struct out *o, const struct vitals *v)
{
    put_labelled(o, "session", "writing", v->facts.database_connected);
    put_labelled(o, "session", "service", v->facts.service_connected);
}

static void put_connects(struct out *o, const struct vitals *v)
{
    put_labelled(o, "session", "writing", (double)v->facts.database_connects);
    put_labelled(o, "session", "service", (double)v->facts.service_connects);
}

static void put_pair_ticks(struct out *o, const struct vitals *v)
{
    for (uint32_t slot = 0; slot < pairs_slot_count(v->pairs); slot++) {
        const struct pair *pair = pairs_at(v->pairs, slot);
        if (pair->active)
            put_labelled(o, "symbol", pair->symbol, (double)quotes_get(v->quotes, slot)->ticks);
    }
}

static void put_pair_times(struct out *o, const struct vitals *v)
{
    for (uint32_t slot = 0; slot < pairs_slot_count(v->pairs); slot++) {
        const struct pair *pair = pairs_at(v->pairs, slot);
        const struct quote *quote = quotes_get(v->quotes, slot);
        if (pair->active && quote->time_us != INT64_MIN)
            put_labelled(o, "symbol", pair->symbol, seconds(quote->time_us));
    }
}

static const char *severity_name(enum schema_severity severity)
{
    return severity == SCHEMA_FATAL ? "fatal" : "warning";
}

static void put_findings(struct out *o, const struct vitals *v)
{
    size_t counts[] = {[SCHEMA_FATAL] = 0, [SCHEMA_WARNING] = 0};
    if (!v->facts.schema)
        return;
    for (size_t i = 0; i < v->facts.schema->count; i++)
        counts[v->facts.schema->findings[i].severity]++;
    put_labelled(o, "severity", "fatal", (double)counts[SCHEMA_FATAL]);
    put_labelled(o, "severity", "warning", (double)counts[SCHEMA_WARNING]);
}

/* True if an earlier finding is about the same object: a label set may come only once. */
static bool is_repeated(const struct schema_report *schema, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (schema->findings[k].severity == schema->findings[i].severity &&
            strcmp(schema->findings[k].object, schema->findings[i].object) == 0)
            return true;
    }
    return false;
}

static void put_missing(struct out *o, const struct vitals *v)
{
    const struct schema_report *schema = v->facts.schema;
    for (size_t i = 0; schema && i < schema->count; i++) {
        if (is_repeated(schema, i))
            continue;
        begin_sample(o, "");
        put_label(o, "object", schema->findings[i].object);
        put_label(o, "severity", severity_name(schema->findings[i].severity));
        end_sample(o, 1);
    }
}

static void put_clients(struct out *o, const struct vitals *v)
{
    put_labelled(o, "kind", "request", (double)(v->facts.http_clients - v->facts.http_streams));
    put_labelled(o, "kind", "stream", (double)v->facts.http_streams);
}

/* --- histograms --- */

#define K 1000
#define M 1000000

static const uint64_t row_bounds[] = {1,    10,   50,    100,   250,   500,   1000,
                                      2500, 5000, 10000, 25000, 50000, 100000};
static const uint64_t byte_bounds[] = {1024, 4096, 16384, 65536, 262144, 1048576, 2097152, 4194304};
static const uint64_t us_bounds[] = {500,    1 * K,   2500,    5 * K,   10 * K,  25 * K,
                                     50 * K, 100 * K, 250 * K, 500 * K, 1 * M,   2500 * K,
                                     5 * M,  10 * M,  30 * M,  60 * M,  300 * M, 3600ULL * M};
static const uint64_t ns_bounds[] = {250,    500,    1 * K,   2 * K, 5 * K,
                                     10 * K, 25 * K, 100 * K, 1 * M, 10 * M};
static const uint64_t turn_bounds[] = {10,     100,    500,     1 * K,   2500,  5 * K, 10 * K,
                                       25 * K, 50 * K, 100 * K, 250 * K, 1 * M, 10 * M};

#define BOUNDS(list) list, sizeof list / sizeof *list

static const struct {
    const uint64_t *bounds;
    size_t count;
    double unit; /* of the histogram's values, for one of the metric's */
} scales[] = {
    [HIST_BATCH_ROWS] = {BOUNDS(row_bounds), 1}, [HIST_BATCH_BYTES] = {BOUNDS(byte_bounds), 1},
    [HIST_COMMIT] = {BOUNDS(us_bounds), 1e6},    [HIST_EVENT_TO_COMMIT] = {BOUNDS(us_bounds), 1e6},
    [HIST_DECODE] = {BOUNDS(ns_bounds), 1e9},    [HIST_LOOP_TURN] = {BOUNDS(turn_bounds), 1e6},
};

static void put_bucket(struct out *o, const char *bound, uint64_t count)
{
    begin_sample(o, "_bucket");
    put_label(o, "le", bound);
    end_sample(o, (double)count);
}

static void put_hist(struct out *o, const struct vitals *v, enum vital_hist which)
{
    const struct hist *h = &v->hists[which];
    for (size_t i = 0; i < scales[which].count; i++) {
        char bound[32];
        snprintf(bound, sizeof bound, "%.10g",
                 (double)scales[which].bounds[i] / scales[which].unit);
        put_bucket(o, bound, hist_count_to(h, scales[which].bounds[i]));
    }
    put_bucket(o, "+Inf", h->count);
    begin_sample(o, "_sum");
    end_sample(o, (double)h->sum / scales[which].unit);
    begin_sample(o, "_count");
    end_sample(o, (double)h->count);
}

/* --- the table --- */

#define X(name, type, labels, how, help)                                                           \
    static void collect_##name(struct out *o, const struct vitals *v)                              \
    {                                                                                              \
        (void)v;                                                                                   \
        how;                                                                                       \
    }
METRICS(X)
#undef X

static const struct {
    const char *name;
    enum metric_type type;
    const char *help;
    void (*collect)(struct out *o, const struct vitals *v);
} metrics[] = {
#define X(name, type, labels, how, help) {#name, type, help, collect_##name},
    METRICS(X)
#undef X
};

/* The text format has no type for facts; a gauge that is 1 stands for them. */
static const char *type_name(enum metric_type type, enum metrics_format format)
{
    switch (type) {
    case COUNTER:
        return "counter";
    case GAUGE:
        return "gauge";
    case HISTOGRAM:
        return "histogram";
    case INFO:
        return format == METRICS_OPENMETRICS ? "info" : "gauge";
    }
    return "unknown";
}

/* In OpenMetrics a family's name is without the suffix that its samples have. */
static size_t family_length(const char *name, enum metric_type type, enum metrics_format format)
{
    size_t len = strlen(name);
    if (format == METRICS_OPENMETRICS && type == COUNTER)
        len -= strlen("_total");
    if (format == METRICS_OPENMETRICS && type == INFO)
        len -= strlen("_info");
    return len;
}

static void put_head(struct out *o, size_t i, enum metrics_format format)
{
    size_t len = family_length(metrics[i].name, metrics[i].type, format);
    put_text(o, "# HELP ");
    buf_put(o->buf, metrics[i].name, len);
    put_text(o, " ");
    put_escaped(o, metrics[i].help);
    put_text(o, "\n# TYPE ");
    buf_put(o->buf, metrics[i].name, len);
    put_text(o, " ");
    put_text(o, type_name(metrics[i].type, format));
    put_text(o, "\n");
}

void metrics_render(struct buf *out, const struct vitals *v, enum metrics_format format)
{
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        struct out o = {.buf = out, .name = metrics[i].name};
        put_head(&o, i, format);
        metrics[i].collect(&o, v);
    }
    if (format == METRICS_OPENMETRICS)
        buf_put(out, "# EOF\n", strlen("# EOF\n"));
}

/* --- what the client wants --- */

/* The weight of a media range ("type;name=value;q=0.5"), which ends at a comma; 1 if it has none.
 */
static double weight(const char *range)
{
    for (const char *c = range; *c && *c != ','; c++) {
        if (*c != ';')
            continue;
        const char *name = c + 1 + strspn(c + 1, " \t");
        if ((*name == 'q' || *name == 'Q') && name[1] == '=')
            return strtod(name + 2, NULL);
    }
    return 1;
}

/* The weight of a media type that the header names; 0 if it does not. */
static double weight_of(const char *accept, const char *type)
{
    double most = 0;
    while (*accept) {
        accept += strspn(accept, ", \t");
        size_t len = strcspn(accept, ",; \t");
        double found = weight(accept);
        if (len == strlen(type) && strncasecmp(accept, type, len) == 0 && found > most)
            most = found;
        accept += strcspn(accept, ",");
    }
    return most;
}

/* Who takes anything gets the text that people can read. */
enum metrics_format metrics_negotiate(const char *accept)
{
    double wanted = accept ? weight_of(accept, "application/openmetrics-text") : 0;
    return wanted > 0 && wanted >= weight_of(accept, "text/plain") ? METRICS_OPENMETRICS
                                                                   : METRICS_TEXT;
}

const char *metrics_content_type(enum metrics_format format)
{
    if (format == METRICS_OPENMETRICS)
        return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    return "text/plain; version=0.0.4; charset=utf-8";
}
