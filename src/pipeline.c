/* SPDX-License-Identifier: MIT */
/*
 * Usual path: on_assign -> read_offsets -> on_offsets -> assign -> take ... -> commit ->
 * on_commit(DONE) -> durable offsets advance -> the other batch flies.
 *
 * Possible failures, each with its one answer:
 *
 * - Rolled back, the same again: the flying batch waits (FLIGHT_WAITING) and is sent again.
 *
 * - Connection lost, or fenced: nobody knows where the batch stands (FLIGHT_IN_DOUBT). The stored
 *   offsets are read and say that it is done, or to be sent again, or foreign.
 *
 * - Foreign, or the database behind memory: both batches are dropped, the memory of ties too, and
 *   Kafka is read again from the stored offsets.
 *
 * - Too large for the server: the same, with batches of half the rows, down to one message; that
 *   one is kept and sent again. Batches grow with every commit.
 */
#include "pipeline.h"

#include "err.h"
#include "log.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum flight {
    FLIGHT_NONE,     /* nothing flies */
    FLIGHT_SENT,     /* handed to ops->commit, answer to come */
    FLIGHT_WAITING,  /* rolled back, to be sent again at `retry_us` */
    FLIGHT_IN_DOUBT, /* outcome unknown until the offsets are read */
    FLIGHT_ORPHANED, /* sent, but the partitions are given up: the answer no longer matters */
};

/* Where a batch stands, judged by the stored offsets. */
enum judgement { BATCH_COMMITTED, BATCH_NOT_COMMITTED, BATCH_FOREIGN };

struct pipeline {
    struct pipeline_options options;
    struct pipeline_ops ops;
    struct pairs *pairs;
    struct ties *ties;
    struct batch_owner owner;
    struct decoded decoded;
    const struct pair **found; /* of the decoded ticks, NULL if not known */
    size_t found_cap;

    enum pipeline_state state;
    struct offsets offsets;
    uint32_t epoch;   /* of the newest read_offsets request */
    bool sync_wanted; /* offsets must be read before anything is written */
    bool database_up;
    bool stopping;
    bool broken;

    struct batch batches[2];
    size_t most_rows; /* of a batch, that the server can take; no more than the options' limit */
    struct batch *filling;
    struct batch *flying;
    enum flight flight;
    bool merge; /* the flying batch goes row by row */
    int64_t retry_us;
    struct backoff backoff;
    int64_t release_us; /* RELEASING: give up then */
    int64_t took_us;    /* when the last message was taken */

    /* A message with an unknown symbol waits for one fresh load of `pairs`. The answer comes in any
     * case, and whatever is assigned meanwhile waits for it too. */
    bool pairs_awaited;
    int64_t pairs_asked_us;
    uint32_t settled_partition; /* the message whose symbols have been looked up afresh */
    int64_t settled_offset;

    bool gap_seen;   /* some partition has to jump; no intake until then */
    bool jumping;    /* a jump is being recorded */
    bool resume_all; /* the sync under way goes on from the stored offsets in any case */
    struct pipeline_stats stats;
    struct log_sampler from_future;
};

const char *pipeline_state_name(enum pipeline_state state)
{
    static const char *const names[] = {
        [PIPELINE_IDLE] = "idle",
        [PIPELINE_SYNCING] = "syncing",
        [PIPELINE_RUNNING] = "running",
        [PIPELINE_RELEASING] = "releasing",
    };
    return names[state];
}

static bool is_full(const struct pipeline *p)
{
    struct batch_limits limits = p->options.limits;
    limits.rows = p->most_rows < limits.rows ? p->most_rows : limits.rows;
    return batch_is_full(p->filling, &limits);
}

static void set_state(struct pipeline *p, enum pipeline_state next)
{
    log_debug("pipeline_state", pipeline_state_name(next), "was=%s partitions=%zu",
              pipeline_state_name(p->state), p->offsets.count);
    p->state = next;
}

static void clear_batch(struct pipeline *p, struct batch *b)
{
    batch_clear(b, p->offsets.count, &p->options.limits);
}

struct pipeline *pipeline_new(const struct pipeline_options *options, struct pairs *pairs,
                              const struct pipeline_ops *ops)
{
    struct pipeline *p = err_calloc(1, sizeof *p);
    p->options = *options;
    p->ops = *ops;
    p->pairs = pairs;
    p->ties = ties_new(options->ties, options->tie_memory, options->keep_repeats);
    decoded_init(&p->decoded);
    offsets_init(&p->offsets);
    for (size_t i = 0; i < 2; i++) {
        batch_init(&p->batches[i]);
        clear_batch(p, &p->batches[i]);
    }
    p->filling = &p->batches[0];
    p->flying = &p->batches[1];
    backoff_init(&p->backoff, options->retry_min_ms, options->retry_max_ms);
    p->most_rows = SIZE_MAX;
    p->pairs_asked_us = INT64_MIN;
    p->settled_offset = OFFSETS_UNKNOWN;
    return p;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    ties_free(p->ties);
    decoded_fini(&p->decoded);
    free(p->found);
    offsets_fini(&p->offsets);
    batch_fini(&p->batches[0]);
    batch_fini(&p->batches[1]);
    free(p);
}

void pipeline_set_options(struct pipeline *p, const struct pipeline_options *options)
{
    p->options.decode.max_message_bytes = options->decode.max_message_bytes;
    p->options.decode.max_ticks = options->decode.max_ticks;
    p->options.validate = options->validate;
    p->options.limits = options->limits;
    p->options.jump_gaps = options->jump_gaps;
    p->options.pairs_refresh_min_us = options->pairs_refresh_min_us;
    p->options.release_timeout_us = options->release_timeout_us;
}

void pipeline_set_owner(struct pipeline *p, const char *group_id, const char *cluster_id)
{
    p->owner = (struct batch_owner){group_id, cluster_id};
}

/* --- intake --- */

bool pipeline_wants_input(const struct pipeline *p)
{
    return p->state == PIPELINE_RUNNING && !p->stopping && !p->broken && !p->pairs_awaited &&
           !p->gap_seen && pairs_loaded(p->pairs) && !is_full(p);
}

/* Looks the symbols of the decoded message up. False if one of them is not known. */
static bool find_pairs(struct pipeline *p)
{
    bool known = true;
    if (p->decoded.count > p->found_cap) {
        p->found_cap = p->decoded.count;
        p->found = err_realloc(p->found, p->found_cap * sizeof(*p->found));
    }
    for (size_t i = 0; i < p->decoded.count; i++) {
        const struct decode_item *item = &p->decoded.items[i];
        if (item->verdict != DECODE_TICK)
            continue;
        p->found[i] = pairs_find(p->pairs, item->record.symbol, item->record.symbol_len);
        known = known && p->found[i];
    }
    return known;
}

/* A symbol that is not cached may have been added a moment ago: before the first message with it is
 * judged, `pairs` is loaded afresh, at most once in pairs_refresh_min. */
static bool must_await_pairs(struct pipeline *p, const struct message *m, int64_t now_us)
{
    bool settled = p->settled_partition == m->partition && p->settled_offset == m->offset;
    if (find_pairs(p) || settled)
        return false;
    if (p->pairs_asked_us != INT64_MIN &&
        now_us - p->pairs_asked_us < p->options.pairs_refresh_min_us)
        return false;
    p->pairs_asked_us = now_us;
    p->pairs_awaited = true;
    p->settled_partition = m->partition;
    p->settled_offset = m->offset;
    p->ops.refresh_pairs(p->ops.ctx);
    return true;
}

static void reject(struct pipeline *p, const struct message *m, int32_t index,
                   enum reject_reason reason, const char *detail)
{
    p->stats.rejects[reason]++;
    const struct partition *partition = &p->offsets.items[m->partition];
    batch_add_rejected(p->filling, m, index, &p->owner, partition, reason, detail);
    if (p->ops.rejected)
        p->ops.rejected(p->ops.ctx, partition, m, reason, detail);
}

/* Ticks of one sender from the future are its fault; but if it is ours, all of them come from
 * there. */
static void suspect_clock(struct pipeline *p, const struct record *r, const char *detail,
                          int64_t now_us)
{
    uint64_t suppressed;
    if (!log_sample(&p->from_future, now_us, &suppressed))
        return;
    log_warn("clock_suspect", "a tick comes from the future; is the clock of this machine right?",
             "symbol=%.*s detail=%s suppressed=%" PRIu64, (int)r->symbol_len, r->symbol, detail,
             suppressed);
}

static void admit_tick(struct pipeline *p, const struct message *m, int32_t index, struct record *r,
                       struct instant now)
{
    __attribute__((uninitialized)) char detail[DECODE_DETAIL_MAX]; /* for speed */
    const struct pair *pair = p->found[index];
    detail[0] = '\0';
    enum reject_reason reason =
        validate_record(&p->options.validate, r, pair, now.wall_us, detail, sizeof detail);
    if (reason != REJECT_NONE) {
        reject(p, m, index, reason, detail);
        if (reason == REJECT_TOO_FAR_AHEAD)
            suspect_clock(p, r, detail, now.mono_us);
        return;
    }
    int64_t event_us = r->time_us;
    switch (ties_place(p->ties, pair->slot, r)) {
    case TIE_REPEAT:
        batch_add_ignored(p->filling, m);
        return;
    case TIE_DROPPED:
        batch_add_dropped(p->filling, m);
        return;
    case TIE_REPLACES:
        p->filling->must_merge = true;
        break;
    case TIE_SPREAD:
        p->stats.ties_spread++;
        break;
    case TIE_NONE:
        break;
    }
    bool may_repeat = record_is_snapshot(r) && !p->options.keep_repeats;
    batch_add_tick(p->filling, m, index, r, pair->slot, event_us, may_repeat);
    if (p->ops.tick)
        p->ops.tick(p->ops.ctx, pair->slot, r);
}

static void admit_item(struct pipeline *p, const struct message *m, int32_t index,
                       struct instant now)
{
    struct decode_item *item = &p->decoded.items[index];
    switch (item->verdict) {
    case DECODE_TICK:
        admit_tick(p, m, index, &item->record, now);
        break;
    case DECODE_REJECTED:
        reject(p, m, index, item->reason, item->detail);
        break;
    case DECODE_IGNORED:
        batch_add_ignored(p->filling, m);
        break;
    }
}

/* Since when what comes now may have been in Kafka: since the last that came, if a fetch waits so
 * long. */
static int64_t waiting_since_us(struct pipeline *p, int64_t now_us)
{
    int64_t since_us = now_us - p->options.gather_us;
    if (since_us < p->took_us)
        since_us = p->took_us;
    p->took_us = now_us;
    return since_us;
}

bool pipeline_take(struct pipeline *p, const struct message *m, struct instant now)
{
    assert(pipeline_wants_input(p));
    assert(m->partition < p->offsets.count);
    struct partition *partition = &p->offsets.items[m->partition];
    if (partition->stopped || m->offset < partition->expected) {
        p->stats.seen_before++;
        return true;
    }
    decode_message(&p->options.decode, m, &p->decoded);
    if (must_await_pairs(p, m, now.mono_us))
        return false;

    p->stats.messages++;
    batch_begin_message(p->filling, m, partition, waiting_since_us(p, now.mono_us));
    for (size_t i = 0; i < p->decoded.count; i++)
        admit_item(p, m, (int32_t)i, now);
    batch_end_message(p->filling);
    partition->expected = m->offset + 1;
    return true;
}

/* --- how much the server can take --- */

/* False if that cannot help any more. */
static bool shrink(struct pipeline *p)
{
    size_t rows = p->flying->row_count + p->flying->letters;
    size_t half = (rows < p->most_rows ? rows : p->most_rows) / 2;
    if (half == 0)
        return false;
    p->most_rows = half;
    log_warn("batch_too_large", "going on with smaller batches", "rows=%zu most=%zu", rows, half);
    return true;
}

/* By an eighth, so that most batches pass while they are as large as the server can take. */
static void grow(struct pipeline *p)
{
    if (p->most_rows < p->options.limits.rows)
        p->most_rows += p->most_rows / 8 + 1;
    else
        p->most_rows = SIZE_MAX;
}

/* --- offsets and the fate of batches --- */

static void want_sync(struct pipeline *p)
{
    p->sync_wanted = true;
    p->epoch++;
    if (p->database_up)
        p->ops.read_offsets(p->ops.ctx, &p->offsets, p->epoch);
}

/* What was accepted but not committed is forgotten; it will be read again. */
static void drop_uncommitted(struct pipeline *p)
{
    if (!batch_is_empty(p->filling) || p->flight != FLIGHT_NONE)
        p->stats.rewinds++;
    clear_batch(p, p->filling);
    if (p->flight != FLIGHT_ORPHANED) {
        clear_batch(p, p->flying);
        p->flight = FLIGHT_NONE;
    }
    ties_forget(p->ties);
}

static void finish_flight(struct pipeline *p)
{
    struct batch_count c = batch_total(p->flying);
    p->stats.stored += (uint64_t)c.stored;
    p->stats.rejected += (uint64_t)c.rejected;
    p->stats.ignored += (uint64_t)c.ignored;
    p->stats.dropped += (uint64_t)c.dropped;
    p->stats.commits++;
    p->stats.merges += p->merge;
    for (size_t i = 0; i < p->flying->span_count; i++) {
        if (p->flying->span[i].from != OFFSETS_UNKNOWN)
            p->offsets.items[i].durable = p->flying->span[i].next;
    }
    if (batch_has_refusals(p->flying))
        ties_forget(p->ties); /* it remembers keys of rows that were not stored */
    clear_batch(p, p->flying);
    p->flight = FLIGHT_NONE;
    grow(p);
    backoff_reset(&p->backoff);
    p->ops.committed(p->ops.ctx, &p->offsets);
}

static enum judgement judge(const struct batch *b, const int64_t *values)
{
    bool committed = true, untouched = true;
    for (size_t i = 0; i < b->span_count; i++) {
        const struct batch_span *span = &b->span[i];
        if (span->from == OFFSETS_UNKNOWN)
            continue;
        committed = committed && values[i] == span->next;
        untouched = untouched && values[i] == span->from;
    }
    if (committed)
        return BATCH_COMMITTED;
    return untouched ? BATCH_NOT_COMMITTED : BATCH_FOREIGN;
}

static bool agrees(const struct pipeline *p, const int64_t *values)
{
    for (size_t i = 0; i < p->offsets.count; i++) {
        if (values[i] != p->offsets.items[i].durable)
            return false;
    }
    return true;
}

/* Goes on from the stored offsets, whatever memory says. */
static void rewind_to(struct pipeline *p, const int64_t *values)
{
    drop_uncommitted(p);
    p->gap_seen = false;
    for (size_t i = 0; i < p->offsets.count; i++) {
        struct partition *partition = &p->offsets.items[i];
        partition->durable = partition->expected = values[i];
        partition->stopped = false;
        partition->gap_low = OFFSETS_UNKNOWN;
        log_debug("partition_start", "reading on from the stored offset",
                  "topic=%s partition=%d offset=%lld", partition->topic, (int)partition->id,
                  (long long)values[i]);
    }
    p->ops.assign(p->ops.ctx, &p->offsets);
}

static void resolve_doubt(struct pipeline *p, const int64_t *values)
{
    switch (judge(p->flying, values)) {
    case BATCH_COMMITTED:
        p->stats.unknown_commits++;
        log_info("commit_resolved", "the batch in doubt had been committed", "stored=%lld",
                 (long long)batch_total(p->flying).stored);
        finish_flight(p);
        /* The offsets say that these messages are done with, not by whom: whoever it was may have
         * decided otherwise about their keys. */
        ties_forget(p->ties);
        break;
    case BATCH_NOT_COMMITTED:
        p->stats.unknown_commits++;
        p->flight = FLIGHT_WAITING;
        break;
    case BATCH_FOREIGN:
        p->stats.fences_lost++;
        break;
    }
}

void pipeline_on_offsets(struct pipeline *p, uint32_t epoch, const int64_t *values, size_t count)
{
    if (epoch != p->epoch || !p->sync_wanted)
        return;
    assert(count == p->offsets.count);
    assert(p->flight != FLIGHT_SENT);
    p->sync_wanted = false;
    if (p->state == PIPELINE_SYNCING) {
        set_state(p, PIPELINE_RUNNING);
        rewind_to(p, values);
        return;
    }
    if (p->flight == FLIGHT_IN_DOUBT)
        resolve_doubt(p, values);
    if (p->resume_all || p->flight == FLIGHT_IN_DOUBT || !agrees(p, values)) {
        log_warn("rewind", "going on from the offsets stored in the database", "partitions=%zu",
                 count);
        rewind_to(p, values);
    }
    p->resume_all = false;
}

void pipeline_on_database(struct pipeline *p, bool up)
{
    p->database_up = up;
    if (up && p->state != PIPELINE_IDLE)
        want_sync(p);
}

void pipeline_resync(struct pipeline *p)
{
    p->jumping = false;
    if (p->state != PIPELINE_RUNNING)
        return; /* no partitions, or about to start from the stored offsets anyhow */
    p->resume_all = true;
    want_sync(p);
}

/* --- assignment --- */

void pipeline_on_assign(struct pipeline *p, const struct offsets *partitions)
{
    assert(p->state == PIPELINE_IDLE);
    offsets_copy(&p->offsets, partitions);
    clear_batch(p, p->filling);
    if (p->flight == FLIGHT_NONE)
        clear_batch(p, p->flying);
    p->settled_offset = OFFSETS_UNKNOWN;
    set_state(p, PIPELINE_SYNCING);
    want_sync(p);
}

static void finish_release(struct pipeline *p)
{
    if (p->flight == FLIGHT_SENT) {
        p->flight = FLIGHT_ORPHANED;
        p->ops.abort_commit(p->ops.ctx);
    }
    drop_uncommitted(p);
    offsets_clear(&p->offsets);
    p->gap_seen = p->jumping = p->sync_wanted = p->resume_all = false;
    set_state(p, PIPELINE_IDLE);
    p->ops.release(p->ops.ctx);
}

void pipeline_on_revoke(struct pipeline *p, bool lost, struct instant now)
{
    if (p->state == PIPELINE_RUNNING && p->flight == FLIGHT_SENT && !lost) {
        set_state(p, PIPELINE_RELEASING);
        p->release_us = now.mono_us + p->options.release_timeout_us;
        return;
    }
    finish_release(p);
}

/* --- gaps: the log no longer has what comes next --- */

static bool is_assigned(const struct pipeline *p, uint32_t partition)
{
    return p->state == PIPELINE_RUNNING && partition < p->offsets.count;
}

static bool is_in_log(const struct partition *partition, int64_t low, int64_t high)
{
    return low != OFFSETS_UNKNOWN && partition->expected >= low && partition->expected <= high;
}

void pipeline_on_gap(struct pipeline *p, uint32_t index, int64_t low, int64_t high)
{
    if (!is_assigned(p, index))
        return;
    struct partition *partition = &p->offsets.items[index];
    if (is_in_log(partition, low, high)) {
        /* It was about an offset we are past, as when the client has rewound by itself. To jump
         * would be to read again what is stored. */
        p->ops.assign(p->ops.ctx, &p->offsets);
        return;
    }
    bool jump = p->options.jump_gaps && low != OFFSETS_UNKNOWN;
    log_error("offset_gap",
              jump ? "the next offset is not in Kafka's log; going on at its beginning"
                   : "the next offset is not in Kafka's log; the partition is stopped",
              "topic=%s partition=%d next_offset=%lld log_begin=%lld log_end=%lld",
              partition->topic, (int)partition->id, (long long)partition->expected, (long long)low,
              (long long)high);
    partition->stopped = true;
    if (jump) {
        partition->gap_low = low;
        p->gap_seen = true;
    }
}

/* The first partition that has to jump, or NULL. */
static const struct partition *find_gap(const struct pipeline *p)
{
    for (size_t i = 0; i < p->offsets.count; i++) {
        if (p->offsets.items[i].gap_low != OFFSETS_UNKNOWN)
            return &p->offsets.items[i];
    }
    return NULL;
}

/* --- going on --- */

static void send_flying(struct pipeline *p)
{
    assert(!batch_is_empty(p->flying));
    p->flight = FLIGHT_SENT;
    p->ops.commit(p->ops.ctx, p->flying, &p->offsets, p->merge);
}

static void launch(struct pipeline *p)
{
    struct batch *b = p->filling;
    p->filling = p->flying;
    p->flying = b;
    p->merge = b->must_merge;
    send_flying(p);
}

static void wait_to_retry(struct pipeline *p, struct instant now, uint32_t delay_ms)
{
    p->flight = FLIGHT_WAITING;
    p->retry_us = now.mono_us + (int64_t)delay_ms * 1000;
}

void pipeline_on_commit(struct pipeline *p, enum commit_outcome outcome, struct instant now,
                        uint32_t random)
{
    if (p->flight == FLIGHT_ORPHANED) {
        clear_batch(p, p->flying);
        p->flight = FLIGHT_NONE;
        return;
    }
    assert(p->flight == FLIGHT_SENT);
    if (outcome == COMMIT_DONE) {
        finish_flight(p);
        return;
    }
    if (outcome == COMMIT_CLASH && !p->merge) {
        p->merge = true;
        wait_to_retry(p, now, 0);
        return;
    }
    p->stats.retries++;
    uint32_t delay_ms = backoff_next_ms(&p->backoff, random);
    bool later = outcome == COMMIT_HOLD || outcome == COMMIT_TOO_LARGE;
    wait_to_retry(p, now, later ? p->options.retry_max_ms : delay_ms);
    if (outcome == COMMIT_TOO_LARGE && shrink(p))
        pipeline_resync(p);
    if (outcome == COMMIT_BROKEN)
        p->broken = true;
    if (outcome == COMMIT_LOST || outcome == COMMIT_FENCED) {
        p->flight = FLIGHT_IN_DOUBT;
        if (p->state == PIPELINE_RUNNING)
            want_sync(p);
    }
}

void pipeline_on_pairs(struct pipeline *p)
{
    p->pairs_awaited = false;
}

static bool can_write(const struct pipeline *p)
{
    return p->state == PIPELINE_RUNNING && p->database_up && !p->sync_wanted && !p->broken;
}

static bool is_due(const struct pipeline *p, struct instant now, bool gap)
{
    if (batch_is_empty(p->filling))
        return false;
    return p->stopping || gap || is_full(p) ||
           now.mono_us >= batch_due_us(p->filling, &p->options.limits);
}

/* Everything read before a gap is committed before the jump over it is recorded: the jump's fence
 * is the durable offset. */
static void step_gap(struct pipeline *p, const struct partition *gap)
{
    if (p->flight != FLIGHT_NONE || !batch_is_empty(p->filling) || p->jumping)
        return;
    assert(gap->expected == gap->durable);
    p->jumping = true;
    p->ops.jump(p->ops.ctx, gap, gap->gap_low);
}

void pipeline_step(struct pipeline *p, struct instant now)
{
    if (p->state == PIPELINE_RELEASING && p->flight != FLIGHT_SENT)
        finish_release(p);
    if (p->state == PIPELINE_RELEASING && now.mono_us >= p->release_us) {
        log_warn("release_timeout", "giving partitions up while a commit is under way", NULL);
        finish_release(p);
    }
    if (!can_write(p))
        return;
    const struct partition *gap = find_gap(p);
    if (p->flight == FLIGHT_WAITING && now.mono_us >= p->retry_us)
        send_flying(p);
    if (p->flight == FLIGHT_NONE && is_due(p, now, gap != NULL))
        launch(p);
    if (gap)
        step_gap(p, gap);
}

int64_t pipeline_wake_us(const struct pipeline *p)
{
    if (p->state == PIPELINE_RELEASING)
        return p->release_us;
    if (!can_write(p))
        return INT64_MAX;
    if (p->flight == FLIGHT_WAITING)
        return p->retry_us;
    if (p->flight == FLIGHT_NONE && !batch_is_empty(p->filling))
        return batch_due_us(p->filling, &p->options.limits);
    return INT64_MAX;
}

void pipeline_stop(struct pipeline *p)
{
    p->stopping = true;
}

bool pipeline_is_drained(const struct pipeline *p)
{
    return p->flight == FLIGHT_NONE && batch_is_empty(p->filling);
}

/* --- how it is --- */

enum pipeline_state pipeline_state(const struct pipeline *p)
{
    return p->state;
}

const struct pipeline_stats *pipeline_stats(const struct pipeline *p)
{
    return &p->stats;
}

void pipeline_stats_add(struct pipeline_stats *sum, const struct pipeline_stats *more)
{
    sum->messages += more->messages;
    sum->seen_before += more->seen_before;
    sum->stored += more->stored;
    sum->rejected += more->rejected;
    sum->ignored += more->ignored;
    sum->dropped += more->dropped;
    for (size_t i = 0; i < REJECT_COUNT; i++)
        sum->rejects[i] += more->rejects[i];
    sum->ties_spread += more->ties_spread;
    sum->commits += more->commits;
    sum->merges += more->merges;
    sum->retries += more->retries;
    sum->fences_lost += more->fences_lost;
    sum->rewinds += more->rewinds;
    sum->unknown_commits += more->unknown_commits;
}

const struct offsets *pipeline_offsets(const struct pipeline *p)
{
    return &p->offsets;
}

bool pipeline_is_broken(const struct pipeline *p)
{
    return p->broken;
}

bool pipeline_is_flying(const struct pipeline *p)
{
    return p->flight == FLIGHT_SENT || p->flight == FLIGHT_ORPHANED;
}

const struct batch *pipeline_filling(const struct pipeline *p)
{
    return p->filling;
}

const struct batch *pipeline_flying(const struct pipeline *p)
{
    return p->flying;
}

uint32_t pipeline_failures(const struct pipeline *p)
{
    return p->flight == FLIGHT_NONE ? 0 : p->backoff.failures;
}

size_t pipeline_stopped_count(const struct pipeline *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->offsets.count; i++)
        count += p->offsets.items[i].stopped;
    return count;
}
