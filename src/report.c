/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "log.h"
#include "notify.h"
#include "ready.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char flowing[] = "flowing";

void report_init(struct report *r, int64_t stats_interval_us, int64_t now_us)
{
    *r = (struct report){
        .state_since_us = now_us, .stats_interval_us = stats_interval_us, .stats_us = now_us};
}

/* The first thing that is missing, in the order in which a start goes through them. */
const char *report_headline(const struct report_facts *facts)
{
    if (facts->stopping)
        return "stopping";
    if (!facts->database_connected)
        return "waiting for database";
    if (!facts->database_usable)
        return "waiting for schema";
    if (!facts->pairs_loaded)
        return "waiting for pairs";
    if (!facts->kafka_up)
        return "waiting for broker";
    if (facts->pipeline == PIPELINE_IDLE || facts->partitions == 0)
        return "waiting for partitions";
    if (facts->pipeline == PIPELINE_SYNCING)
        return "reading offsets";
    if (facts->partitions_stopped > 0)
        return "degraded: partitions stopped";
    if (facts->commit_failures >= READY_FAILURES)
        return "degraded: commits fail";
    return flowing;
}

void report_state(struct report *r, const struct report_facts *facts, int64_t now_us)
{
    const char *headline = report_headline(facts);
    if (strcmp(headline, r->state) == 0)
        return;
    log_info("state", headline, "was=%s for_s=%.1f partitions=%zu",
             r->state[0] ? r->state : "starting", (double)(now_us - r->state_since_us) / 1e6,
             facts->partitions);
    snprintf(r->state, sizeof r->state, "%s", headline);
    r->state_since_us = now_us;
    notify_status(headline);
    if (headline == flowing && !r->was_ready) {
        r->was_ready = true;
        notify_ready();
    }
}

static void log_schema(const struct schema_report *schema)
{
    char text[REPORT_TEXT_MAX];
    size_t fatal = schema_describe(schema, SCHEMA_FATAL, text, sizeof text);
    if (fatal > 0)
        log_error("schema_incomplete", "waiting for the schema", "findings=%zu detail=%s", fatal,
                  text);
    size_t warnings = schema_describe(schema, SCHEMA_WARNING, text, sizeof text);
    if (warnings > 0)
        log_warn("schema_warning", "something beside tickd's own tables is not as it should be",
                 "findings=%zu detail=%s", warnings, text);
    if (fatal == 0)
        log_info("schema_ok", "the schema has what tickd needs", "hypertable=%s timescaledb=%s",
                 schema->hypertable ? "yes" : "no",
                 schema->timescaledb[0] ? schema->timescaledb : "none");
}

static void report_fk(struct report *r, const struct fkcheck *fk)
{
    if (r->schema_known && strcmp(fk->reason, r->schema.fk.reason) == 0)
        return;
    log_info("fk_check", "how the foreign key of ticks is checked", "how=%s reason=%s",
             fkcheck_word(fk), fk->reason);
}

static bool same_schema(const struct schema_report *a, const struct schema_report *b)
{
    if (a->count != b->count || a->hypertable != b->hypertable)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct schema_finding *x = &a->findings[i], *y = &b->findings[i];
        if (x->severity != y->severity || strcmp(x->object, y->object) != 0 ||
            strcmp(x->text, y->text) != 0)
            return false;
    }
    return true;
}

void report_schema(struct report *r, const struct schema_report *schema)
{
    report_fk(r, &schema->fk);
    if (r->schema_known && same_schema(&r->schema, schema)) {
        r->schema.fk = schema->fk;
        return;
    }
    r->schema_known = true;
    r->schema = *schema;
    log_schema(schema);
}

/* "broker,lag", or "nothing". */
static const char *name_unmet(unsigned unmet, char *text, size_t size)
{
    size_t len = 0;
    for (int c = 0; c < READY_COUNT && len < size; c++) {
        if (unmet & 1u << c)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? "," : "",
                                    ready_name((enum ready_condition)c));
    }
    return len > 0 ? text : "nothing";
}

void report_ready(struct report_ready *r, unsigned unmet, int64_t now_us)
{
    char is[128], was[128];
    if (r->said && r->unmet == unmet)
        return;
    double for_s = r->said ? (double)(now_us - r->since_us) / 1e6 : 0;
    const char *before = r->said ? name_unmet(r->unmet, was, sizeof was) : "unknown";
    if (unmet)
        log_info("unready", "not ready", "missing=%s was_missing=%s for_s=%.1f",
                 name_unmet(unmet, is, sizeof is), before, for_s);
    else
        log_info("ready", "ready", "was_missing=%s for_s=%.1f", before, for_s);
    *r = (struct report_ready){true, unmet, now_us};
}

void report_stats(struct report *r, const struct pipeline_stats *stats, int64_t now_us)
{
    if (r->stats_interval_us == 0 || now_us - r->stats_us < r->stats_interval_us)
        return;
    double seconds = (double)(now_us - r->stats_us) / 1e6;
    log_info("stats", "since the last summary",
             "rate=%.1f messages=%" PRIu64 " stored=%" PRIu64 " rejected=%" PRIu64
             " ignored=%" PRIu64 " dropped=%" PRIu64 " commits=%" PRIu64 " retries=%" PRIu64,
             (double)(stats->stored - r->stats.stored) / seconds,
             stats->messages - r->stats.messages, stats->stored - r->stats.stored,
             stats->rejected - r->stats.rejected, stats->ignored - r->stats.ignored,
             stats->dropped - r->stats.dropped, stats->commits - r->stats.commits,
             stats->retries - r->stats.retries);
    r->stats = *stats;
    r->stats_us = now_us;
}

void report_final(struct report *r, const struct pipeline_stats *stats, int exit_code)
{
    (void)r;
    log_info("stopped", "tickd has stopped",
             "exit_code=%d messages=%" PRIu64 " stored=%" PRIu64 " rejected=%" PRIu64
             " ignored=%" PRIu64 " dropped=%" PRIu64 " commits=%" PRIu64 " merges=%" PRIu64
             " retries=%" PRIu64 " fences_lost=%" PRIu64 " rewinds=%" PRIu64,
             exit_code, stats->messages, stats->stored, stats->rejected, stats->ignored,
             stats->dropped, stats->commits, stats->merges, stats->retries, stats->fences_lost,
             stats->rewinds);
}
