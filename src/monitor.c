/* SPDX-License-Identifier: MIT */
#include "monitor.h"

#include "lastprices.h"
#include "log.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Totals, of which rates are made. */
struct totals {
    int64_t mono_us;
    uint64_t messages;
    uint64_t stored;
    uint64_t rejected;
};

struct rates {
    double messages;
    double stored;
    double rejected;
};

struct monitor {
    const struct config *config;
    const struct pairs *pairs;
    struct quotes *quotes;
    int64_t started_us;
    struct hist hists[HIST_COUNT];
    struct hist fresh;   /* event to commit, not in the next one and hists[] yet */
    struct hist latency; /* event to commit, of this step of the history */
    struct hist commit;  /* likewise */
    struct history history;
    struct vital_example examples[REJECT_COUNT];
    struct dbstats database;
    struct totals second; /* at the last one */
    struct totals step;   /* at the last step of the history */
    struct rates rates;
    bool backpressure;
    int64_t backpressure_since_us;
    int64_t backpressure_us; /* before that */
};

struct monitor *monitor_new(const struct config *config, const struct pairs *pairs,
                            struct instant now)
{
    struct monitor *m = err_calloc(1, sizeof *m);
    m->config = config;
    m->pairs = pairs;
    m->quotes = quotes_new();
    m->started_us = now.wall_us;
    m->second.mono_us = m->step.mono_us = now.mono_us;
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    quotes_free(m->quotes);
    free(m);
}

/* --- what happens --- */

void monitor_tick(struct monitor *m, uint32_t slot, const struct record *r)
{
    quotes_put(m->quotes, slot, r);
}

void monitor_reject(struct monitor *m, const struct partition *p, const struct message *message,
                    enum reject_reason reason, const char *detail, int64_t wall_us)
{
    struct vital_example *x = &m->examples[reason];
    x->time_us = wall_us;
    x->partition = (uint32_t)p->id;
    x->offset = message->offset;
    strncpy(x->detail, detail ? detail : "", sizeof x->detail - 1);
    x->payload_bytes = message->payload_len;
    x->payload_len =
        message->payload_len < VITAL_EXAMPLE_MAX ? message->payload_len : VITAL_EXAMPLE_MAX;
    if (x->payload_len > 0)
        memcpy(x->payload, message->payload, x->payload_len);
}

void monitor_commit(struct monitor *m, const struct batch *b, int64_t took_us, int64_t wall_us)
{
    hist_add(&m->hists[HIST_BATCH_ROWS], (int64_t)b->row_count);
    hist_add(&m->hists[HIST_BATCH_BYTES], (int64_t)(b->rows.len + b->dead.len));
    hist_add(&m->hists[HIST_COMMIT], took_us);
    hist_add(&m->commit, took_us);
    for (size_t i = 0; i < b->row_count; i++)
        hist_add(&m->fresh, wall_us - b->row[i].event_us);
}

/* One addition for each row, whatever it is wanted for. */
static void merge_fresh(struct monitor *m)
{
    hist_merge(&m->latency, &m->fresh);
    hist_merge(&m->hists[HIST_EVENT_TO_COMMIT], &m->fresh);
    memset(&m->fresh, 0, sizeof m->fresh);
}

void monitor_take(struct monitor *m, int64_t took_ns)
{
    hist_add(&m->hists[HIST_DECODE], took_ns);
}

void monitor_turn(struct monitor *m, int64_t took_us)
{
    hist_add(&m->hists[HIST_LOOP_TURN], took_us);
}

void monitor_backpressure(struct monitor *m, bool on, int64_t mono_us)
{
    if (m->backpressure == on)
        return;
    if (on)
        m->backpressure_since_us = mono_us;
    else
        m->backpressure_us += mono_us - m->backpressure_since_us;
    m->backpressure = on;
}

bool monitor_stats(struct monitor *m, const PGresult *rows, int64_t wall_us, struct err *e)
{
    return dbstats_take(&m->database, rows, wall_us, e);
}

bool monitor_prices(struct monitor *m, const PGresult *rows, size_t *count, struct err *e)
{
    return lastprices_take(m->quotes, m->pairs, rows, count, e);
}

/* --- rates --- */

static struct totals totals_of(const struct pipeline_stats *stats, int64_t mono_us)
{
    return (struct totals){mono_us, stats->messages, stats->stored, stats->rejected};
}

static struct rates rates_between(const struct totals *from, const struct totals *to)
{
    double seconds = (double)(to->mono_us - from->mono_us) / 1e6;
    return (struct rates){
        (double)(to->messages - from->messages) / seconds,
        (double)(to->stored - from->stored) / seconds,
        (double)(to->rejected - from->rejected) / seconds,
    };
}

/* -1 if that of one partition is not known. */
static int64_t lag_of(const struct vital_facts *facts)
{
    int64_t sum = facts->partition_count > 0 ? 0 : -1;
    for (size_t i = 0; i < facts->partition_count && sum >= 0; i++) {
        int64_t lag = vital_partition_lag(&facts->partitions[i]);
        sum = lag < 0 ? -1 : sum + lag;
    }
    return sum;
}

static double percentile_s(const struct hist *h, double percent)
{
    return h->count > 0 ? (double)hist_percentile(h, percent) / 1e6 : NAN;
}

static void take_step(struct monitor *m, const struct vital_facts *facts, struct instant now)
{
    struct totals totals = totals_of(&facts->stats, now.mono_us);
    struct rates rates = rates_between(&m->step, &totals);
    merge_fresh(m);
    struct history_sample sample = {
        .time_us = now.wall_us,
        .messages = rates.messages,
        .stored = rates.stored,
        .rejected = rates.rejected,
        .lag = lag_of(facts),
        .latency_p50_s = percentile_s(&m->latency, 50),
        .latency_p99_s = percentile_s(&m->latency, 99),
        .commit_p99_s = percentile_s(&m->commit, 99),
    };
    history_add(&m->history, &sample);
    memset(&m->latency, 0, sizeof m->latency);
    memset(&m->commit, 0, sizeof m->commit);
    m->step = totals;
}

void monitor_second(struct monitor *m, const struct vital_facts *facts, struct instant now)
{
    struct totals totals = totals_of(&facts->stats, now.mono_us);
    if (totals.mono_us <= m->second.mono_us)
        return;
    m->rates = rates_between(&m->second, &totals);
    m->second = totals;
    quotes_second(m->quotes);
    /* The timer may come a little early. */
    if (now.mono_us - m->step.mono_us >= HISTORY_STEP_S * 1000000 - 500000)
        take_step(m, facts, now);
}

/* --- what is known --- */

void monitor_own_vitals(struct monitor *m, const struct vital_facts *facts, struct instant now,
                        struct vitals *v)
{
    int64_t waited_us = m->backpressure_us;
    if (m->backpressure)
        waited_us += now.mono_us - m->backpressure_since_us;
    merge_fresh(m);
    *v = (struct vitals){
        .now = now,
        .started_us = m->started_us,
        .facts = *facts,
        .lag = lag_of(facts),
        .max_lag = m->config->ready_max_lag,
        .messages_per_s = m->rates.messages,
        .stored_per_s = m->rates.stored,
        .rejected_per_s = m->rates.rejected,
        .backpressure_s = (double)waited_us / 1e6,
        .backpressure = m->backpressure,
        .pairs = m->pairs,
        .quotes = m->quotes,
        .hists = m->hists,
        .history = &m->history,
        .examples = m->examples,
        .database = &m->database,
        .config = m->config,
        .log_dropped = log_dropped(),
    };
}

void monitor_vitals(struct monitor *m, const struct vital_facts *facts, struct instant now,
                    struct vitals *v)
{
    monitor_own_vitals(m, facts, now, v);
    procfs_read(&v->process);
}
