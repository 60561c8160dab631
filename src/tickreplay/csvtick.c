/* SPDX-License-Identifier: MIT */
#include "csvtick.h"

#include "number.h"
#include "text.h"
#include "timestamp.h"
#include <string.h>

/* The longest time that is worth reading, with room for minutes that PostgreSQL leaves out. */
#define TIME_MAX 64

static const char *const names[CSVTICK_COLUMNS] = {
    [CSVTICK_TIME] = "time",         [CSVTICK_SYMBOL] = "symbol", [CSVTICK_PRICE] = "price",
    [CSVTICK_VOLUME] = "volume",     [CSVTICK_BID] = "bid",       [CSVTICK_ASK] = "ask",
    [CSVTICK_EXCHANGE] = "exchange",
};

static size_t column_of(const struct csv_cell *cell)
{
    static const char alias[] = "timestamp";
    if (cell->len == strlen(alias) && memcmp(cell->text, alias, cell->len) == 0)
        return CSVTICK_TIME;
    size_t c = 0;
    while (c < CSVTICK_COLUMNS &&
           (strlen(names[c]) != cell->len || memcmp(names[c], cell->text, cell->len) != 0))
        c++;
    return c;
}

bool csvtick_header(struct csvtick *t, const struct csv_row *row, struct err *e)
{
    for (size_t c = 0; c < CSVTICK_COLUMNS; c++)
        t->place[c] = CSV_CELLS_MAX;
    t->count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        const struct csv_cell *cell = &row->cells[i];
        size_t c = column_of(cell);
        if (c == CSVTICK_COLUMNS || t->place[c] != CSV_CELLS_MAX) {
            err_set(e,
                    "column \"%.*s\" is %s; expected time, symbol, price, volume, bid, ask, "
                    "exchange",
                    (int)cell->len, cell->text, c == CSVTICK_COLUMNS ? "unknown" : "here twice");
            return false;
        }
        t->place[c] = i;
    }
    for (size_t c = CSVTICK_SYMBOL; c <= CSVTICK_PRICE; c++) {
        if (t->place[c] == CSV_CELLS_MAX) {
            err_set(e, "no column \"%s\" in the header", names[c]);
            return false;
        }
    }
    return true;
}

/* RFC 3339 has minutes in its offset, where PostgreSQL writes +00; the result is in `text`. */
static size_t complete_offset(const struct csv_cell *cell, char text[TIME_MAX])
{
    size_t len = cell->len;
    if (len + sizeof ":00" > TIME_MAX)
        return 0;
    memcpy(text, cell->text, len);
    if (len > 3 && (text[len - 3] == '+' || text[len - 3] == '-') && memchr(text, ':', len)) {
        memcpy(text + len, ":00", 3);
        len += 3;
    }
    return len;
}

/* A time is an integer, or a string: RFC 3339 or whatever stands there. */
static void put_time(struct buf *b, const struct csv_cell *cell, int64_t *time_us)
{
    char text[TIME_MAX];
    if (timestamp_parse(cell->text, cell->len, time_us)) {
        if (number_is_integer(cell->text, cell->len))
            buf_put(b, cell->text, cell->len);
        else
            text_put_json(b, cell->text, cell->len);
        return;
    }
    size_t len = complete_offset(cell, text);
    if (timestamp_parse_rfc3339(text, len, time_us))
        text_put_json(b, text, len);
    else
        text_put_json(b, cell->text, cell->len);
}

/* A number keeps its text; what is none goes as a string, for the consumer to reject. */
static void put_value(struct buf *b, size_t column, const struct csv_cell *cell)
{
    double value;
    bool is_text = column == CSVTICK_SYMBOL || column == CSVTICK_EXCHANGE;
    if (!is_text && number_parse(cell->text, cell->len, &value))
        buf_put(b, cell->text, cell->len);
    else
        text_put_json(b, cell->text, cell->len);
}

bool csvtick_row(const struct csvtick *t, const struct csv_row *row, struct buf *b,
                 int64_t *time_us, struct err *e)
{
    if (row->count != t->count) {
        err_set(e, "%zu columns where the header has %zu", row->count, t->count);
        return false;
    }
    *time_us = INT64_MIN;
    char next = '{';
    for (size_t c = 0; c < CSVTICK_COLUMNS; c++) {
        if (t->place[c] == CSV_CELLS_MAX)
            continue;
        const struct csv_cell *cell = &row->cells[t->place[c]];
        if (cell->len == 0 && !cell->quoted)
            continue;
        buf_put_u8(b, (uint8_t)next);
        next = ',';
        text_put_json(b, names[c], strlen(names[c]));
        buf_put_u8(b, ':');
        if (c == CSVTICK_TIME)
            put_time(b, cell, time_us);
        else
            put_value(b, c, cell);
    }
    text_put(b, next == '{' ? "{}" : "}");
    return true;
}
