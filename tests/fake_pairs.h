/* SPDX-License-Identifier: MIT */
/*
 * Fills the cache of pairs in tests, through a PGresult made without a server.
 */
#ifndef TICKD_FAKE_PAIRS_H
#define TICKD_FAKE_PAIRS_H

#include "pairs.h"

/* Loads the symbols in `list`, separated by blanks; "!" in front makes a pair inactive. */
void fake_pairs_load(struct pairs *pairs, const char *list);

#endif
