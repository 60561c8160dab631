/* SPDX-License-Identifier: MIT */
#include "kafka_bell.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool open_pipe(struct kafka_bell *b, struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) {
        err_set(e, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    b->fd = ends[0];
    b->pull_fd = ends[1];
    return true;
}

bool kafka_bell_init(struct kafka_bell *b, int64_t delay_ns, struct err *e)
{
    b->delay_ns = delay_ns;
    b->pull_fd = -1;
    atomic_init(&b->pulled, false);
    b->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return b->fd >= 0 || open_pipe(b, e);
}

void kafka_bell_fini(struct kafka_bell *b)
{
    close(b->fd);
    if (b->pull_fd >= 0)
        close(b->pull_fd);
}

/* Once until it is heard: pulling it again must not put the ringing off. */
void kafka_bell_pull(rd_kafka_t *rk, void *opaque)
{
    struct kafka_bell *b = opaque;
    (void)rk;
    if (atomic_exchange(&b->pulled, true))
        return;
    if (b->pull_fd >= 0) {
        ssize_t written = write(b->pull_fd, "", 1);
        (void)written; /* there is room for one */
        return;
    }
    /* A time of zero would stop the timer. */
    struct itimerspec after = {.it_value.tv_nsec = b->delay_ns > 0 ? b->delay_ns : 1};
    timerfd_settime(b->fd, 0, &after, NULL);
}

/* Who pulls it before this is done has put his message where it is found afterwards. */
void kafka_bell_heard(struct kafka_bell *b)
{
    uint64_t times; /* a timer gives eight bytes, the pipe its one */
    if (read(b->fd, &times, sizeof times) > 0)
        atomic_store(&b->pulled, false);
}
