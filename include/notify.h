/* SPDX-License-Identifier: MIT */
/*
 * Telling systemd how it is (sd_notify). Without systemd every call does nothing.
 */
#ifndef TICKD_NOTIFY_H
#define TICKD_NOTIFY_H

/* Ready: ticks can flow. Said once; later states are told by notify_status(). */
void notify_ready(void);

/* One line for `systemctl status`. */
void notify_status(const char *text);

void notify_reloading(void);
void notify_reloaded(void);
void notify_stopping(void);

/* Feeds the watchdog, if there is one. */
void notify_alive(void);

#endif
