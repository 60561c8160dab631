/* SPDX-License-Identifier: MIT */
/*
 * tickreplay verify: proves that a database has what was sent, all of it, once, and nothing else.
 *
 * Usual path: tickd's own configuration tells how it reads messages; over it go the options of the
 * command line; verify.h does the work; what it found is printed.
 *
 * Possible failures: a wrong option (exit 2); deviations, or something that cannot be read (exit
 * 1; what was found is printed only if everything could be read).
 */
#include "command.h"

#include "args.h"
#include "config.h"
#include "jsonbuf.h"
#include "outfile.h"
#include "say.h"
#include "verify.h"
#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SECOND_US    INT64_C(1000000)

/* 64 MiB. */
#define ITEMS_IN_MEMORY ((uint64_t)1 << 20)

extern char **environ;

struct options {
    const char *config;
    const char *database;
    const char *bootstrap;
    const char *topic;
    const char *group;
    const char *cluster;
    const char *ties;
    struct arg_texts properties;
    struct arg_texts settings;
    struct arg_texts sent;
    const char *format;
    uint64_t examples;
    uint64_t in_memory;
    const char *json;
    bool allow_repeats;
    bool quiet;
    bool help;
};

#define AT(field) offsetof(struct options, field)

static const struct arg args[] = {
    {"", ARG_HEADING, 0, NULL, "What was sent (the topic itself if neither these nor a FILE):"},
    {"sent", ARG_TEXTS, AT(sent), "FILE",
     "what send --sent has written down; once for each send,\nthe earliest first"},
    {"format", ARG_TEXT, AT(format), "F", "of the FILEs: auto, jsonl, tsv, tsv3 or csv"},
    {"bootstrap", ARG_TEXT, AT(bootstrap), "LIST", "brokers, HOST:PORT[,HOST:PORT...]"},
    {"topic", ARG_TEXT, AT(topic), "NAME", "where it was sent"},
    {"kafka.", ARG_PREFIX, AT(properties), "NAME=VALUE", "any librdkafka property"},
    {"", ARG_HEADING, 0, NULL, "Where it must be:"},
    {"database", ARG_TEXT, AT(database), "URL",
     "tickd's database, for a role that may read all of it"},
    {"group", ARG_TEXT, AT(group), "NAME", "tickd's consumer group"},
    {"cluster", ARG_TEXT, AT(cluster), "ID", "of several Kafka clusters, this one"},
    {"", ARG_HEADING, 0, NULL, "How tickd was told to read it:"},
    {"config", ARG_TEXT, AT(config), "FILE",
     "tickd's configuration (" CONFIG_DEFAULT_PATH " if it exists);\n"
     "the environment goes over it as for tickd"},
    {"ties", ARG_TEXT, AT(ties), "HOW", "spread, first or last"},
    {"set", ARG_TEXTS, AT(settings), "NAME=VALUE", "any option of tickd"},
    {"", ARG_HEADING, 0, NULL, "Otherwise:"},
    {"allow-repeats", ARG_FLAG, AT(allow_repeats), NULL,
     "a repeated quote that was stored is no deviation"},
    {"examples", ARG_COUNT, AT(examples), "N", "of each kind of deviation that are shown (5)"},
    {"in-memory", ARG_COUNT, AT(in_memory), "N",
     "ticks that are sorted in memory, 64 bytes each (1M);\n"
     "more go through a temporary file"},
    {"json", ARG_TEXT, AT(json), "FILE", "what was found, for machines; - is stdout"},
    {"quiet", ARG_FLAG, AT(quiet), NULL, "no output but errors"},
    {"help", ARG_FLAG, AT(help), NULL, "this text"},
};

/* --- configuration */

/* "name=value" texts for config_load(), on the heap. */
struct flags {
    char **list; /* NULL-terminated */
    size_t count;
};

static void add_flag(struct flags *f, const char *name, const char *value)
{
    if (!value)
        return;
    size_t size = strlen(name) + strlen(value) + 1;
    f->list = err_realloc(f->list, (f->count + 2) * sizeof *f->list);
    f->list[f->count] = err_malloc(size);
    snprintf(f->list[f->count++], size, "%s%s", name, value);
    f->list[f->count] = NULL;
}

static void flags_fini(struct flags *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->list[i]);
    free(f->list);
}

static bool load(struct config *c, const struct options *o, struct err *e)
{
    struct flags f = {NULL, 0};
    add_flag(&f, "database_url=", o->database);
    add_flag(&f, "kafka.bootstrap.servers=", o->bootstrap);
    add_flag(&f, "topics=", o->topic);
    add_flag(&f, "group=", o->group);
    add_flag(&f, "ties=", o->ties);
    for (size_t i = 0; i < o->properties.count; i++)
        add_flag(&f, "kafka.", o->properties.list[i]);
    for (size_t i = 0; i < o->settings.count; i++)
        add_flag(&f, "", o->settings.list[i]);
    const struct config_source source = {o->config, environ, f.list};
    bool ok = config_load(c, &source, e);
    flags_fini(&f);
    return ok;
}

static const enum decode_shape shapes[] = {
    [DECODER_AUTO] = SHAPE_AUTO,
    [DECODER_CANONICAL] = SHAPE_CANONICAL,
    [DECODER_RELAY] = SHAPE_RELAY,
    [DECODER_PACIFICA] = SHAPE_PACIFICA,
};

static const enum tiegroup_mode modes[] = {
    [TIES_SPREAD] = TIEGROUP_SPREAD,
    [TIES_FIRST] = TIEGROUP_FIRST,
    [TIES_LAST] = TIEGROUP_LAST,
};

static struct verify_options make_options(const struct options *o, const struct config *c)
{
    struct verify_options v = {
        .database = c->database_url,
        .group = c->group,
        .topic = c->topics,
        .cluster = o->cluster,
        .decode = {.shape = shapes[c->decoder],
                   .max_message_bytes = (size_t)c->max_message_bytes,
                   .max_ticks = (size_t)c->max_ticks_per_message,
                   .synthetic_spread_bps = c->synthetic_spread_bps,
                   .parse_all = true},
        .max_age_us = c->max_age * SECOND_US,
        .max_ahead_us = c->max_ahead * SECOND_US,
        .ties = modes[c->ties],
        .keep_repeats = c->keep_repeats,
        .allow_repeats = o->allow_repeats,
        .examples = (size_t)o->examples,
        .in_memory = (size_t)o->in_memory,
    };
    snprintf(v.decode.default_exchange, sizeof v.decode.default_exchange, "%s",
             c->default_exchange);
    return v;
}

/* --- what was found */

static void print_findings(const struct findings *f)
{
    for (int kind = 0; kind < FINDING_KINDS; kind++) {
        if (f->count[kind] == 0)
            continue;
        printf("%s: %" PRIu64 " %s\n", finding_name((enum finding)kind), f->count[kind],
               finding_text((enum finding)kind));
        for (size_t i = 0; i < f->example_count[kind]; i++)
            printf("    %s\n", f->examples[kind][i]);
        if (f->example_count[kind] < f->count[kind])
            printf("    ...\n");
    }
}

static void print_result(const struct verify_result *r, double seconds)
{
    const struct verify_counts *s = &r->sent;
    printf("%" PRIu64 " ticks in %" PRIu64 " messages: %" PRIu64 " to be stored, %" PRIu64
           " rejected, %" PRIu64 " ignored, %" PRIu64 " dropped\n",
           s->items, s->messages, s->stored, s->rejected, s->ignored, s->dropped);
    printf("%" PRIu64 " rows and %" PRIu64 " dead letters compared in %.1f s\n", r->rows,
           r->letters, seconds);
    if (r->rows_outside > 0)
        printf("%" PRIu64 " rows are of other times and were not looked at\n", r->rows_outside);
    if (!r->counters_known)
        puts("counters were not compared: they count messages from before these");
    if (s->repeats_stored > 0)
        printf("%" PRIu64 " of the rows are repeats\n", s->repeats_stored);
    print_findings(&r->findings);
    uint64_t total = findings_total(&r->findings);
    if (total == 0)
        puts("no deviation");
    else
        printf("%" PRIu64 " DEVIATIONS\n", total);
}

static json_t *kinds_json(const struct findings *f)
{
    json_t *kinds = json_object();
    for (int kind = 0; kind < FINDING_KINDS; kind++) {
        if (f->count[kind] == 0)
            continue;
        json_t *examples = json_array();
        for (size_t i = 0; i < f->example_count[kind]; i++)
            json_array_append_new(examples, json_string(f->examples[kind][i]));
        json_object_set_new(
            kinds, finding_name((enum finding)kind),
            json_pack("{sI so}", "count", (json_int_t)f->count[kind], "examples", examples));
    }
    return kinds;
}

static json_t *result_json(const struct verify_result *r, double seconds)
{
    const struct verify_counts *s = &r->sent;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"messages", s->messages},
        {"items", s->items},
        {"stored", s->stored},
        {"rejected", s->rejected},
        {"ignored", s->ignored},
        {"dropped", s->dropped},
        {"rows", r->rows},
        {"rows_outside", r->rows_outside},
        {"letters", r->letters},
        {"repeats_stored", s->repeats_stored},
        {"deviations", findings_total(&r->findings)},
    };
    json_t *all = json_object(), *reasons = json_object();
    json_object_set_new(all, "ok", json_boolean(findings_total(&r->findings) == 0));
    for (size_t i = 0; i < COUNT(counts); i++)
        json_object_set_new(all, counts[i].name, json_integer((json_int_t)counts[i].value));
    for (int i = REJECT_NONE + 1; i < REJECT_COUNT; i++) {
        if (s->reasons[i] > 0)
            json_object_set_new(reasons, reject_code((enum reject_reason)i),
                                json_integer((json_int_t)s->reasons[i]));
    }
    json_object_set_new(all, "reasons", reasons);
    json_object_set_new(all, "counters_compared", json_boolean(r->counters_known));
    json_object_set_new(all, "seconds", json_real(seconds));
    json_object_set_new(all, "kinds", kinds_json(&r->findings));
    return all;
}

static bool write_json(const struct verify_result *r, double seconds, const char *path,
                       struct err *e)
{
    struct outfile *f = outfile_open(path, e);
    if (!f)
        return false;
    json_t *all = result_json(r, seconds);
    jsonbuf_put_new(outfile_buf(f), all, 2);
    return outfile_close(f, e);
}

/* --- the run */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct messages *open_messages(const struct options *o, const struct config *c,
                                      const struct arg_files *files, enum recording_format format,
                                      struct err *e)
{
    if (o->sent.count > 0)
        return messages_from_journals(o->sent.list, o->sent.count);
    if (files->count > 0)
        return messages_from_recording(files->list, files->count, format);
    return messages_from_topic(c, c->topics, e);
}

static int run(const struct options *o, const struct config *c, const struct arg_files *files,
               enum recording_format format)
{
    struct err e;
    struct verify_result result;
    const struct verify_options v = make_options(o, c);
    double start_s = now_s();
    struct messages *messages = open_messages(o, c, files, format, &e);
    if (!messages) {
        say("%s", e.text);
        return EXIT_TROUBLE;
    }
    bool ok = verify_run(&v, messages, &result, &e);
    double seconds = now_s() - start_s;
    messages_free(messages);
    if (ok && !o->quiet)
        print_result(&result, seconds);
    if (ok && o->json)
        ok = write_json(&result, seconds, o->json, &e);
    if (!ok)
        say("%s", e.text);
    ok = ok && findings_total(&result.findings) == 0;
    verify_result_fini(&result);
    return ok ? EXIT_DONE : EXIT_TROUBLE;
}

static bool check(const struct options *o, const struct config *c, const struct arg_files *files,
                  enum recording_format *format, struct err *e)
{
    if (!recording_format_parse(o->format, format))
        err_set(e, "--format: expected auto, jsonl, tsv, tsv3 or csv");
    else if (o->sent.count > 0 && files->count > 0)
        err_set(e, "%s: either --sent or recordings", files->list[0]);
    else if (strchr(c->topics, ','))
        err_set(e, "the configuration has several topics: --topic says which one");
    else if (o->in_memory == 0)
        err_set(e, "--in-memory: expected 1 or more");
    else
        return true;
    return false;
}

static int verify(const struct options *o, const struct arg_files *files)
{
    struct err e;
    struct config c;
    enum recording_format format;
    if (!load(&c, o, &e)) {
        say("%s", e.text);
        return EXIT_USAGE;
    }
    int code = EXIT_USAGE;
    if (check(o, &c, files, &format, &e))
        code = run(o, &c, files, format);
    else
        say("%s", e.text);
    config_fini(&c);
    return code;
}

int command_verify(int argc, char **argv)
{
    struct err e;
    struct arg_files files;
    struct options o = {.format = "auto", .examples = 5, .in_memory = ITEMS_IN_MEMORY};
    int code = EXIT_USAGE;
    if (!args_parse(args, COUNT(args), &o, argc, argv, &files, &e)) {
        say("%s", e.text);
    } else if (o.help) {
        puts("Usage: tickreplay verify [OPTION]... [FILE]...\n\n"
             "Compares what was sent with what is in the database, row by row: the topic itself,\n"
             "what `send --sent` has written down, or a recording that was sent as it is.");
        args_help(stdout, args, COUNT(args));
        code = EXIT_DONE;
    } else {
        code = verify(&o, &files);
    }
    arg_texts_fini(&o.properties);
    arg_texts_fini(&o.settings);
    arg_texts_fini(&o.sent);
    return code;
}
