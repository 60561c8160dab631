/* SPDX-License-Identifier: MIT */
/*
 * How the foreign key from ticks to pairs is looked after: by its own trigger for each row, or once
 * a batch (docs/architecture.md, "The foreign key, once a batch").
 *
 * Pure: the answer to the schema query in, a decision with its reason out.
 */
#ifndef TICKD_FKCHECK_H
#define TICKD_FKCHECK_H

#include "config.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A batch of fewer rows is checked sooner by the trigger; measured. */
#define FKCHECK_ROWS_MIN 128

#define FKCHECK_NEVER SIZE_MAX

struct fkcheck {
    size_t min_rows; /* batches of at least so many rows are checked once; FKCHECK_NEVER: none */
    bool refused;    /* once a batch is demanded, and not possible here */
    char reason[256];
};

/* `rows` is the answer to schema_sql (kind, object, attribute, value). What it does not say is
 * taken for unsafe. */
void fkcheck_decide(enum config_fk_check wanted, const PGresult *rows, struct fkcheck *out);

/* "once a batch" or "row by row", for people. Static storage. */
const char *fkcheck_word(const struct fkcheck *f);

#endif
