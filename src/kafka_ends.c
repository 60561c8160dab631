/* SPDX-License-Identifier: MIT */
#include "kafka_ends.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

struct kafka_ends_table {
    struct ev_loop *loop;
    struct kafka_client *client;
    struct kafka_ask *ask;
    struct offsets partitions; /* of the last answer */
    struct kafka_ends *ends;
};

struct kafka_ends_table *kafka_ends_new(struct ev_loop *loop, struct kafka_client *client)
{
    struct kafka_ends_table *t = err_calloc(1, sizeof *t);
    t->loop = loop;
    t->client = client;
    offsets_init(&t->partitions);
    return t;
}

void kafka_ends_free(struct kafka_ends_table *t)
{
    if (!t)
        return;
    if (t->ask)
        kafka_ask_cancel(t->ask);
    offsets_fini(&t->partitions);
    free(t->ends);
    free(t);
}

static void on_ends(void *ctx, const struct kafka_answer *answer)
{
    struct kafka_ends_table *t = ctx;
    t->ask = NULL;
    if (answer->error)
        return; /* the next answer will do */
    size_t count = answer->wanted->count;
    offsets_copy(&t->partitions, answer->wanted);
    t->ends = err_realloc(t->ends, count * sizeof *t->ends);
    if (count > 0)
        memcpy(t->ends, answer->ends, count * sizeof *t->ends);
}

void kafka_ends_ask(struct kafka_ends_table *t, const struct offsets *o)
{
    if (!t->ask)
        t->ask = kafka_ask_new(t->loop, t->client, ASK_ENDS, o, START_EARLIEST, on_ends, t);
}

static int64_t known(int64_t offset)
{
    return offset >= 0 ? offset : OFFSETS_UNKNOWN;
}

struct kafka_ends kafka_ends_get(const struct kafka_ends_table *t, const char *topic, int32_t id)
{
    struct kafka_ends fetched = {OFFSETS_UNKNOWN, OFFSETS_UNKNOWN};
    struct kafka_ends asked = {OFFSETS_UNKNOWN, OFFSETS_UNKNOWN};
    size_t i = offsets_find(&t->partitions, topic, id);
    if (i < t->partitions.count)
        asked = t->ends[i];
    if (rd_kafka_get_watermark_offsets(kafka_client_handle(t->client), topic, id, &fetched.low,
                                       &fetched.high))
        return asked;
    return (struct kafka_ends){
        .low = asked.low,
        .high = known(fetched.high) > asked.high ? fetched.high : asked.high,
    };
}
