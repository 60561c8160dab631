/* SPDX-License-Identifier: MIT */
/*
 * What the parts of verify.c share. For verify*.c alone.
 */
#ifndef TICKREPLAY_VERIFY_STATE_H
#define TICKREPLAY_VERIFY_STATE_H

#include "itemsort.h"
#include "letters.h"
#include "namelist.h"
#include "verify.h"
#include <libpq-fe.h>

enum verify_pair { PAIR_UNKNOWN, PAIR_ACTIVE, PAIR_INACTIVE };

/* Of one partition: what its row of ingest_offsets must say. */
struct verify_book {
    int64_t first; /* offset of the first message; -1 = there is none */
    int64_t next;
    struct verify_counts counts;
};

struct verify {
    const struct verify_options *o;
    struct verify_result *result;
    PGconn *conn;
    char *cluster;    /* "" = none has been there */
    bool has_offsets; /* the messages have partitions and offsets */
    int64_t now_us;   /* the database has nothing from after this */
    struct namelist symbols;
    struct namelist exchanges;
    uint8_t *pairs; /* enum verify_pair by number of the symbol */
    size_t pair_cap;
    struct letters letters;
    struct itemsort *items;
    int64_t min_us, max_us; /* event times of the items */
    bool orders_unknown;    /* of ties of several partitions, of which not all are stored */
    struct verify_book *books;
    size_t book_count;
    struct tiegroup *groups; /* by number of the symbol */
    size_t group_count;
};

/* verify_db.c: opens the connection and the snapshot, reads pairs and dead letters. */
bool verify_open(struct verify *v, struct err *e) __attribute__((warn_unused_result));
void verify_close(struct verify *v);

/* verify_rows.c: compares items and table. */
bool verify_rows(struct verify *v, struct err *e) __attribute__((warn_unused_result));

/* verify_books.c: compares offsets and counters; gaps. */
bool verify_books(struct verify *v, struct err *e) __attribute__((warn_unused_result));

/* The counts of a partition, made if there are none. */
struct verify_book *verify_book(struct verify *v, size_t partition);

#define VERIFY_TEXT 64

/* Where something came from, in words: "0:12.1" (partition, offset, item) or "message 12". */
const char *verify_where(const struct verify *v, char *text, int partition, int64_t offset,
                         int32_t index);

/* A query of text columns. NULL: `e` says why not. */
PGresult *verify_query(struct verify *v, const char *sql, int count, const char *const *values,
                       struct err *e);

#endif
