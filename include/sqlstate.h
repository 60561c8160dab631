/* SPDX-License-Identifier: MIT */
/*
 * What an error of the database means for a batch. Codes are PostgreSQL's (Appendix A of its
 * documentation); constraint and table names are never looked at, they differ per chunk.
 */
#ifndef TICKD_SQLSTATE_H
#define TICKD_SQLSTATE_H

enum sqlstate_class {
    SQLSTATE_LOST,      /* no code, 08, 57P01-57P05, 53300, 25006: the connection is of no use */
    SQLSTATE_RETRY,     /* 40, 55P03, 57014: the same again, after a pause */
    SQLSTATE_TOO_LARGE, /* 53200, 54: too much for one transaction, perhaps: smaller batches */
    SQLSTATE_RESOURCE,  /* other 53, 58: the server is out of something: hold, longer pause */
    SQLSTATE_CLASH,     /* 23505: a key is taken */
    SQLSTATE_BAD_ROW,   /* other 22 and 23, P0001: some row of the batch is not acceptable */
    SQLSTATE_CHANGED,   /* TK003: the schema is not as it was when it was looked at */
    SQLSTATE_FENCED,    /* TK001: somebody else moved the offsets */
    SQLSTATE_MISCONFIG, /* 28, 3D, 3F, 42, 0A, ...: schema, privileges, authentication */
    SQLSTATE_ENCODER,   /* 22P04, 08P01 within COPY: tickd's own bug; stop */
    SQLSTATE_CORRUPT,   /* XX: hold and alarm */
};

/* `code` is a five-character SQLSTATE, or NULL or "" when there was none. Unknown codes are held as
 * SQLSTATE_MISCONFIG: wait and say so, lose nothing. */
enum sqlstate_class sqlstate_classify(const char *code);

/* Short name for logs. Static storage. */
const char *sqlstate_class_name(enum sqlstate_class c);

#endif
