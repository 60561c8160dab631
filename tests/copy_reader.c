/* SPDX-License-Identifier: MIT */
#include "copy_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "COPY data: %s\n", what);
    abort();
}

static uint64_t big_endian(const uint8_t *at, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | at[i];
    return v;
}

static uint64_t take(struct copy_reader *r, size_t len)
{
    require((size_t)(r->end - r->at) >= len, "cut short");
    r->at += len;
    return big_endian(r->at - len, len);
}

struct copy_reader copy_reader_start(const void *data, size_t len)
{
    static const uint8_t header[19] = "PGCOPY\n\377\r\n";
    struct copy_reader r = {.at = data, .end = (const uint8_t *)data + len};
    require(len >= sizeof header && memcmp(data, header, sizeof header) == 0, "another header");
    r.at += sizeof header;
    return r;
}

bool copy_reader_next(struct copy_reader *r)
{
    r->count = take(r, 2);
    if (r->count == 0xffff) {
        require(r->at == r->end, "something behind the trailer");
        return false;
    }
    require(r->count <= COPY_READER_FIELDS, "too many fields");
    for (size_t i = 0; i < r->count; i++) {
        uint64_t len = take(r, 4);
        r->field[i] = (struct copy_field){0};
        if (len == 0xffffffff)
            continue;
        r->field[i] = (struct copy_field){r->at, len};
        require((size_t)(r->end - r->at) >= len, "a field cut short");
        r->at += len;
    }
    return true;
}

size_t copy_reader_count(const void *data, size_t len)
{
    struct copy_reader r = copy_reader_start(data, len);
    size_t count = 0;
    while (copy_reader_next(&r))
        count++;
    return count;
}

static const struct copy_field *field_of(const struct copy_reader *r, size_t field)
{
    require(field < r->count, "no such field");
    return &r->field[field];
}

int64_t copy_reader_int(const struct copy_reader *r, size_t field)
{
    const struct copy_field *f = field_of(r, field);
    require(f->len == 1 || f->len == 4 || f->len == 8, "not an integer");
    uint64_t v = big_endian(f->data, f->len);
    return f->len == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

double copy_reader_number(const struct copy_reader *r, size_t field)
{
    const struct copy_field *f = field_of(r, field);
    if (!f->data)
        return NAN;
    require(f->len == 8, "not a number");
    uint64_t bits = big_endian(f->data, f->len);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

const char *copy_reader_text(const struct copy_reader *r, size_t field, char *out, size_t size)
{
    const struct copy_field *f = field_of(r, field);
    require(f->len < size, "a longer text than expected");
    if (f->data)
        memcpy(out, f->data, f->len);
    out[f->len] = '\0';
    return out;
}

bool copy_reader_is_null(const struct copy_reader *r, size_t field)
{
    return !field_of(r, field)->data;
}
