/* SPDX-License-Identifier: MIT */
/*
 * What `verify` has found: for each kind of deviation how many, and the first of them in words.
 * Owns the texts.
 */
#ifndef TICKREPLAY_FINDINGS_H
#define TICKREPLAY_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name (never changes), what it means */
#define FINDING_TABLE(X)                                                                           \
    X(MISSING, "missing", "ticks that are not in the table")                                       \
    X(EXTRA, "extra", "rows that nobody sent")                                                     \
    X(CHANGED, "changed", "rows with other values than were sent")                                 \
    X(MOVED, "moved", "ticks that are not at their time, or not at the next free microsecond")     \
    X(REPEAT_STORED, "repeat_stored", "repeated quotes that were stored")                          \
    X(LETTER_MISSING, "letter_missing", "bad ticks without a dead letter")                         \
    X(LETTER_EXTRA, "letter_extra", "dead letters of nothing that had to be rejected")             \
    X(LETTER_REASON, "letter_reason", "dead letters with another reason")                          \
    X(LETTER_CHANGED, "letter_changed", "dead letters with another payload than was sent")         \
    X(OFFSET, "offset", "stored offsets that are not at the end of what was sent")                 \
    X(COUNT, "count", "counters of ingest_offsets that are wrong")                                 \
    X(GAP, "gap", "jumps over messages, as recorded in ingest_gaps")

enum finding {
#define X(name, code, text) FINDING_##name,
    FINDING_TABLE(X)
#undef X
        FINDING_KINDS
};

struct findings {
    uint64_t count[FINDING_KINDS];
    char **examples[FINDING_KINDS];
    size_t example_count[FINDING_KINDS];
    size_t examples_max; /* of each kind */
};

void findings_init(struct findings *f, size_t examples_max);
void findings_fini(struct findings *f);

/* Counts one; keeps the text if it is among the first. */
void findings_add(struct findings *f, enum finding kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

uint64_t findings_total(const struct findings *f);

/* "missing", and what it means. Static storage. */
const char *finding_name(enum finding kind);
const char *finding_text(enum finding kind);

#endif
