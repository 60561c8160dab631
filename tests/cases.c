/* SPDX-License-Identifier: MIT */
#include "cases.h"

#include <check.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".json";

/* The contents, and a NUL after them if `terminate`, in memory of that very size. */
static char *read_file(const char *path, bool terminate, size_t *len)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s: cannot be opened", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    *len = (size_t)ftell(f);
    rewind(f);
    size_t size = *len + (terminate ? 1 : 0);
    char *data = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, *len, f), *len);
    if (terminate)
        data[*len] = '\0';
    fclose(f);
    return data;
}

static bool has_suffix(const char *name, const char *end)
{
    size_t len = strlen(name);
    return len > strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

static int is_case_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run_one(const char *directory, const char *file, case_fn *run)
{
    struct test_case c;
    int stem = (int)(strlen(file) - strlen(suffix));
    char expected[sizeof c.path];
    snprintf(c.path, sizeof c.path, "%s/%s", directory, file);
    snprintf(expected, sizeof expected, "%s/%.*s.expect", directory, stem, file);
    size_t len;
    c.payload = read_file(c.path, false, &c.payload_len);
    c.expected = read_file(expected, true, &len);
    run(&c);
    free(c.payload);
    free(c.expected);
}

size_t cases_run(const char *directory, case_fn *run)
{
    char path[256];
    const char *root = getenv("TICKD_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", root ? root : "tests/data", directory);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_case_file, alphasort);
    ck_assert_msg(count > 0, "%s: no cases", path);

    size_t payloads = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (has_suffix(name, suffix)) {
            run_one(path, name, run);
            payloads++;
        } else {
            ck_assert_msg(has_suffix(name, ".expect"), "%s/%s: what is this", path, name);
        }
        free(entries[i]);
    }
    free(entries);
    ck_assert_msg((size_t)count == 2 * payloads, "%s: a .expect without its payload", path);
    return payloads;
}

void cases_decode(const struct test_case *c, struct decoded *out)
{
    static const struct decode_options options = {
        .shape = SHAPE_AUTO,
        .max_message_bytes = CASES_MAX_MESSAGE_BYTES,
        .max_ticks = CASES_MAX_TICKS,
        .synthetic_spread_bps = 1,
        .default_exchange = "pacifica",
    };
    struct message m = {
        .timestamp_ms = CASES_KAFKA_MS, .payload = c->payload, .payload_len = c->payload_len};
    decode_message(&options, &m, out);
}

static void print_nullable(FILE *out, double value)
{
    if (isnan(value))
        fputs(" -", out);
    else
        fprintf(out, " %.17g", value);
}

static void print_tick(FILE *out, const struct record *r)
{
    static const char *const sources[SOURCE_COUNT] = {
        [SOURCE_CANONICAL] = "canonical",
        [SOURCE_PRICES] = "prices",
        [SOURCE_TRADES] = "trades",
        [SOURCE_BBO] = "bbo",
    };
    fprintf(out, "tick %lld %s %.17g %.17g", (long long)r->time_us, r->symbol, r->price, r->volume);
    print_nullable(out, r->bid);
    print_nullable(out, r->ask);
    fprintf(out, " %s %s\n", r->exchange_len ? r->exchange : "\"\"", sources[r->source]);
}

char *cases_print(const struct decoded *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < d->count; i++) {
        const struct decode_item *item = &d->items[i];
        switch (item->verdict) {
        case DECODE_TICK:
            print_tick(out, &item->record);
            break;
        case DECODE_REJECTED:
            fprintf(out, "reject %s\n", reject_code(item->reason));
            break;
        case DECODE_IGNORED:
            fputs("ignore\n", out);
            break;
        }
    }
    fclose(out);
    return text;
}
