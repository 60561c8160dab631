/* SPDX-License-Identifier: MIT */
#include "measurement.h"

#include "err.h"
#include "jsonbuf.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void measurement_add(struct measurement *m, const struct sample *s)
{
    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 128;
        m->samples = err_realloc(m->samples, m->cap * sizeof *m->samples);
    }
    m->samples[m->count++] = *s;
}

void measurement_fini(struct measurement *m)
{
    free(m->samples);
    m->samples = NULL;
    m->count = m->cap = 0;
}

bool measurement_is_good(const struct measurement *m)
{
    return m->sender_code == 0 && m->waiting == 0 && m->audits_failed == 0;
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

static json_t *counts_json(const struct measure_counts *c)
{
    return json_pack("{sI sI sI sI sI}", "messages", (json_int_t)c->messages, "stored",
                     (json_int_t)c->stored, "rejected", (json_int_t)c->rejected, "ignored",
                     (json_int_t)c->ignored, "dropped", (json_int_t)c->dropped);
}

static json_t *latency_json(const struct hist *h)
{
    static const struct {
        const char *name;
        double percent;
    } percentiles[] = {{"p50", 50},     {"p75", 75},       {"p90", 90}, {"p99", 99},
                       {"p99.9", 99.9}, {"p99.99", 99.99}, {"max", 100}};
    json_t *all = json_object();
    json_object_set_new(all, "messages", json_integer((json_int_t)h->count));
    json_object_set_new(all, "min", json_real(ms(h->min)));
    json_object_set_new(all, "mean", json_real(h->count ? ms(h->sum) / (double)h->count : 0));
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        json_object_set_new(all, percentiles[i].name,
                            json_real(ms(hist_percentile(h, percentiles[i].percent))));
    return all;
}

static json_t *sample_json(const struct sample *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "at_s", json_real(s->at_s));
    json_object_set_new(o, "length_s", json_real(s->length_s));
    json_object_set_new(o, "sent", json_integer((json_int_t)s->sent));
    json_object_set_new(o, "seen", counts_json(&s->seen));
    json_object_set_new(o, "waiting", json_integer((json_int_t)s->waiting));
    json_object_set_new(o, "p50_ms", s->latencies ? json_real(ms(s->p50_us)) : json_null());
    json_object_set_new(o, "p99_ms", s->latencies ? json_real(ms(s->p99_us)) : json_null());
    json_object_set_new(o, "max_ms", s->latencies ? json_real(ms(s->max_us)) : json_null());
    json_object_set_new(o, "cpu_pct", s->cpu_pct >= 0 ? json_real(s->cpu_pct) : json_null());
    json_object_set_new(o, "rss_bytes", json_integer(s->rss_bytes));
    json_object_set_new(o, "database_bytes", json_integer(s->database_bytes));
    json_object_set_new(o, "ticks_bytes", json_integer(s->ticks_bytes));
    return o;
}

static json_t *process_json(const struct measurement *m)
{
    if (!m->process_known)
        return json_null();
    return json_pack("{sf sI sI}", "cpu_pct", m->cpu_pct, "rss_bytes", (json_int_t)m->rss_bytes,
                     "rss_peak_bytes", (json_int_t)m->rss_peak_bytes);
}

static json_t *to_json(const struct measurement *m)
{
    json_t *all = json_object();
    json_t *samples = json_array();
    for (size_t i = 0; i < m->count; i++)
        json_array_append_new(samples, sample_json(&m->samples[i]));
    json_object_set_new(all, "ok", json_boolean(measurement_is_good(m)));
    json_object_set_new(all, "started", json_string(m->started));
    json_object_set_new(all, "topic", json_string(m->topic));
    json_object_set_new(all, "group", json_string(m->group));
    json_object_set_new(all, "run_s", json_real(m->run_s));
    json_object_set_new(all, "sending_s", json_real(m->sending_s));
    json_object_set_new(all, "poll_ms", json_real(m->poll_ms));
    json_object_set_new(all, "sent", json_integer((json_int_t)m->sent));
    json_object_set_new(all, "bytes", json_integer((json_int_t)m->bytes));
    json_object_set_new(all, "rate", json_real(measurement_rate(m)));
    json_object_set_new(all, "waiting", json_integer((json_int_t)m->waiting));
    json_object_set_new(all, "seen", counts_json(&m->seen));
    json_object_set_new(all, "latency_ms", latency_json(&m->latency));
    json_object_set_new(all, "process", process_json(m));
    json_object_set_new(all, "database_growth_bytes", json_integer(m->database_growth));
    json_object_set_new(all, "ticks_growth_bytes", json_integer(m->ticks_growth));
    json_object_set_new(all, "looks", json_integer((json_int_t)m->looks));
    json_object_set_new(all, "failed_looks", json_integer((json_int_t)m->failed_looks));
    json_object_set_new(all, "audits", json_integer((json_int_t)m->audits));
    json_object_set_new(all, "audits_failed", json_integer((json_int_t)m->audits_failed));
    json_object_set_new(all, "sender_code", json_integer(m->sender_code));
    json_object_set_new(all, "interrupted", json_boolean(m->interrupted));
    json_object_set_new(all, "samples", samples);
    return all;
}

double measurement_rate(const struct measurement *m)
{
    /* n messages have n - 1 gaps. */
    return m->sent > 1 && m->sending_s > 0 ? (double)(m->sent - 1) / m->sending_s : 0;
}

void measurement_json(const struct measurement *m, struct buf *out)
{
    json_t *all = to_json(m);
    jsonbuf_put_new(out, all, 1);
}
