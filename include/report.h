/* SPDX-License-Identifier: MIT */
/*
 * What tickd says of itself: one headline state, in the log and to systemd, whenever it changes;
 * what is wrong with the schema, whenever that changes; what readiness wants; and a summary line
 * now and then.
 */
#ifndef TICKD_REPORT_H
#define TICKD_REPORT_H

#include "pipeline.h"
#include "schema.h"
#include <stdbool.h>
#include <stdint.h>

#define REPORT_TEXT_MAX 2048

/* What the headline is made of. */
struct report_facts {
    bool stopping;
    bool database_connected;
    bool database_usable;
    bool pairs_loaded;
    bool kafka_up;
    enum pipeline_state pipeline;
    size_t partitions;
    size_t partitions_stopped;
    uint32_t commit_failures; /* in a row */
};

struct report {
    char state[64];
    int64_t state_since_us;
    bool was_ready;
    bool schema_known;
    struct schema_report schema; /* as last said */
    int64_t stats_interval_us;   /* 0 = no summary */
    int64_t stats_us;            /* of the last summary */
    struct pipeline_stats stats; /* as of then */
};

void report_init(struct report *r, int64_t stats_interval_us, int64_t now_us);

/* The headline for these facts: "flowing", "waiting for database", ... Static storage. */
const char *report_headline(const struct report_facts *facts);

void report_state(struct report *r, const struct report_facts *facts, int64_t now_us);
void report_schema(struct report *r, const struct schema_report *schema);

/* What was said of readiness. Zero it before use. */
struct report_ready {
    bool said;
    unsigned unmet; /* ready_unmet() */
    int64_t since_us;
};

/* Says that tickd is ready or what it lacks (`unmet`, of ready_unmet()), if that has changed. */
void report_ready(struct report_ready *r, unsigned unmet, int64_t now_us);

/* The summary, if its time has come. */
void report_stats(struct report *r, const struct pipeline_stats *stats, int64_t now_us);

/* The last line of a run. */
void report_final(struct report *r, const struct pipeline_stats *stats, int exit_code);

#endif
