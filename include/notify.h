/* SPDX-License-Identifier: MIT */
/*
 * Telling systemd how it is (sd_notify). Without systemd every call does nothing.
 */
#ifndef TICKD_NOTIFY_H
#define TICKD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Ready: ticks can flow. Said once; later states are told by notify_status(). */
void notify_ready(void);

/* One line for `systemctl status`. */
void notify_status(const char *text);

void notify_reloading(void);
void notify_reloaded(void);

/* It stops, and may take so long. */
void notify_stopping(int64_t limit_us);

/* Once a second. Feeds the watchdog, which systemd starts when it is ready; until then
 * (`starting`) it asks for more time, so that a start may wait for ever, but not hang. */
void notify_alive(bool starting);

#endif
