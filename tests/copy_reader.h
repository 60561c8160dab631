/* SPDX-License-Identifier: MIT */
/*
 * Reads what was written for binary COPY, as a server would: what is not well-formed ends the test.
 */
#ifndef TICKD_COPY_READER_H
#define TICKD_COPY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPY_READER_FIELDS 16

struct copy_field {
    const uint8_t *data; /* NULL for SQL NULL */
    size_t len;
};

struct copy_reader {
    const uint8_t *at;
    const uint8_t *end;
    size_t count; /* fields of the row that was read last */
    struct copy_field field[COPY_READER_FIELDS];
};

/* Begins; the header has been checked. */
struct copy_reader copy_reader_start(const void *data, size_t len);

/* The next row. False at the trailer, behind which nothing may follow. */
bool copy_reader_next(struct copy_reader *r);

/* Rows until the end. */
size_t copy_reader_count(const void *data, size_t len);

/* Values of the row; the field must have the length of its type. NULL reads as NAN, or "". */
int64_t copy_reader_int(const struct copy_reader *r, size_t field);
double copy_reader_number(const struct copy_reader *r, size_t field);
/* Copied into `out`, which must be large enough, with a NUL behind it. */
const char *copy_reader_text(const struct copy_reader *r, size_t field, char *out, size_t size);
bool copy_reader_is_null(const struct copy_reader *r, size_t field);

#endif
