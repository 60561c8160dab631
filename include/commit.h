/* SPDX-License-Identifier: MIT */
/*
 * How the transaction of a batch can end.
 */
#ifndef TICKD_COMMIT_H
#define TICKD_COMMIT_H

enum commit_outcome {
    COMMIT_DONE,   /* the tag said COMMIT */
    COMMIT_CLASH,  /* rolled back: a key is taken, a row refused, a pair gone: merge row by row */
    COMMIT_FENCED, /* rolled back: the stored offsets are not where this batch begins */
    COMMIT_RETRY,  /* rolled back: deadlock, lock timeout and the like: the same again soon */
    COMMIT_HOLD,   /* rolled back: disk full, schema gone, no privilege: the same again later */
    COMMIT_TOO_LARGE, /* rolled back: more than the server can take at once: less next time */
    COMMIT_LOST,      /* the connection went; whether it was committed is not known */
    COMMIT_BROKEN,    /* rolled back: the server cannot read what we encode: our bug; stop */
};

/* Static storage. */
const char *commit_outcome_name(enum commit_outcome outcome);

#endif
