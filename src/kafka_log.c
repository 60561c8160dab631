/* SPDX-License-Identifier: MIT */
#include "kafka_log.h"

#include "clock.h"
#include <stdio.h>
#include <string.h>

#define CERTIFICATE_FACILITY "SSLCERTVRFY"

static struct log_sampler *sampler_of(struct kafka_log *l, const char *name)
{
    char key[sizeof l->kinds[0].name];
    snprintf(key, sizeof key, "%s", name);
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->kinds[i].name, key) == 0)
            return &l->kinds[i].sampler;
    }
    if (l->count == KAFKA_LOG_KINDS)
        return &l->kinds[KAFKA_LOG_KINDS - 1].sampler;
    struct kafka_log_kind *kind = &l->kinds[l->count++];
    memcpy(kind->name, key, sizeof key);
    return &kind->sampler;
}

/* What an operator has to mend; everything else mends itself. */
static enum log_level level_of_error(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__FATAL:
        return LOG_ERROR_LEVEL;
    default:
        return LOG_WARN_LEVEL;
    }
}

enum { REFUSED_AGAIN_US = 60 * 1000 * 1000 };

/* True for the first, and then once a minute: nothing changes until somebody changes something. */
static bool is_due(struct log_sampler *s, int64_t now_us, uint64_t *suppressed)
{
    if (s->seen++ > 0 && now_us - s->last_us < REFUSED_AGAIN_US) {
        s->suppressed++;
        return false;
    }
    *suppressed = s->suppressed;
    s->suppressed = 0;
    s->last_us = now_us;
    return true;
}

static void log_refusal(struct kafka_log *l, const struct kafka_trouble *t, rd_kafka_resp_err_t err,
                        const char *text)
{
    static const char fields[] = "hint=%s code=%s error=%s suppressed=%llu";
    const char *code = rd_kafka_err2name(err);
    uint64_t n;
    if (!is_due(sampler_of(l, t->cause), clock_now().mono_us, &n))
        return;
    if (t->certain)
        log_error("kafka_refused", t->cause, fields, t->hint, code, text, (unsigned long long)n);
    else
        log_warn("kafka_error", t->cause, fields, t->hint, code, text, (unsigned long long)n);
}

const struct kafka_trouble *kafka_log_explain(const struct kafka_log *l, rd_kafka_resp_err_t err,
                                              const char **text)
{
    const struct kafka_trouble *t = kafka_trouble_find(err, *text, rd_kafka_version());
    if (!t || !kafka_trouble_tells_why(l->certificate, *text))
        return t;
    *text = l->certificate;
    return kafka_trouble_of_words(*text);
}

const char *kafka_log_error(struct kafka_log *l, rd_kafka_resp_err_t err, const char *text)
{
    uint64_t suppressed;
    const struct kafka_trouble *t = kafka_log_explain(l, err, &text);
    if (t)
        log_refusal(l, t, err, text);
    else if (log_sample(sampler_of(l, rd_kafka_err2name(err)), clock_now().mono_us, &suppressed))
        log_event(level_of_error(err), "kafka_error", "librdkafka reports an error",
                  "code=%s error=%s suppressed=%llu", rd_kafka_err2name(err), text,
                  (unsigned long long)suppressed);
    return t ? t->cause : text;
}

/* librdkafka's levels are those of syslog(3). FAIL comes as an error event too, and so does a
 * certificate that is not accepted; AUTOCREATE comes with each metadata request to a broker too old
 * for it, and concerns nobody. */
static enum log_level level_of_line(const char *facility, int syslog_level)
{
    bool known = strcmp(facility, "FAIL") == 0 || strcmp(facility, CERTIFICATE_FACILITY) == 0 ||
                 strcmp(facility, "AUTOCREATE") == 0;
    return syslog_level <= 4 && !known ? LOG_WARN_LEVEL : LOG_DEBUG_LEVEL;
}

void kafka_log_remember(struct kafka_log *l, rd_kafka_event_t *event)
{
    const char *facility, *text;
    int syslog_level;
    if (rd_kafka_event_log(event, &facility, &text, &syslog_level) == 0 &&
        strcmp(facility, CERTIFICATE_FACILITY) == 0)
        snprintf(l->certificate, sizeof l->certificate, "%s", text);
}

void kafka_log_line(struct kafka_log *l, rd_kafka_event_t *event)
{
    const char *facility, *text;
    int syslog_level;
    uint64_t suppressed = 0;
    if (rd_kafka_event_log(event, &facility, &text, &syslog_level) != 0)
        return;
    kafka_log_remember(l, event);
    enum log_level level = level_of_line(facility, syslog_level);
    if (!log_enabled(level))
        return;
    /* Debug lines are there because somebody asked for them: all of them. */
    if (level != LOG_DEBUG_LEVEL &&
        !log_sample(sampler_of(l, facility), clock_now().mono_us, &suppressed))
        return;
    log_event(level, "kafka_log", text, "facility=%s suppressed=%llu", facility,
              (unsigned long long)suppressed);
}

void kafka_log_reset(struct kafka_log *l)
{
    for (size_t i = 0; i < l->count; i++)
        log_sample_reset(&l->kinds[i].sampler);
}
