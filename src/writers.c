/* SPDX-License-Identifier: MIT */
/*
 * With n writers partition g, counted over the assignment, is partition g / n of writer g % n. A
 * writer that has none stays idle; its session is kept, since the next assignment may give it some.
 *
 * Possible failures are each pipeline's own. What they have in common is Kafka's client: fetching
 * anew for one means fetching anew for all, each from where it stands; and partitions are given up
 * when the last writer has given up its own.
 */
#include "writers.h"

#include "entropy.h"
#include "err.h"
#include "log.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct writer {
    struct writers *all;
    struct pipeline *pipeline;
    struct ingest *ingest;
    char name[32];          /* of the session, in the log */
    bool holds;             /* partitions, not given up yet */
    bool asks;              /* `missing` is to be asked for */
    struct offsets missing; /* partitions without a stored offset */
    int64_t flying_since_us;
};

struct writers {
    struct writers_ops ops;
    struct batch_owner owner;
    struct writer *items;
    size_t count;
    struct offsets offsets; /* of all, as given; brought up to date when somebody asks */
    struct writer *asked;   /* whose question find_start has not answered yet */
    size_t last_slow;
};

static struct writer *owner_of(const struct writers *w, size_t partition)
{
    return &w->items[partition % w->count];
}

/* --- what the pipelines want --- */

static void op_read_offsets(void *ctx, const struct offsets *assigned, uint32_t epoch)
{
    struct writer *writer = ctx;
    ingest_read_offsets(writer->ingest, &writer->all->owner, assigned, epoch);
}

static void collect_offsets(struct writers *w)
{
    for (size_t g = 0; g < w->offsets.count; g++) {
        const struct offsets *own = pipeline_offsets(owner_of(w, g)->pipeline);
        if (g / w->count < own->count)
            w->offsets.items[g] = own->items[g / w->count];
    }
}

/* A writer that does not know yet where its partitions stand, or has given them up, has nothing to
 * be fetched. */
static void stop_others(struct writers *w)
{
    for (size_t g = 0; g < w->offsets.count; g++) {
        if (pipeline_state(owner_of(w, g)->pipeline) != PIPELINE_RUNNING)
            w->offsets.items[g].stopped = true;
    }
}

static void op_assign(void *ctx, const struct offsets *o)
{
    struct writer *writer = ctx;
    struct writers *w = writer->all;
    (void)o;
    collect_offsets(w);
    stop_others(w);
    w->ops.assign(w->ops.ctx, &w->offsets);
}

static bool is_held(const struct writers *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].holds)
            return true;
    }
    return false;
}

static void op_release(void *ctx)
{
    struct writer *writer = ctx;
    struct writers *w = writer->all;
    assert(writer->holds);
    writer->holds = false;
    if (is_held(w))
        return;
    offsets_clear(&w->offsets);
    w->ops.release(w->ops.ctx);
}

static void op_commit(void *ctx, struct batch *b, const struct offsets *o, bool merge)
{
    struct writer *writer = ctx;
    writer->flying_since_us = clock_now().mono_us;
    ingest_commit(writer->ingest, &writer->all->owner, b, o, merge);
}

static void op_abort_commit(void *ctx)
{
    struct writer *writer = ctx;
    ingest_abort(writer->ingest, "partitions were given up in the middle of a commit");
}

static void op_committed(void *ctx, const struct offsets *o)
{
    struct writer *writer = ctx;
    (void)o;
    writer->all->ops.committed(writer->all->ops.ctx);
}

static void op_refresh_pairs(void *ctx)
{
    struct writer *writer = ctx;
    writer->all->ops.refresh_pairs(writer->all->ops.ctx);
}

static void op_tick(void *ctx, uint32_t slot, const struct record *r)
{
    struct writer *writer = ctx;
    writer->all->ops.tick(writer->all->ops.ctx, slot, r);
}

static void op_rejected(void *ctx, const struct partition *p, const struct message *m,
                        enum reject_reason reason, const char *detail)
{
    struct writer *writer = ctx;
    writer->all->ops.rejected(writer->all->ops.ctx, p, m, reason, detail);
}

static void op_jump(void *ctx, const struct partition *p, int64_t next)
{
    struct writer *writer = ctx;
    ingest_jump(writer->ingest, &writer->all->owner, p, next);
}

/* --- what the sessions say --- */

static void on_usable(void *ctx, bool usable)
{
    struct writer *writer = ctx;
    pipeline_on_database(writer->pipeline, usable);
}

static void on_schema(void *ctx, const struct schema_report *report)
{
    struct writer *writer = ctx;
    writer->all->ops.on_schema(writer->all->ops.ctx, report);
}

/* A new question replaces an older one of the same writer; those of others wait. */
static void ask_next(struct writers *w, struct writer *writer)
{
    if (w->asked && w->asked != writer)
        return;
    writer->asks = false;
    w->asked = writer;
    w->ops.find_start(w->ops.ctx, &writer->missing);
}

static void find_start(void *ctx, const struct offsets *missing)
{
    struct writer *writer = ctx;
    offsets_copy(&writer->missing, missing);
    writer->asks = true;
    ask_next(writer->all, writer);
}

void writers_on_start(struct writers *w, const struct offsets *found, const char *error)
{
    struct writer *asked = w->asked;
    w->asked = NULL;
    if (asked)
        ingest_on_start(asked->ingest, found, error);
    for (size_t i = 0; i < w->count && !w->asked; i++) {
        if (w->items[i].asks)
            ask_next(w, &w->items[i]);
    }
}

static void on_offsets(void *ctx, uint32_t epoch, const int64_t *values, size_t count)
{
    struct writer *writer = ctx;
    pipeline_on_offsets(writer->pipeline, epoch, values, count);
}

static void on_commit(void *ctx, enum commit_outcome outcome)
{
    struct writer *writer = ctx;
    struct instant now = clock_now();
    if (outcome == COMMIT_DONE && writer->all->ops.batch_done)
        writer->all->ops.batch_done(writer->all->ops.ctx, pipeline_flying(writer->pipeline),
                                    now.mono_us - writer->flying_since_us);
    pipeline_on_commit(writer->pipeline, outcome, now, outcome == COMMIT_DONE ? 0 : entropy_bits());
    if (pipeline_is_broken(writer->pipeline))
        writer->all->ops.broken(writer->all->ops.ctx);
}

static void on_jumped(void *ctx)
{
    struct writer *writer = ctx;
    pipeline_resync(writer->pipeline);
}

/* --- intake --- */

bool writers_want_input(const struct writers *w, size_t lane)
{
    assert(lane < w->count);
    return pipeline_wants_input(w->items[lane].pipeline);
}

bool writers_take(struct writers *w, const struct message *m, struct instant now)
{
    struct pipeline *pipeline = owner_of(w, m->partition)->pipeline;
    struct message own = *m;
    own.partition = m->partition / (uint32_t)w->count;
    return pipeline_wants_input(pipeline) && pipeline_take(pipeline, &own, now);
}

/* --- what happened --- */

static void give_share(struct writers *w, size_t first)
{
    struct offsets share;
    offsets_init(&share);
    for (size_t g = first; g < w->offsets.count; g += w->count)
        offsets_add(&share, w->offsets.items[g].topic, w->offsets.items[g].id);
    pipeline_on_assign(w->items[first].pipeline, &share);
    offsets_fini(&share);
}

void writers_on_assign(struct writers *w, const struct offsets *partitions)
{
    assert(!is_held(w));
    offsets_copy(&w->offsets, partitions);
    for (size_t i = 0; i < w->count; i++)
        w->items[i].holds = i < partitions->count;
    for (size_t i = 0; i < w->count && i < partitions->count; i++)
        give_share(w, i);
}

void writers_on_revoke(struct writers *w, bool lost, struct instant now)
{
    if (!is_held(w)) { /* there were none */
        w->ops.release(w->ops.ctx);
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].holds)
            pipeline_on_revoke(w->items[i].pipeline, lost, now);
    }
}

void writers_on_pairs(struct writers *w)
{
    for (size_t i = 0; i < w->count; i++)
        pipeline_on_pairs(w->items[i].pipeline);
}

void writers_on_gap(struct writers *w, uint32_t partition, int64_t low, int64_t high)
{
    pipeline_on_gap(owner_of(w, partition)->pipeline, partition / (uint32_t)w->count, low, high);
}

void writers_resync(struct writers *w)
{
    for (size_t i = 0; i < w->count; i++)
        pipeline_resync(w->items[i].pipeline);
}

/* --- going on --- */

void writers_step(struct writers *w, struct instant now)
{
    for (size_t i = 0; i < w->count; i++)
        pipeline_step(w->items[i].pipeline, now);
}

int64_t writers_wake_us(const struct writers *w)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < w->count; i++) {
        int64_t at = pipeline_wake_us(w->items[i].pipeline);
        first = at < first ? at : first;
    }
    return first;
}

void writers_stop(struct writers *w)
{
    for (size_t i = 0; i < w->count; i++)
        pipeline_stop(w->items[i].pipeline);
}

bool writers_are_drained(const struct writers *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!pipeline_is_drained(w->items[i].pipeline))
            return false;
    }
    return true;
}

/* --- how they are --- */

/* Idle only if nobody has partitions; running only if everybody runs who has some. */
static enum pipeline_state joint_state(const struct writers *w)
{
    enum pipeline_state joint = PIPELINE_IDLE;
    for (size_t i = 0; i < w->count; i++) {
        enum pipeline_state state = pipeline_state(w->items[i].pipeline);
        if (state != PIPELINE_IDLE && (joint == PIPELINE_IDLE || joint == PIPELINE_RUNNING))
            joint = state;
    }
    return joint;
}

static void add_load(const struct batch *b, size_t *rows, size_t *bytes)
{
    *rows += b->row_count + b->letters;
    *bytes += b->row_count + b->letters > 0 ? b->rows.len + b->dead.len : 0;
}

struct writers_facts writers_facts(const struct writers *w)
{
    struct writers_facts facts = {
        .connected = true,
        .usable = true,
        .state = joint_state(w),
        .partitions = w->offsets.count,
    };
    for (size_t i = 0; i < w->count; i++) {
        const struct writer *writer = &w->items[i];
        uint32_t failures = pipeline_failures(writer->pipeline);
        facts.connected = facts.connected && ingest_is_connected(writer->ingest);
        facts.usable = facts.usable && ingest_is_usable(writer->ingest);
        facts.connects += ingest_connects(writer->ingest);
        facts.stopped += pipeline_stopped_count(writer->pipeline);
        add_load(pipeline_filling(writer->pipeline), &facts.filling_rows, &facts.filling_bytes);
        add_load(pipeline_flying(writer->pipeline), &facts.flying_rows, &facts.flying_bytes);
        facts.failures = failures > facts.failures ? failures : facts.failures;
    }
    return facts;
}

struct pipeline_stats writers_stats(const struct writers *w)
{
    struct pipeline_stats sum = {0};
    for (size_t i = 0; i < w->count; i++)
        pipeline_stats_add(&sum, pipeline_stats(w->items[i].pipeline));
    return sum;
}

const struct offsets *writers_offsets(struct writers *w)
{
    collect_offsets(w);
    return &w->offsets;
}

int writers_slow_backend(struct writers *w, int64_t now_us, int64_t limit_us)
{
    for (size_t i = 1; i <= w->count; i++) {
        size_t at = (w->last_slow + i) % w->count;
        const struct writer *writer = &w->items[at];
        if (!pipeline_is_flying(writer->pipeline) || now_us - writer->flying_since_us <= limit_us)
            continue;
        w->last_slow = at;
        return ingest_backend_pid(writer->ingest);
    }
    return 0;
}

/* --- life --- */

static void make_pipeline(struct writer *writer, const struct pipeline_options *options,
                          struct pairs *pairs)
{
    struct pipeline_ops ops = {
        .read_offsets = op_read_offsets,
        .assign = op_assign,
        .release = op_release,
        .commit = op_commit,
        .abort_commit = op_abort_commit,
        .committed = op_committed,
        .refresh_pairs = op_refresh_pairs,
        .jump = op_jump,
        .tick = writer->all->ops.tick ? op_tick : NULL,
        .rejected = writer->all->ops.rejected ? op_rejected : NULL,
        .ctx = writer,
    };
    writer->pipeline = pipeline_new(options, pairs, &ops);
}

static void make_ingest(struct writer *writer, struct ev_loop *loop, const struct config *config)
{
    struct ingest_callbacks on = {
        .on_usable = on_usable,
        .on_schema = on_schema,
        .find_start = find_start,
        .on_offsets = on_offsets,
        .on_commit = on_commit,
        .on_jumped = on_jumped,
        .ctx = writer,
    };
    writer->ingest = ingest_new(loop, config, writer->name, &on);
}

/* "ingest", or "ingest-1", "ingest-2" ... */
static void name_session(struct writer *writer, size_t i)
{
    if (writer->all->count == 1)
        snprintf(writer->name, sizeof writer->name, "ingest");
    else
        snprintf(writer->name, sizeof writer->name, "ingest-%zu", i + 1);
}

struct writers *writers_new(struct ev_loop *loop, const struct config *config,
                            const struct pipeline_options *options, struct pairs *pairs,
                            const struct writers_ops *ops)
{
    struct writers *w = err_calloc(1, sizeof *w);
    struct pipeline_options own = *options;
    w->ops = *ops;
    w->count = (size_t)config->writers;
    w->items = err_calloc(w->count, sizeof *w->items);
    offsets_init(&w->offsets);
    own.tie_memory = (options->tie_memory + w->count - 1) / w->count;
    for (size_t i = 0; i < w->count; i++) {
        struct writer *writer = &w->items[i];
        writer->all = w;
        name_session(writer, i);
        offsets_init(&writer->missing);
        make_pipeline(writer, &own, pairs);
        make_ingest(writer, loop, config);
    }
    return w;
}

void writers_free(struct writers *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++) {
        ingest_free(w->items[i].ingest);
        pipeline_free(w->items[i].pipeline);
        offsets_fini(&w->items[i].missing);
    }
    offsets_fini(&w->offsets);
    free(w->items);
    free(w);
}

void writers_start(struct writers *w)
{
    for (size_t i = 0; i < w->count; i++)
        ingest_start(w->items[i].ingest);
}

void writers_set_options(struct writers *w, const struct pipeline_options *options)
{
    for (size_t i = 0; i < w->count; i++)
        pipeline_set_options(w->items[i].pipeline, options);
}

void writers_on_schema(struct writers *w, const struct schema_report *report)
{
    for (size_t i = 0; i < w->count; i++)
        ingest_use_schema(w->items[i].ingest, report);
}

void writers_set_owner(struct writers *w, const char *group_id, const char *cluster_id)
{
    w->owner = (struct batch_owner){group_id, cluster_id};
    for (size_t i = 0; i < w->count; i++)
        pipeline_set_owner(w->items[i].pipeline, group_id, cluster_id);
}
