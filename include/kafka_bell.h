/* SPDX-License-Identifier: MIT */
/*
 * Wakes the loop when messages have come: librdkafka's threads pull the bell, and it rings a moment
 * later. librdkafka hands over the partitions of one fetch one by one; who came for each would be
 * woken several times, to meet librdkafka at the lock of the queue.
 *
 * One timer of the kernel (timerfd), so that nobody wakes to start it; on a kernel without, a pipe,
 * and it rings at once.
 */
#ifndef TICKD_KAFKA_BELL_H
#define TICKD_KAFKA_BELL_H

#include "err.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct kafka_bell {
    int fd;             /* readable when it rings */
    int pull_fd;        /* the pipe's other end; -1: there is a timer */
    int64_t delay_ns;   /* 0: it rings at once */
    atomic_bool pulled; /* and not yet heard */
};

/* False with `e` set: there is no file descriptor to be had. */
bool kafka_bell_init(struct kafka_bell *b, int64_t delay_ns, struct err *e)
    __attribute__((warn_unused_result));
/* Not before all queues that pull it are told not to. */
void kafka_bell_fini(struct kafka_bell *b);

/* From any thread; for rd_kafka_queue_cb_event_enable(), with the bell behind `opaque`. */
void kafka_bell_pull(rd_kafka_t *rk, void *opaque);

/* Loop thread, when it has rung; before it looks what there is. */
void kafka_bell_heard(struct kafka_bell *b);

#endif
