/* SPDX-License-Identifier: MIT */
/*
 * One line per event on stderr, logfmt or JSON.
 *
 *     ts=2026-11-23T08:30:00.123Z level=info event=database_up msg=connected host=db attempts=3
 *
 * Never blocks: stderr is written without waiting, and what does not fit is dropped and counted;
 * the count is said (event=log_dropped) when writing works again. Under systemd (JOURNAL_STREAM
 * names our stderr) lines begin with a journald priority and carry no time. Values are escaped:
 * bytes from outside cannot forge a line. Secrets are never passed in.
 *
 * For the loop's thread only. SIGPIPE must be ignored.
 */
#ifndef TICKD_LOG_H
#define TICKD_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

/* Looks at what stderr is; until then lines go to it as they are, at info, in logfmt. May be called
 * again. */
void log_init(enum log_level level, bool json);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/*
 * log_info("database_up", "connected", "host=%s attempts=%d", host, n)
 *
 * `event` is a fixed word to grep for (docs/operations.md has them all), `msg` a sentence, then
 * key=value pairs separated by one blank, as one format, or NULL: keys are words other than ts,
 * level, event, msg; a value is one conversion, or several with anything but a blank between them
 * ("range=%d-%d"). Values that need quotes are quoted. In JSON, a value of one %d, %u, %f, ... is a
 * number, all others are strings. A line that would be longer than 4096 bytes is cut, stays
 * well-formed, and ends in cut=true.
 */
void log_event(enum log_level level, const char *event, const char *msg, const char *fields, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(...) log_event(LOG_ERROR_LEVEL, __VA_ARGS__)
#define log_warn(...)  log_event(LOG_WARN_LEVEL, __VA_ARGS__)
#define log_info(...)  log_event(LOG_INFO_LEVEL, __VA_ARGS__)
#define log_debug(...) log_event(LOG_DEBUG_LEVEL, __VA_ARGS__)

/* Writes the flight recorder (recorder.h), which has the last lines of all levels, whatever the
 * level in force, between two lines of event=flight_recorder; waits for stderr a second at most.
 * Callable from signal handlers. */
void log_dump_recorder(void);

/* From now on a signal that ends the process for a fault (SIGABRT, SIGSEGV, ...) dumps it first. */
void log_catch_faults(void);

/* Samples a repeating event: true for the 1st, 2nd, 4th, 8th... of a row, and when a minute has
 * gone since the last true; `*suppressed` is then how many were held back since. One struct,
 * zeroed, per kind of event. */
struct log_sampler {
    uint64_t seen;
    uint64_t suppressed;
    int64_t last_us;
};
bool log_sample(struct log_sampler *s, int64_t mono_us, uint64_t *suppressed);
/* Ends the row: the next event is a 1st again. */
void log_sample_reset(struct log_sampler *s);

/* Lines dropped because stderr did not take them, since the start. */
uint64_t log_dropped(void);

#endif
