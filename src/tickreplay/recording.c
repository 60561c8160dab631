/* SPDX-License-Identifier: MIT */
/*
 * Usual path: the next file is opened when the one before is read; its first line decides the
 * format; each line becomes an entry that points into the line, but for CSV, whose rows are made
 * JSON.
 *
 * Possible failures: a file that cannot be opened, whose format nobody can tell, or that breaks
 * off: the rest of it is lost, the next file is read. A line that does not fit the format: only
 * that line.
 */
#include "recording.h"

#include "csvtick.h"
#include "lines.h"
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define TIME_DIGITS_MAX 18

/* Names of exchanges are words. */
#define EXCHANGE_MAX 50

struct recording {
    char *const *paths;
    size_t count;
    size_t next; /* file to open */
    enum recording_format asked;
    enum recording_format format; /* of the open file; AUTO until its first line */
    struct lines *lines;          /* NULL = none open */
    struct csvtick csv;
    bool has_header;
    struct csv_row row;
    struct buf made; /* a CSV row as JSON */
};

bool recording_format_parse(const char *name, enum recording_format *format)
{
    static const char *const names[] = {[FORMAT_AUTO] = "auto",
                                        [FORMAT_JSONL] = "jsonl",
                                        [FORMAT_TSV] = "tsv",
                                        [FORMAT_TSV3] = "tsv3",
                                        [FORMAT_CSV] = "csv"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *format = (enum recording_format)i;
            return true;
        }
    }
    return false;
}

struct recording *recording_new(char *const *paths, size_t count, enum recording_format format)
{
    struct recording *r = err_calloc(1, sizeof *r);
    r->paths = paths;
    r->count = count;
    r->asked = format;
    buf_init(&r->made);
    return r;
}

static void close_file(struct recording *r)
{
    lines_close(r->lines);
    r->lines = NULL;
}

void recording_free(struct recording *r)
{
    if (!r)
        return;
    close_file(r);
    buf_fini(&r->made);
    free(r);
}

void recording_rewind(struct recording *r)
{
    close_file(r);
    r->next = 0;
}

static bool open_next(struct recording *r, struct err *e)
{
    r->format = r->asked;
    r->has_header = false;
    r->lines = lines_open(r->paths[r->next++], e);
    return r->lines != NULL;
}

/* Unix time in ns from the start of a line: digits, perhaps a fraction, a tab. Sets *len to what is
 * before the tab. */
static bool parse_arrival(const char *line, size_t line_len, int64_t *time_ns, size_t *len)
{
    const char *tab = memchr(line, '\t', line_len);
    size_t i = 0;
    int64_t value = 0;
    *len = tab ? (size_t)(tab - line) : 0;
    for (; i < *len && i <= TIME_DIGITS_MAX && line[i] >= '0' && line[i] <= '9'; i++)
        value = value * 10 + (line[i] - '0');
    if (i == 0)
        return false;

    int64_t unit = 1; /* told by its size as in timestamp.h */
    if (value < INT64_C(100000000000))
        unit = 1000000000;
    else if (value < INT64_C(100000000000000))
        unit = 1000000;
    else if (value < INT64_C(100000000000000000))
        unit = 1000;
    if (value > INT64_MAX / unit)
        return false;
    *time_ns = value * unit;
    if (i < *len && line[i] == '.') {
        for (i++; i < *len && line[i] >= '0' && line[i] <= '9'; i++)
            *time_ns += (line[i] - '0') * (unit /= 10);
    }
    return i == *len;
}

static bool is_word(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');
        if (!letter && !(s[i] >= '0' && s[i] <= '9') && !strchr("_-.", s[i]))
            return false;
    }
    return len > 0 && len <= EXCHANGE_MAX;
}

/* What a first line shows; AUTO if nothing known. */
static enum recording_format guess_format(const char *line, size_t len)
{
    int64_t time_ns;
    size_t time_len;
    size_t blanks = 0;
    while (blanks < len && line[blanks] == ' ')
        blanks++;
    if (blanks < len && (line[blanks] == '{' || line[blanks] == '['))
        return FORMAT_JSONL;
    if (parse_arrival(line, len, &time_ns, &time_len)) {
        const char *second = line + time_len + 1;
        const char *tab = memchr(second, '\t', len - time_len - 1);
        return tab && is_word(second, (size_t)(tab - second)) ? FORMAT_TSV3 : FORMAT_TSV;
    }
    return memchr(line, ',', len) ? FORMAT_CSV : FORMAT_AUTO;
}

static enum recording_result read_tsv(struct recording *r, const char *line, size_t len,
                                      struct entry *entry, struct err *e)
{
    size_t used;
    if (!parse_arrival(line, len, &entry->arrival_ns, &used)) {
        err_set(e, "column 1: expected Unix time and a tab");
        return RECORDING_BAD;
    }
    used++;
    if (r->format == FORMAT_TSV3) {
        const char *tab = memchr(line + used, '\t', len - used);
        if (!tab || !is_word(line + used, (size_t)(tab - line) - used)) {
            err_set(e, "column 2: expected the name of an exchange and a tab");
            return RECORDING_BAD;
        }
        entry->exchange = line + used;
        entry->exchange_len = (size_t)(tab - line) - used;
        used += entry->exchange_len + 1;
    }
    entry->payload = line + used;
    entry->payload_len = len - used;
    return RECORDING_ENTRY;
}

static enum recording_result read_csv(struct recording *r, char *line, size_t len,
                                      struct entry *entry, struct err *e)
{
    int64_t time_us;
    buf_clear(&r->made);
    if (!csv_split(&r->row, line, len, e) || !csvtick_row(&r->csv, &r->row, &r->made, &time_us, e))
        return RECORDING_BAD;
    if (time_us != INT64_MIN && time_us < INT64_MAX / 1000 && time_us > INT64_MIN / 1000)
        entry->arrival_ns = time_us * 1000;
    entry->payload = (const char *)r->made.data;
    entry->payload_len = r->made.len;
    return RECORDING_ENTRY;
}

/* Looks at the first line of a file. False: nothing can be made of the file. */
static bool begin_file(struct recording *r, char *line, size_t len, struct err *e)
{
    if (r->format == FORMAT_AUTO)
        r->format = guess_format(line, len);
    if (r->format == FORMAT_AUTO) {
        err_set(e,
                "neither JSON, nor a time and a tab, nor a CSV header; --format says what it is");
        return false;
    }
    return r->format != FORMAT_CSV ||
           (csv_split(&r->row, line, len, e) && csvtick_header(&r->csv, &r->row, e));
}

void recording_where(const struct recording *r, struct err *where)
{
    if (r->lines)
        err_set(where, "%s:%llu", r->paths[r->next - 1],
                (unsigned long long)lines_number(r->lines));
    else
        err_set(where, "%s", r->next > 0 ? r->paths[r->next - 1] : "");
}

static enum recording_result bad(const struct recording *r, struct err *e)
{
    struct err where;
    recording_where(r, &where);
    err_wrap(e, "%s", where.text);
    return RECORDING_BAD;
}

static enum recording_result read_line(struct recording *r, char *line, size_t len,
                                       struct entry *entry, struct err *e)
{
    *entry = (struct entry){.arrival_ns = RECORDING_NO_TIME, .payload = line, .payload_len = len};
    switch (r->format) {
    case FORMAT_TSV:
    case FORMAT_TSV3:
        return read_tsv(r, line, len, entry, e);
    case FORMAT_CSV:
        return read_csv(r, line, len, entry, e);
    case FORMAT_JSONL:
    case FORMAT_AUTO:
        break;
    }
    return RECORDING_ENTRY;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\r' && line[i] != '\t')
            return false;
    }
    return true;
}

/* One line of the open file. END is the end of the file. */
static enum recording_result next_line(struct recording *r, struct entry *entry, struct err *e)
{
    char *line;
    size_t len;
    do {
        switch (lines_next(r->lines, &line, &len, e)) {
        case LINE_READ:
            break;
        case LINE_END:
            return RECORDING_END;
        case LINE_WAITING:
            return RECORDING_WAITING;
        case LINE_TOO_LONG:
            err_set(e, "longer than %d bytes", LINE_MAX_BYTES);
            return bad(r, e);
        case LINE_FAILED:
            bad(r, e);
            close_file(r);
            return RECORDING_BAD;
        }
    } while (is_blank(line, len));

    if (!r->has_header) {
        if (!begin_file(r, line, len, e)) {
            bad(r, e);
            close_file(r);
            return RECORDING_BAD;
        }
        r->has_header = true;
        if (r->format == FORMAT_CSV)
            return next_line(r, entry, e);
    }
    return read_line(r, line, len, entry, e) == RECORDING_BAD ? bad(r, e) : RECORDING_ENTRY;
}

enum recording_result recording_next(struct recording *r, struct entry *entry, struct err *e)
{
    for (;;) {
        if (!r->lines && r->next == r->count)
            return RECORDING_END;
        if (!r->lines && !open_next(r, e))
            return RECORDING_BAD;
        enum recording_result result = next_line(r, entry, e);
        if (result != RECORDING_END)
            return result;
        close_file(r);
    }
}

double recording_progress(const struct recording *r)
{
    if (!r->lines)
        return r->next == r->count ? 1 : 0;
    uint64_t size = lines_size(r->lines);
    if (size == 0)
        return -1;
    double share = (double)lines_position(r->lines) / (double)size;
    return ((double)(r->next - 1) + (share < 1 ? share : 1)) / (double)r->count;
}
