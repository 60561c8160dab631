/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t); /* cannot fail for the two clocks below */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct instant clock_now(void)
{
    return (struct instant){
        .mono_us = read_us(CLOCK_MONOTONIC),
        .wall_us = read_us(CLOCK_REALTIME),
    };
}
