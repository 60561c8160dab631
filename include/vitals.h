/* SPDX-License-Identifier: MIT */
/*
 * How the running daemon is, at one moment: what /metrics, /status and /readyz are made from.
 *
 * Plain data, filled by monitor.c. What is behind pointers is borrowed, and valid as long as
 * nothing else is called.
 */
#ifndef TICKD_VITALS_H
#define TICKD_VITALS_H

#include "clock.h"
#include "config.h"
#include "dbstats.h"
#include "hist.h"
#include "history.h"
#include "offsets.h"
#include "pairs.h"
#include "pipeline.h"
#include "procfs.h"
#include "quotes.h"
#include "reject.h"
#include "schema.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is counted in histograms. Times in us, decoding in ns. */
enum vital_hist {
    HIST_BATCH_ROWS,
    HIST_BATCH_BYTES,
    HIST_COMMIT,          /* from sending a batch to the answer */
    HIST_EVENT_TO_COMMIT, /* from a tick's event time to the commit of its row */
    HIST_DECODE,          /* one message, decoded, checked and encoded; one of some is measured */
    HIST_LOOP_TURN,       /* one turn of the event loop, without its wait */
    HIST_COUNT
};

struct vital_partition {
    const char *topic;
    int32_t id;
    bool stopped;
    int64_t stored; /* next offset in the database */
    int64_t begin;  /* of Kafka's log, OFFSETS_UNKNOWN */
    int64_t end;    /* of Kafka's log, OFFSETS_UNKNOWN */
};

/* Messages between the database and the end of the log, -1 if that is not known. */
static inline int64_t vital_partition_lag(const struct vital_partition *p)
{
    if (p->end == OFFSETS_UNKNOWN || p->stored == OFFSETS_UNKNOWN)
        return -1;
    return p->end > p->stored ? p->end - p->stored : 0;
}

#define VITAL_EXAMPLE_MAX 240

/* The last tick rejected for a reason. */
struct vital_example {
    int64_t time_us; /* wall clock; 0: there was none */
    uint32_t partition;
    int64_t offset;
    char detail[DECODE_DETAIL_MAX];
    size_t payload_len; /* of what is kept here */
    size_t payload_bytes;
    char payload[VITAL_EXAMPLE_MAX];
};

struct vital_load {
    size_t rows;
    size_t bytes;
};

/* What app.c finds out by asking around. */
struct vital_facts {
    bool stopping;
    bool database_connected; /* the writing sessions */
    bool database_usable;
    bool service_connected;
    bool pairs_loaded;
    bool kafka_up;
    const char *kafka_waits_for; /* NULL: nothing */
    enum pipeline_state pipeline;
    size_t partitions_stopped;
    uint32_t commit_failures; /* in a row */
    uint64_t database_connects;
    uint64_t service_connects;
    uint64_t kafka_connects;
    size_t kafka_queued;
    struct vital_load filling;
    struct vital_load flying;
    struct pipeline_stats stats;
    const struct vital_partition *partitions;
    size_t partition_count;
    const struct schema_report *schema; /* NULL: not looked at yet */
    const char *state;
    int64_t state_since_us; /* monotonic */
    bool reload_failed;     /* the last SIGHUP found a bad configuration */
    int64_t configured_us;  /* wall clock of the configuration in force */
    size_t http_clients;
    size_t http_streams;
    uint64_t http_requests;
    uint64_t http_dropped;
};

struct vitals {
    struct instant now;
    int64_t started_us; /* wall clock */
    struct vital_facts facts;
    int64_t lag;           /* of all partitions, in messages; -1: not known of each */
    int64_t max_lag;       /* above it tickd is not ready; 0: no limit */
    double messages_per_s; /* as of late, as are the next two */
    double stored_per_s;
    double rejected_per_s;
    double backpressure_s;
    bool backpressure; /* now */
    const struct pairs *pairs;
    const struct quotes *quotes;
    const struct hist *hists; /* HIST_COUNT of them */
    const struct history *history;
    const struct vital_example *examples; /* REJECT_COUNT of them */
    const struct dbstats *database;
    struct procfs process;
    const struct config *config;
    uint64_t log_dropped;
};

#endif
