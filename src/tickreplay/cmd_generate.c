/* SPDX-License-Identifier: MIT */
/*
 * tickreplay generate: a synthetic recording on stdout or into a file.
 *
 * Usual path: options make a profile and a set of pairs, the generator gives a message at a time,
 * lines go out until the count or the duration is reached; then what a consumer must make of them
 * goes to the --expect file.
 *
 * Possible failures: a wrong option or table of pairs (exit 2), a file that cannot be written (exit
 * 1). A reader that closes the pipe early (head) ends it quietly.
 */
#include "command.h"

#include "args.h"
#include "generator.h"
#include "outfile.h"
#include "say.h"
#include "schedule.h"
#include "slurp.h"
#include "text.h"
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A Saturday noon of late 2025, as the default prices. */
#define DEFAULT_START_US INT64_C(1763208000000000)
#define PAIRS_MAX_BYTES  (16 << 20)

struct options {
    uint64_t seed;
    uint64_t count;
    int64_t duration_ns;
    uint64_t rate_milli;
    int64_t start_us;
    const char *profile_name;
    const char *pairs;
    const char *symbols;
    const char *output;
    const char *expect;
    const char *format;
    const char *sequence;
    bool even;
    bool no_ties;
    bool help;
    struct profile profile;
};

#define AT(field)      offsetof(struct options, field)
#define PROFILE(field) offsetof(struct options, profile.field)
#define WEIGHT(kind)   (offsetof(struct options, profile.weight) + (kind) * sizeof(uint32_t))

static const struct arg args[] = {
    {"", ARG_HEADING, 0, NULL, "How much:"},
    {"count", ARG_COUNT, AT(count), "N", "messages; 10k, 2M"},
    {"duration", ARG_DURATION, AT(duration_ns), "TIME", "of the recording; 20s, 5m"},
    {"rate", ARG_RATE, AT(rate_milli), "N", "messages a second on average (250)"},
    {"", ARG_HEADING, 0, NULL, "What:"},
    {"seed", ARG_COUNT, AT(seed), "N", "the same seed gives the same bytes (1)"},
    {"profile", ARG_TEXT, AT(profile_name), "NAME", "default, steady or hostile"},
    {"pairs", ARG_TEXT, AT(pairs), "FILE",
     "pairs as CSV with a header: symbol, tick_size, and if you like\n"
     "min_order_size, price, weight, active (the 30 default pairs)"},
    {"symbols", ARG_TEXT, AT(symbols), "A,B,...", "only these of the pairs"},
    {"start", ARG_TIME, AT(start_us), "TIME", "first arrival (2025-11-15T12:00:00Z)"},
    {"sequence", ARG_TEXT, AT(sequence), "HOW",
     "number the items: key (an extra key \"seq\") or volume (the volume\n"
     "of all but bbo quotes, so that it is in the table)"},
    {"", ARG_HEADING, 0, NULL, "Weights of the messages with ticks, relative to each other:"},
    {"canonical", ARG_WEIGHT, WEIGHT(KIND_CANONICAL), "N", "tickd's own format (30)"},
    {"relay", ARG_WEIGHT, WEIGHT(KIND_RELAY), "N", "one item in the relay's envelope (20)"},
    {"trades", ARG_WEIGHT, WEIGHT(KIND_TRADES), "N", "Pacifica trades (20)"},
    {"bbo", ARG_WEIGHT, WEIGHT(KIND_BBO), "N", "Pacifica quotes (25)"},
    {"prices", ARG_WEIGHT, WEIGHT(KIND_PRICES), "N", "Pacifica prices (5)"},
    {"", ARG_HEADING, 0, NULL, "Shares, as 0.01 or 1%:"},
    {"garbage", ARG_SHARE, PROFILE(garbage), "P", "messages to be rejected, for every reason (1%)"},
    {"unknown", ARG_SHARE, PROFILE(unknown), "P", "messages with unknown symbols (1%)"},
    {"control", ARG_SHARE, PROFILE(control), "P", "messages to be ignored (1%)"},
    {"late", ARG_SHARE, PROFILE(late), "P", "events older than one before them (9%)"},
    {"repeats", ARG_SHARE, PROFILE(repeats), "P", "quotes of the same ms that repeat (46%)"},
    {"equal-trades", ARG_SHARE, PROFILE(equal_trades), "P", "trades equal to the one before (18%)"},
    {"crossed", ARG_SHARE, PROFILE(crossed), "P", "crossed or locked quotes (1%)"},
    {"batches", ARG_SHARE, PROFILE(batches), "P", "messages of several ticks (4%)"},
    {"strings", ARG_SHARE, PROFILE(strings), "P", "canonical ticks with numbers in quotes (20%)"},
    {"exponent", ARG_SHARE, PROFILE(exponent), "P", "canonical ticks with 1e-5 numbers (1%)"},
    {"even", ARG_FLAG, AT(even), NULL, "arrivals evenly spaced, without delays"},
    {"no-ties", ARG_FLAG, AT(no_ties), NULL, "one row for each symbol and time"},
    {"", ARG_HEADING, 0, NULL, "Where to:"},
    {"output", ARG_TEXT, AT(output), "FILE", "stdout if not given; .gz and .zst are compressed"},
    {"format", ARG_TEXT, AT(format), "F", "tsv (Unix ns, tab, JSON) or jsonl (JSON alone)"},
    {"expect", ARG_TEXT, AT(expect), "FILE",
     "what a consumer must make of it: counts of items as JSON"},
    {"help", ARG_FLAG, AT(help), NULL, "this text"},
};

static bool read_pairs(const struct options *o, struct instruments *set, struct err *e)
{
    struct slurp file;
    if (!o->pairs) {
        instruments_set_default(set);
    } else {
        if (!slurp(&file, strcmp(o->pairs, "-") == 0 ? "/dev/stdin" : o->pairs, PAIRS_MAX_BYTES, e))
            return false;
        bool ok = instruments_parse(set, o->pairs, file.text, e);
        free(file.text);
        if (!ok)
            return false;
    }
    return !o->symbols || instruments_keep(set, o->symbols, e);
}

static bool check_format(const struct options *o, struct err *e)
{
    if (strcmp(o->format, "tsv") == 0 || strcmp(o->format, "jsonl") == 0)
        return true;
    err_set(e, "--format: \"%s\" is not tsv or jsonl", o->format);
    return false;
}

static bool read_sequence(const struct options *o, enum sequence *sequence, struct err *e)
{
    if (!o->sequence)
        *sequence = SEQUENCE_NONE;
    else if (strcmp(o->sequence, "key") == 0)
        *sequence = SEQUENCE_KEY;
    else if (strcmp(o->sequence, "volume") == 0)
        *sequence = SEQUENCE_VOLUME;
    else {
        err_set(e, "--sequence: \"%s\" is not key or volume", o->sequence);
        return false;
    }
    return true;
}

static bool check_shares(const struct profile *p, struct err *e)
{
    uint64_t weights = 0;
    for (size_t i = 0; i < KIND_COUNT; i++)
        weights += p->weight[i];
    if (weights == 0)
        err_set(e, "all weights are 0: no message could have a tick");
    else if ((uint64_t)p->garbage + p->unknown + p->control > PPM)
        err_set(e, "--garbage, --unknown and --control are more than 100%% together");
    else
        return true;
    return false;
}

static uint64_t total_of(const struct options *o)
{
    uint64_t total = o->count > 0 ? o->count : SCHEDULE_TOTAL_MAX;
    if (o->duration_ns > 0 && schedule_total(o->rate_milli, o->duration_ns) < total)
        total = schedule_total(o->rate_milli, o->duration_ns);
    return total;
}

/* The profile is found first, whatever the order of the options, and the others change it. */
static bool read_options(struct options *o, int argc, char **argv, struct err *e)
{
    struct arg_files files;
    struct options first = *o;
    char **copy = err_malloc((size_t)argc * sizeof *copy);
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    bool ok = args_parse(args, COUNT(args), &first, argc, copy, &files, e);
    free(copy);
    if (!ok)
        return false;
    const struct profile *profile = profile_find(first.profile_name);
    if (!profile) {
        err_set(e, "--profile: \"%s\" is not one of %s", first.profile_name, profile_names());
        return false;
    }
    o->profile = *profile;
    if (!args_parse(args, COUNT(args), o, argc, argv, &files, e))
        return false;
    if (files.count > 0) {
        err_set(e, "%s: generate reads no file", files.list[0]);
        return false;
    }
    if (!o->help && o->count == 0 && o->duration_ns == 0) {
        err_set(e, "expected --count or --duration");
        return false;
    }
    if (!o->help && (total_of(o) == 0 || o->count > SCHEDULE_TOTAL_MAX)) {
        err_set(e, "--count, --duration: that is no message, or too many");
        return false;
    }
    o->profile.bursts = o->profile.bursts && !o->even;
    o->profile.ties = o->profile.ties && !o->no_ties;
    return check_format(o, e) && check_shares(&o->profile, e);
}

static bool write_messages(const struct options *o, struct generator *g, struct outfile *out,
                           struct fates *fates, struct err *e)
{
    struct buf message;
    bool jsonl = strcmp(o->format, "jsonl") == 0;
    bool ok = true;
    uint64_t total = total_of(o);
    buf_init(&message);
    while (ok && fates->messages < total) {
        struct buf *b = outfile_buf(out);
        buf_clear(&message);
        int64_t arrival_ns = generator_next(g, &message, fates);
        if (!jsonl) {
            text_put_int(b, arrival_ns);
            buf_put_u8(b, '\t');
        }
        buf_put(b, message.data, message.len);
        buf_put_u8(b, '\n');
        ok = outfile_write(out, e);
    }
    buf_fini(&message);
    return ok;
}

static bool write_expectation(const char *path, const struct fates *fates, struct err *e)
{
    struct outfile *out = path ? outfile_open(path, e) : NULL;
    if (!out)
        return !path;
    fates_put(outfile_buf(out), fates);
    return outfile_close(out, e);
}

static bool write_recording(const struct options *o, struct generator *g, struct err *e)
{
    struct fates fates = {0};
    struct outfile *out = outfile_open(o->output, e);
    if (!out)
        return false;
    if (!write_messages(o, g, out, &fates, e)) {
        outfile_discard(out);
        return false;
    }
    return outfile_close(out, e) && write_expectation(o->expect, &fates, e);
}

static int generate(const struct options *o)
{
    struct err e;
    struct instruments set;
    struct generator_options go = {.seed = o->seed,
                                   .rate_milli = o->rate_milli,
                                   .total = total_of(o),
                                   .start_ns = o->start_us * 1000,
                                   .profile = o->profile};
    int code = EXIT_USAGE;
    instruments_init(&set);
    if (read_pairs(o, &set, &e) && read_sequence(o, &go.sequence, &e)) {
        struct generator *g = generator_new(&go, &set);
        code = write_recording(o, g, &e) ? EXIT_DONE : EXIT_TROUBLE;
        generator_free(g);
    }
    if (code != EXIT_DONE)
        say("%s", e.text);
    instruments_fini(&set);
    return code;
}

int command_generate(int argc, char **argv)
{
    struct err e;
    /* Whoever reads our stdout may stop (head); that ends us as it ends other filters. */
    signal(SIGPIPE, SIG_DFL);
    struct options o = {.seed = 1,
                        .rate_milli = 250000,
                        .start_us = DEFAULT_START_US,
                        .profile_name = "default",
                        .output = "-",
                        .format = "tsv"};
    if (!read_options(&o, argc, argv, &e)) {
        say("%s", e.text);
        return EXIT_USAGE;
    }
    if (o.help) {
        puts("Usage: tickreplay generate (--count N | --duration TIME) [OPTION]...\n\n"
             "Writes a synthetic recording of market data messages.");
        args_help(stdout, args, COUNT(args));
        return EXIT_DONE;
    }
    return generate(&o);
}
