/* SPDX-License-Identifier: MIT */
/*
 * The one table of options: name, default, range, unit, meaning. Everything that needs to know an
 * option (parsing, --help, --print-config, the sample file, the documentation) loops over it.
 *
 * Pure.
 */
#ifndef TICKD_OPTIONS_H
#define TICKD_OPTIONS_H

#include "config.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_TEXT,   /* char *, owned */
    OPTION_SWITCH, /* bool: yes or no */
    OPTION_WHOLE,  /* int64_t */
    OPTION_NUMBER, /* double */
    OPTION_CHOICE, /* an enum */
};

struct option_choice {
    const char *name;
    unsigned value;
};

struct option {
    const char *name;
    const char *section; /* heading in the sample file and the documentation */
    enum option_kind kind;
    size_t offset;        /* in struct config */
    const char *fallback; /* default, as text */
    int64_t min;          /* OPTION_WHOLE, OPTION_NUMBER */
    int64_t max;
    const char *unit;                    /* "ms", "bytes"; "" if there is none */
    const struct option_choice *choices; /* OPTION_CHOICE: ends at a NULL name; the first name of a
                                            value is the one that is printed */
    const char *expected;                /* OPTION_TEXT: what would be right */
    /* OPTION_TEXT: checks, and may replace `*value` (heap) by what is to be kept. */
    bool (*mend)(char **value, struct err *e);
    bool (*holds_secret)(const char *value); /* OPTION_TEXT: set where a value may be secret, */
    char *(*mask)(const char *value);        /* and then shown like this (heap) */
    const char *alias;                       /* environment name of the old db-writer, or NULL */
    int64_t alias_scale; /* > 1: the alias is a number, and this times as much is meant */
    bool reloadable;     /* SIGHUP takes a new value */
    const char *help;    /* sentences; the first one stands in --help */
};

extern const struct option option_table[];
extern const size_t option_count;

/* The option of this name, or NULL. */
const struct option *option_find(const char *name);

/* Position in option_table. */
size_t option_index(const struct option *o);

/* The name most like `name`, if one is like it at all, else NULL. */
const char *option_suggest(const char *name);

#endif
