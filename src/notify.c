/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* As TimeoutStartSec= of the unit. */
#define START_EXTENSION_US 30000000

void notify_ready(void)
{
    sd_notify(0, "READY=1");
}

void notify_status(const char *text)
{
    sd_notifyf(0, "STATUS=%s", text);
}

void notify_reloading(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
               (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

void notify_reloaded(void)
{
    sd_notify(0, "READY=1");
}

void notify_stopping(int64_t limit_us)
{
    sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64, limit_us);
}

void notify_alive(bool starting)
{
    if (starting)
        sd_notifyf(0, "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=%d", START_EXTENSION_US);
    else
        sd_notify(0, "WATCHDOG=1");
}
