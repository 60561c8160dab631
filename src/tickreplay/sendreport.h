/* SPDX-License-Identifier: MIT */
/*
 * What `send` says: a line of progress on a terminal while it runs, and what became of everything
 * when it is done, for people and for machines.
 * A report owns its list of shifts.
 */
#ifndef TICKREPLAY_SENDREPORT_H
#define TICKREPLAY_SENDREPORT_H

#include "err.h"
#include "meter.h"
#include "producer.h"
#include <stdbool.h>
#include <stdint.h>

struct send_report {
    uint64_t read;     /* messages of the recording, all passes */
    uint64_t filtered; /* left out by --symbols, --from, --to, --exchanges */
    uint64_t keyless;  /* no symbol was found in them */
    uint64_t errors;   /* lines and files that could not be read */
    uint64_t passes;   /* over the recording that were completed */
    double rate_asked; /* messages a second; 0 = as recorded or as fast as possible */
    bool paced;        /* not --max */
    bool interrupted;  /* by a signal */
    double seconds;    /* from the first message until the last acknowledgement */
    struct meter meter;
    int64_t *shifts_ms; /* what was added to the event times of each pass */
    size_t shift_count;
};

void send_report_fini(struct send_report *r);

void send_report_add_shift(struct send_report *r, int64_t shift_ms);

/* True if the messages went out when they were due. */
bool send_report_on_time(const struct send_report *r);

/* A few lines on stderr. */
void send_report_say(const struct send_report *r, const struct producer_counts *c);

/* All figures as a JSON object into a file, "-" = stdout. False: `e` says why not. */
bool send_report_write(const struct send_report *r, const struct producer_counts *c,
                       const char *path, struct err *e) __attribute__((warn_unused_result));

/* The line that is written over and over. */
struct progress {
    bool shown;      /* stderr is a terminal, or it was asked for */
    bool started;    /* the line is there */
    int64_t next_ns; /* when it is written again */
    uint64_t last_count;
    int64_t last_ns;
};

/* Writes the line if it is time. `done` is the share of the work done so far, or below 0. */
void progress_update(struct progress *p, const struct send_report *r,
                     const struct producer_counts *c, double done, int64_t now_ns);

/* Ends the line. */
void progress_end(struct progress *p);

#endif
