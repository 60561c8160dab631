/* SPDX-License-Identifier: MIT */
#include "optval.h"

#include "dburl.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Choices are written through `unsigned`. */
_Static_assert(sizeof(enum config_level) == sizeof(unsigned), "enums are ints here");

static void *field(const struct option *o, const struct config *c)
{
    return (char *)(uintptr_t)c + o->offset;
}

static void describe_choices(const struct option *o, char *out, size_t size)
{
    FILE *f = fmemopen(out, size, "w");
    if (!f)
        err_out_of_memory();
    for (const struct option_choice *c = o->choices; c->name; c++) {
        const char *before = c == o->choices ? "" : c[1].name ? ", " : " or ";
        fprintf(f, "%s%s", before, c->name);
    }
    fclose(f);
}

void optval_describe(const struct option *o, char *out, size_t size)
{
    switch (o->kind) {
    case OPTION_TEXT:
        snprintf(out, size, "%s", o->expected);
        break;
    case OPTION_SWITCH:
        snprintf(out, size, "yes or no");
        break;
    case OPTION_WHOLE:
    case OPTION_NUMBER:
        snprintf(out, size, "%" PRId64 " to %" PRId64 "%s%s", o->min, o->max, *o->unit ? " " : "",
                 o->unit);
        break;
    case OPTION_CHOICE:
        describe_choices(o, out, size);
        break;
    }
}

static bool refuse(const struct option *o, const char *why, struct err *e)
{
    char expected[200];
    optval_describe(o, expected, sizeof expected);
    err_set(e, "%s; expected %s", why, expected);
    return false;
}

static bool set_text(const struct option *o, struct config *c, const char *text, struct err *e)
{
    char **value = field(o, c);
    char *fresh = err_strdup(text);
    struct err why = {""};
    if (!o->mend(&fresh, &why)) {
        free(fresh);
        /* What dburl says is complete; the others only name what is wrong. */
        if (o->mend == dburl_mend)
            err_set(e, "%s", why.text);
        else
            refuse(o, why.text, e);
        return false;
    }
    free(*value);
    *value = fresh;
    return true;
}

static bool set_switch(const struct option *o, struct config *c, const char *text, struct err *e)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"},
                                            {"yes", "true", "on", "1"}};
    for (size_t i = 0; i < 4; i++) {
        for (int value = 0; value < 2; value++) {
            if (strcasecmp(text, words[value][i]) == 0) {
                *(bool *)field(o, c) = value != 0;
                return true;
            }
        }
    }
    return refuse(o, "not yes or no", e);
}

static bool set_whole(const struct option *o, struct config *c, const char *text, struct err *e)
{
    const char *digits = text + (*text == '-');
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return refuse(o, "not a whole number", e);
    errno = 0;
    int64_t value = strtoll(text, NULL, 10);
    if (errno == ERANGE || value < o->min || value > o->max)
        return refuse(o, "out of range", e);
    *(int64_t *)field(o, c) = value;
    return true;
}

/* A decimal number such as 0.5; no exponent, no hexadecimal, no infinity. */
static bool read_decimal(const char *text, double *value)
{
    const char *p = text + (*text == '-');
    size_t whole = strspn(p, "0123456789");
    p += whole;
    size_t fraction = *p == '.' ? strspn(p + 1, "0123456789") : 0;
    p += *p == '.' ? 1 + fraction : 0;
    if (*p != '\0' || whole + fraction == 0)
        return false;
    *value = strtod(text, NULL);
    return isfinite(*value);
}

static bool set_number(const struct option *o, struct config *c, const char *text, struct err *e)
{
    double value;
    if (!read_decimal(text, &value))
        return refuse(o, "not a number", e);
    if (value < (double)o->min || value > (double)o->max)
        return refuse(o, "out of range", e);
    *(double *)field(o, c) = value;
    return true;
}

static bool set_choice(const struct option *o, struct config *c, const char *text, struct err *e)
{
    for (const struct option_choice *choice = o->choices; choice->name; choice++) {
        if (strcasecmp(text, choice->name) == 0) {
            memcpy(field(o, c), &choice->value, sizeof choice->value);
            return true;
        }
    }
    return refuse(o, "unknown", e);
}

bool optval_set(const struct option *o, struct config *c, const char *text, struct err *e)
{
    switch (o->kind) {
    case OPTION_TEXT:
        return set_text(o, c, text, e);
    case OPTION_SWITCH:
        return set_switch(o, c, text, e);
    case OPTION_WHOLE:
        return set_whole(o, c, text, e);
    case OPTION_NUMBER:
        return set_number(o, c, text, e);
    case OPTION_CHOICE:
        return set_choice(o, c, text, e);
    }
    return false;
}

static char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *print(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        err_out_of_memory();
    return text;
}

char *optval_scale(const struct option *o, const char *text, struct err *e)
{
    double value;
    if (o->alias_scale <= 1)
        return err_strdup(text);
    double scale = (double)o->alias_scale;
    if (read_decimal(text, &value) && value * scale >= (double)o->min &&
        value * scale <= (double)o->max)
        return print("%.0f", value * scale);
    err_set(e, "%s; expected %g to %g s",
            read_decimal(text, &value) ? "out of range" : "not a number", (double)o->min / scale,
            (double)o->max / scale);
    return NULL;
}

static const char *choice_name(const struct option *o, unsigned value)
{
    const struct option_choice *c = o->choices;
    while (c->name && c->value != value)
        c++;
    assert(c->name);
    return c->name;
}

char *optval_get(const struct option *o, const struct config *c)
{
    unsigned choice;
    switch (o->kind) {
    case OPTION_TEXT:
        return err_strdup(*(char **)field(o, c));
    case OPTION_SWITCH:
        return err_strdup(*(bool *)field(o, c) ? "yes" : "no");
    case OPTION_WHOLE:
        return print("%" PRId64, *(int64_t *)field(o, c));
    case OPTION_NUMBER:
        return print("%.15g", *(double *)field(o, c));
    case OPTION_CHOICE:
        memcpy(&choice, field(o, c), sizeof choice);
        return err_strdup(choice_name(o, choice));
    }
    return NULL;
}

void optval_fini(const struct option *o, struct config *c)
{
    if (o->kind == OPTION_TEXT) {
        free(*(char **)field(o, c));
        *(char **)field(o, c) = NULL;
    }
}
