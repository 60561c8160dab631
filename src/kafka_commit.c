/* SPDX-License-Identifier: MIT */
#include "kafka_commit.h"

#include "crashpoint.h"
#include "log.h"

void kafka_commit_init(struct kafka_commit *c, rd_kafka_t *rk, rd_kafka_queue_t *events)
{
    *c = (struct kafka_commit){.rk = rk, .events = events};
    offsets_init(&c->newest);
}

void kafka_commit_fini(struct kafka_commit *c)
{
    offsets_fini(&c->newest);
}

void kafka_commit_set(struct kafka_commit *c, const struct offsets *o)
{
    offsets_copy(&c->newest, o);
    c->wanted = true;
}

void kafka_commit_forget(struct kafka_commit *c)
{
    c->wanted = false;
}

void kafka_commit_send(struct kafka_commit *c)
{
    if (!c->wanted)
        return;
    c->wanted = false;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < c->newest.count; i++) {
        const struct partition *p = &c->newest.items[i];
        if (p->durable >= 0)
            rd_kafka_topic_partition_list_add(list, p->topic, p->id)->offset = p->durable;
    }
    CRASHPOINT_IF(list->cnt > 0, kafka_commit_unsent);
    if (list->cnt > 0 && !rd_kafka_commit_queue(c->rk, list, c->events, NULL, NULL))
        c->flying++;
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_commit_on_result(struct kafka_commit *c, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    c->flying--;
    if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_debug("kafka_commit_failed", "Kafka did not take the offsets (lag tools only)",
                  "error=%s", rd_kafka_err2str(err));
}
