/* SPDX-License-Identifier: MIT */
#include "args.h"

#include "decimal.h"
#include "number.h"
#include "rng.h"
#include "schedule.h"
#include "timestamp.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define HELP_COLUMN 26

void arg_texts_fini(struct arg_texts *t)
{
    free(t->list);
    *t = (struct arg_texts){NULL, 0};
}

void arg_texts_add(struct arg_texts *t, const char *text)
{
    t->list = err_realloc(t->list, (t->count + 1) * sizeof *t->list);
    t->list[t->count++] = text;
}

/* A suffix and what it multiplies by. */
struct unit {
    const char *name;
    int64_t factor;
};

/* A number above zero and a unit, as a whole count of the smallest. */
static bool parse_scaled(const char *value, const struct unit *units, size_t count, int64_t *out)
{
    size_t len = strspn(value, "0123456789.");
    struct decimal d;
    if (!decimal_parse(value, len, &d))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value + len, units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(d.units, units[i].factor, out))
            return false;
        *out /= decimal_power(d.scale);
        return true;
    }
    return false;
}

static bool parse_count(const char *value, uint64_t *out)
{
    static const struct unit units[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}};
    int64_t count;
    if (!parse_scaled(value, units, COUNT(units), &count))
        return false;
    *out = (uint64_t)count;
    return true;
}

static bool parse_duration(const char *value, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1000000000},
        {"s", 1000000000},
        {"ms", 1000000},
        {"m", 60000000000},
        {"h", INT64_C(3600000000000)},
        {"d", INT64_C(86400000000000)},
    };
    return parse_scaled(value, units, COUNT(units), out) && *out > 0;
}

static bool parse_rate(const char *value, uint64_t *out)
{
    static const struct unit units[] = {{"", 1000}, {"k", 1000000}, {"M", 1000000000}};
    int64_t milli;
    if (!parse_scaled(value, units, COUNT(units), &milli) || milli < 1 ||
        milli > SCHEDULE_RATE_MAX * 1000)
        return false;
    *out = (uint64_t)milli;
    return true;
}

static bool parse_share(const char *value, uint32_t *out)
{
    static const struct unit units[] = {{"", PPM}, {"%", PPM / 100}};
    int64_t ppm;
    if (!parse_scaled(value, units, COUNT(units), &ppm) || ppm > PPM)
        return false;
    *out = (uint32_t)ppm;
    return true;
}

static bool parse_weight(const char *value, uint32_t *out)
{
    int64_t weight;
    if (!number_parse_int64(value, strlen(value), &weight) || weight < 0 || weight > PPM)
        return false;
    *out = (uint32_t)weight;
    return true;
}

static bool parse_number(const char *value, double *out)
{
    return number_parse(value, strlen(value), out) && *out > 0 && isfinite(*out);
}

/* What a value of the kind looks like. */
static const char *expected(enum arg_kind kind)
{
    switch (kind) {
    case ARG_COUNT:
        return "a count such as 1000, 10k or 2M";
    case ARG_NUMBER:
        return "a number above zero";
    case ARG_RATE:
        return "messages a second, 0.001 to 10M";
    case ARG_SHARE:
        return "a share from 0 to 1 or 0% to 100%";
    case ARG_WEIGHT:
        return "a whole number from 0 to 1000000";
    case ARG_DURATION:
        return "a time above zero such as 20s, 250ms, 5m or 1h";
    case ARG_TIME:
        return "a time such as 2025-11-15T16:45:36.5Z, or Unix time in s, ms, us or ns";
    case ARG_PREFIX:
        return "NAME=VALUE";
    case ARG_FLAG:
    case ARG_TEXT:
    case ARG_TEXTS:
    case ARG_HEADING:
        break;
    }
    return "a value";
}

static bool store(const struct arg *a, void *place, const char *value)
{
    switch (a->kind) {
    case ARG_FLAG:
        *(bool *)place = true;
        return true;
    case ARG_COUNT:
        return parse_count(value, place);
    case ARG_NUMBER:
        return parse_number(value, place);
    case ARG_RATE:
        return parse_rate(value, place);
    case ARG_SHARE:
        return parse_share(value, place);
    case ARG_WEIGHT:
        return parse_weight(value, place);
    case ARG_DURATION:
        return parse_duration(value, place);
    case ARG_TIME:
        return timestamp_parse(value, strlen(value), place);
    case ARG_TEXT:
        *(const char **)place = value;
        return true;
    case ARG_PREFIX:
    case ARG_TEXTS:
        arg_texts_add(place, value);
        return a->kind == ARG_TEXTS || strchr(value, '=') != NULL;
    case ARG_HEADING:
        break;
    }
    return false;
}

bool args_set(const struct arg *a, void *options, const char *value, struct err *e)
{
    if (store(a, (char *)options + a->offset, value))
        return true;
    /* The value of a property may be a password. */
    if (a->kind == ARG_PREFIX)
        err_set(e, "--%s: expected --%sNAME=VALUE", a->name, a->name);
    else
        err_set(e, "--%s: \"%s\" is not %s", a->name, value, expected(a->kind));
    return false;
}

/* The row for an argument "--name...", and where its value is: behind '=', or NULL. */
static const struct arg *find(const struct arg *args, size_t count, const char *text,
                              const char **value)
{
    size_t len = strcspn(text, "=");
    *value = text[len] == '=' ? text + len + 1 : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct arg *a = &args[i];
        size_t name_len = a->name ? strlen(a->name) : 0;
        if (a->kind == ARG_HEADING)
            continue;
        if (a->kind == ARG_PREFIX && strncmp(text, a->name, name_len) == 0) {
            *value = text + name_len;
            return a;
        }
        if (name_len == len && memcmp(text, a->name, len) == 0)
            return a;
    }
    return NULL;
}

/* Takes the option at *i and its value. */
static bool take(const struct arg *args, size_t count, void *options, int argc, char **argv, int *i,
                 struct err *e)
{
    const char *text = argv[*i] + 2;
    const char *value;
    const struct arg *a = argv[*i][1] == '-' ? find(args, count, text, &value) : NULL;
    if (!a) {
        err_set(e, "%.*s: no such option", (int)strcspn(argv[*i], "="), argv[*i]);
        return false;
    }
    if (a->kind == ARG_FLAG && value) {
        err_set(e, "--%s: takes no value", a->name);
        return false;
    }
    if (a->kind != ARG_FLAG && !value) {
        if (*i + 1 == argc) {
            err_set(e, "--%s: expected %s", a->name, expected(a->kind));
            return false;
        }
        value = argv[++*i];
    }
    return args_set(a, options, value ? value : "", e);
}

bool args_parse(const struct arg *args, size_t count, void *options, int argc, char **argv,
                struct arg_files *files, struct err *e)
{
    bool only_files = false;
    *files = (struct arg_files){argv, 0};
    for (int i = 1; i < argc; i++) {
        if (only_files || argv[i][0] != '-' || argv[i][1] == '\0')
            files->list[files->count++] = argv[i]; /* never ahead of i */
        else if (strcmp(argv[i], "--") == 0)
            only_files = true;
        else if (!take(args, count, options, argc, argv, &i, e))
            return false;
    }
    return true;
}

static void print_row(FILE *out, const struct arg *a)
{
    int width = fprintf(out, "  --%s%s%s", a->name, a->kind == ARG_PREFIX || !a->value ? "" : " ",
                        a->value ? a->value : "");
    for (const char *line = a->help; line; width = 0) {
        size_t len = strcspn(line, "\n");
        if (width >= HELP_COLUMN)
            width = fprintf(out, "\n") - 1;
        fprintf(out, "%*s%.*s\n", HELP_COLUMN - width, "", (int)len, line);
        line = line[len] ? line + len + 1 : NULL;
    }
}

void args_help(FILE *out, const struct arg *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind == ARG_HEADING)
            fprintf(out, "\n%s\n", args[i].help);
        else
            print_row(out, &args[i]);
    }
}
