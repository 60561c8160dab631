/* SPDX-License-Identifier: MIT */
/*
 * The cached `pairs` table: which symbols exist and which are active.
 *
 * Pure: it is filled from a PGresult, which a test can make without a server. A pair keeps its slot
 * for the life of the process, also when its row goes and comes back, so that other modules can
 * keep what they know of a pair in arrays.
 */
#ifndef TICKD_PAIRS_H
#define TICKD_PAIRS_H

#include "err.h"
#include "record.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pair {
    char symbol[RECORD_SYMBOL_MAX + 1];
    uint8_t symbol_len;
    bool listed; /* has a row in `pairs` now */
    bool active;
    uint32_t slot;
    char display_name[51 * 4];
    char category[21 * 4];
};

struct pairs;

/* Text-format query whose result pairs_load() takes. */
extern const char pairs_sql[];

struct pairs *pairs_new(void);
void pairs_free(struct pairs *p);

/* Replaces the contents by the result of pairs_sql; pairs not in it become unlisted. On false
 * nothing has changed and `e` says why. */
bool pairs_load(struct pairs *p, const PGresult *result, struct err *e)
    __attribute__((warn_unused_result));

/* True once pairs_load() has succeeded. */
bool pairs_loaded(const struct pairs *p);

/* The listed pair with exactly this symbol, or NULL. Valid until the next pairs_load(). */
const struct pair *pairs_find(const struct pairs *p, const char *symbol, size_t len);

/* The pair of a slot, listed or not; slot < pairs_slot_count(). Valid as above. */
const struct pair *pairs_at(const struct pairs *p, uint32_t slot);

/* Listed pairs; those of them that are active; slots ever given out (an upper bound of slots). */
size_t pairs_count(const struct pairs *p);
size_t pairs_active_count(const struct pairs *p);
size_t pairs_slot_count(const struct pairs *p);

#endif
