/* SPDX-License-Identifier: MIT */
/*
 * Command lines by table: each option of a subcommand is one row, from which it is parsed and its
 * help is printed. Values go into the subcommand's own struct of options; texts are borrowed from
 * argv. Pure, but for args_help().
 */
#ifndef TICKREPLAY_ARGS_H
#define TICKREPLAY_ARGS_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum arg_kind {
    ARG_FLAG,     /* bool; no value */
    ARG_COUNT,    /* uint64_t: 1000, 10k, 2M */
    ARG_NUMBER,   /* double above zero */
    ARG_RATE,     /* uint64_t, thousandths: messages a second, above zero */
    ARG_SHARE,    /* uint32_t, PPM: 0.01 or 1% */
    ARG_WEIGHT,   /* uint32_t: 0 to 1000000 */
    ARG_DURATION, /* int64_t, ns, above zero: 20, 20s, 250ms, 5m, 1h */
    ARG_TIME,     /* int64_t, us: RFC 3339, or Unix time in s, ms, us or ns */
    ARG_TEXT,     /* const char * */
    ARG_TEXTS,    /* struct arg_texts; may be given several times */
    ARG_PREFIX,   /* struct arg_texts of "rest=value": --kafka.x=y for a name of "kafka." */
    ARG_HEADING,  /* no option: a line of the help */
};

struct arg {
    const char *name; /* without the dashes */
    enum arg_kind kind;
    size_t offset;     /* in the struct of options */
    const char *value; /* how the help calls the value */
    const char *help;  /* may have several lines */
};

struct arg_texts {
    const char **list;
    size_t count;
};

/* Borrows `text`. */
void arg_texts_add(struct arg_texts *t, const char *text);
void arg_texts_fini(struct arg_texts *t);

/* What is left when the options are gone: files. */
struct arg_files {
    char **list;
    size_t count;
};

/*
 * Parses argv[1..argc-1], where an option is "--name value" or "--name=value", "--" ends the
 * options, and "-" alone is a file. argv is sorted so that the files are at its end. "--help" is
 * not special: have a row for it. False: `e` says which option and what would be right.
 */
bool args_parse(const struct arg *args, size_t count, void *options, int argc, char **argv,
                struct arg_files *files, struct err *e) __attribute__((warn_unused_result));

/* Reads one value as its row says. */
bool args_set(const struct arg *a, void *options, const char *value, struct err *e)
    __attribute__((warn_unused_result));

/* Prints the rows. */
void args_help(FILE *out, const struct arg *args, size_t count);

#endif
