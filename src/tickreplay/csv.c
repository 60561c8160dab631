/* SPDX-License-Identifier: MIT */
#include "csv.h"

#include <string.h>

/* Reads a quoted cell from behind its opening quote; returns what follows the closing one, or NULL.
 */
static char *take_quoted(struct csv_cell *cell, char *p, const char *end)
{
    char *out = p;
    cell->text = p;
    for (; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) {
            cell->len = (size_t)(out - cell->text);
            return p + 1;
        }
        p += *p == '"';
        *out++ = *p;
    }
    return NULL;
}

static char *take_plain(struct csv_cell *cell, char *p, const char *end)
{
    char *comma = memchr(p, ',', (size_t)(end - p));
    cell->text = p;
    cell->len = comma ? (size_t)(comma - p) : (size_t)(end - p);
    return p + cell->len;
}

bool csv_split(struct csv_row *row, char *line, size_t len, struct err *e)
{
    char *p = line;
    const char *end = line + len - (len > 0 && line[len - 1] == '\r');
    row->count = 0;
    for (;; p++) {
        if (row->count == CSV_CELLS_MAX) {
            err_set(e, "more than %d columns", CSV_CELLS_MAX);
            return false;
        }
        struct csv_cell *cell = &row->cells[row->count++];
        cell->quoted = p < end && *p == '"';
        p = cell->quoted ? take_quoted(cell, p + 1, end) : take_plain(cell, p, end);
        if (!p || (p < end && *p != ',')) {
            err_set(e, "column %zu: quotes do not match", row->count);
            return false;
        }
        if (p == end)
            return true;
    }
}

size_t csv_find(const struct csv_row *row, const char *name)
{
    for (size_t i = 0; i < row->count; i++) {
        if (row->cells[i].len == strlen(name) &&
            memcmp(row->cells[i].text, name, strlen(name)) == 0)
            return i;
    }
    return CSV_CELLS_MAX;
}
