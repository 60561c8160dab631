/* SPDX-License-Identifier: MIT */
/*
 * One line per event on stderr, logfmt or JSON.
 *
 *     ts=2026-11-23T08:30:00.123Z level=info event=database_up msg="connected" host=db attempts=3
 *
 * Never blocks: stderr is written without waiting, and what does not fit is dropped and counted; the
 * count is said when writing works again. Under systemd (JOURNAL_STREAM names our stderr) lines begin
 * with a journald priority and carry no time. Values are escaped: bytes from outside cannot forge a
 * line. Secrets are never passed in.
 */
#ifndef TICKD_LOG_H
#define TICKD_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

void log_init(enum log_level level, bool json);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/*
 * log_info("database_up", "connected", "host=%s attempts=%d", host, n)
 *
 * `event` is a fixed word to grep for (docs/operations.md has them all), `msg` a sentence, then
 * key=value pairs as one format: keys are words, each value one conversion. Values that need quotes
 * are quoted.
 */
void log_event(enum log_level level, const char *event, const char *msg, const char *fields, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(...) log_event(LOG_ERROR_LEVEL, __VA_ARGS__)
#define log_warn(...)  log_event(LOG_WARN_LEVEL, __VA_ARGS__)
#define log_info(...)  log_event(LOG_INFO_LEVEL, __VA_ARGS__)
#define log_debug(...) log_event(LOG_DEBUG_LEVEL, __VA_ARGS__)

/* Samples a repeating event: true for the 1st, 2nd, 4th, 8th... of a row and then once a minute;
 * `*suppressed` is how many were held back since the last true. One struct per kind of event. */
struct log_sampler {
    uint64_t seen;
    uint64_t suppressed;
    int64_t last_us;
};
bool log_sample(struct log_sampler *s, int64_t mono_us, uint64_t *suppressed);
void log_sample_reset(struct log_sampler *s);

/* Lines dropped because stderr did not take them. */
uint64_t log_dropped(void);

#endif
