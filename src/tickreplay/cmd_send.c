/* SPDX-License-Identifier: MIT */
/*
 * tickreplay send: recordings to a Kafka topic.
 *
 * Usual path: options, producer, topic; then sender.h runs, and its report is said and written.
 *
 * Possible failures: a wrong option or librdkafka property (exit 2); no broker, no topic, something
 * not read or not sent (exit 1).
 */
#include "command.h"

#include "args.h"
#include "inifile.h"
#include "journal.h"
#include "log.h"
#include "say.h"
#include "sender.h"
#include "slurp.h"
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SECOND_NS    INT64_C(1000000000)
#define MS_NS        INT64_C(1000000)

#define CONFIG_MAX_BYTES (1 << 20)

/* Bounded by what a metadata request takes. */
#define CONNECT_MAX_NS (600 * SECOND_NS)

struct options {
    const char *bootstrap;
    const char *topic;
    const char *config;
    struct arg_texts properties;
    double speed;
    uint64_t rate_milli;
    bool bursts;
    bool max;
    int64_t max_gap_ns;
    uint64_t loops;
    uint64_t count;
    int64_t duration_ns;
    int64_t from_us;
    int64_t to_us;
    const char *symbols;
    const char *exchanges;
    struct arg_texts map;
    const char *format;
    bool shift_to_now;
    bool strict;
    bool quiet;
    bool progress;
    const char *json;
    const char *sent;
    uint64_t marks_fd;
    int64_t connect_ns;
    int64_t flush_ns;
    bool help;
};

#define AT(field) offsetof(struct options, field)

static const struct arg args[] = {
    {"", ARG_HEADING, 0, NULL, "Where to:"},
    {"bootstrap", ARG_TEXT, AT(bootstrap), "LIST", "brokers, HOST:PORT[,HOST:PORT...]"},
    {"topic", ARG_TEXT, AT(topic), "NAME", "an existing topic"},
    {"config", ARG_TEXT, AT(config), "FILE",
     "librdkafka properties from the kafka.* lines of a tickd.conf"},
    {"kafka.", ARG_PREFIX, AT(properties), "NAME=VALUE",
     "any librdkafka property: --kafka.compression.type=lz4"},
    {"", ARG_HEADING, 0, NULL, "How fast (as recorded if none is given):"},
    {"speed", ARG_NUMBER, AT(speed), "X", "so many times as fast as recorded"},
    {"rate", ARG_RATE, AT(rate_milli), "N", "evenly, N messages a second"},
    {"bursts", ARG_FLAG, AT(bursts), NULL,
     "with --rate: on average, in the bursts of the recording (not stdin)"},
    {"max-gap", ARG_DURATION, AT(max_gap_ns), "TIME", "cut longer pauses of the recording"},
    {"max", ARG_FLAG, AT(max), NULL, "as fast as it goes"},
    {"", ARG_HEADING, 0, NULL, "How much:"},
    {"loop", ARG_COUNT, AT(loops), "N", "times over the recording (1; 0 = until stopped)"},
    {"count", ARG_COUNT, AT(count), "N", "messages at most"},
    {"duration", ARG_DURATION, AT(duration_ns), "TIME", "of the run at most; 20s, 5m"},
    {"from", ARG_TIME, AT(from_us), "TIME", "only what arrived from this time on"},
    {"to", ARG_TIME, AT(to_us), "TIME", "only what arrived before this time"},
    {"symbols", ARG_TEXT, AT(symbols), "A,B,...", "only messages with one of these symbols"},
    {"exchanges", ARG_TEXT, AT(exchanges), "A,B,...", "only these of a recording of several"},
    {"", ARG_HEADING, 0, NULL, "What is changed in the messages:"},
    {"map", ARG_TEXTS, AT(map), "A=B,...", "send symbol A as B; may be given several times"},
    {"shift-to-now", ARG_FLAG, AT(shift_to_now), NULL,
     "move event times so that the recording happens now"},
    {"", ARG_HEADING, 0, NULL, "Otherwise:"},
    {"format", ARG_TEXT, AT(format), "F",
     "auto, jsonl, tsv, tsv3 or csv (auto: by the first line)"},
    {"strict", ARG_FLAG, AT(strict), NULL, "stop at the first error"},
    {"json", ARG_TEXT, AT(json), "FILE", "write the report as JSON; - is stdout"},
    {"sent", ARG_TEXT, AT(sent), "FILE",
     "write down each acknowledged message, for tickreplay verify --sent"},
    {"marks-fd", ARG_COUNT, AT(marks_fd), "N", "for tickreplay measure"},
    {"quiet", ARG_FLAG, AT(quiet), NULL, "no progress and no report, only errors"},
    {"progress", ARG_FLAG, AT(progress), NULL, "progress even if stderr is no terminal"},
    {"connect-timeout", ARG_DURATION, AT(connect_ns), "TIME", "to find a broker (10s)"},
    {"flush-timeout", ARG_DURATION, AT(flush_ns), "TIME",
     "to have the last messages acknowledged (30s)"},
    {"help", ARG_FLAG, AT(help), NULL, "this text"},
};

static bool fail(struct err *e, const char *text)
{
    err_set(e, "%s", text);
    return false;
}

static bool fits_ns(int64_t time_us)
{
    return time_us > INT64_MIN / 1000 && time_us < INT64_MAX / 1000;
}

static void fill_pace(struct pace *p, const struct options *o)
{
    *p = (struct pace){
        .mode = PACE_RECORDED, .speed = o->speed > 0 ? o->speed : 1, .max_gap_ns = o->max_gap_ns};
    if (o->rate_milli > 0 && !o->bursts) {
        p->mode = PACE_RATE;
        p->rate = (double)o->rate_milli / 1000;
    }
    if (o->max)
        p->mode = PACE_MAX;
}

static bool fill_run(struct sender_options *run, const struct options *o, bool can_survey,
                     struct err *e)
{
    if ((o->speed > 0) + (o->rate_milli > 0) + o->max > 1)
        return fail(e, "--speed, --rate and --max exclude each other");
    if (o->bursts && (o->rate_milli == 0 || !can_survey))
        return fail(e, "--bursts needs --rate, and files that can be read twice");
    if ((o->from_us != INT64_MIN && !fits_ns(o->from_us)) ||
        (o->to_us != INT64_MAX && !fits_ns(o->to_us)))
        return fail(e, "--from and --to: years 1678 to 2261");
    *run = (struct sender_options){
        .loops = o->loops,
        .count = o->count,
        .duration_ns = o->duration_ns,
        .from_ns = o->from_us == INT64_MIN ? INT64_MIN : o->from_us * 1000,
        .to_ns = o->to_us == INT64_MAX ? INT64_MAX : o->to_us * 1000,
        .symbols = o->symbols,
        .exchanges = o->exchanges,
        .shift_to_now = o->shift_to_now,
        .strict = o->strict,
        .progress = !o->quiet && (o->progress || isatty(STDERR_FILENO)),
        .flush_ns = o->flush_ns,
        .can_survey = can_survey,
        .burst_rate = o->bursts ? (double)o->rate_milli / 1000 : 0,
    };
    fill_pace(&run->pace, o);
    return symbol_map_parse(&run->map, &o->map, e);
}

/* A file that is not there, or not readable, is told when its turn comes. */
static bool can_be_read_again(const struct arg_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct stat st;
        if (strcmp(files->list[i], "-") == 0 ||
            (stat(files->list[i], &st) == 0 && !S_ISREG(st.st_mode)))
            return false;
    }
    return true;
}

static bool check(const struct options *o, const struct arg_files *files,
                  enum recording_format *format, struct err *e)
{
    if (!recording_format_parse(o->format, format))
        return fail(e, "--format: expected auto, jsonl, tsv, tsv3 or csv");
    if (!o->topic)
        return fail(e, "expected --topic NAME");
    if (files->count == 0)
        return fail(e, "expected a FILE; - is stdin");
    if (o->loops != 1 && !can_be_read_again(files))
        return fail(e, "--loop: a pipe cannot be read again");
    return true;
}

static void on_signal(int number)
{
    (void)number;
    sender_stop();
}

/* Without SA_RESTART: a read from a pipe ends, too. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int finish(const struct options *o, const struct send_report *report,
                  const struct producer *producer)
{
    struct err e;
    const struct producer_counts *c = producer_counts(producer);
    bool ok = c->failed == 0 && report->errors == 0 && !producer_is_broken(producer);
    if (!o->quiet)
        send_report_say(report, c);
    if (o->json && !send_report_write(report, c, o->json, &e)) {
        say("%s", e.text);
        ok = false;
    }
    if (o->strict && !send_report_on_time(report))
        ok = false;
    return ok ? EXIT_DONE : EXIT_TROUBLE;
}

static int run_with(const struct options *o, const struct sender_options *run,
                    struct recording *recording, struct producer *producer)
{
    struct err e;
    struct send_report report;
    int64_t connect_ns = o->connect_ns < CONNECT_MAX_NS ? o->connect_ns : CONNECT_MAX_NS;
    if (!producer_check_topic(producer, (int)(connect_ns / MS_NS), &e)) {
        say("%s", e.text);
        return EXIT_TROUBLE;
    }
    struct journal *journal = journal_open(o->sent, o->marks_fd > 0 ? (int)o->marks_fd : -1, &e);
    if (!journal) {
        say("%s", e.text);
        return EXIT_TROUBLE;
    }
    if (o->sent || o->marks_fd > 0)
        producer_on_delivery(producer, journal_put, journal);
    catch_signals();
    sender_run(run, recording, producer, &report);
    producer_on_delivery(producer, NULL, NULL);
    int code = finish(o, &report, producer);
    send_report_fini(&report);
    if (!journal_close(journal, &e)) {
        say("%s", e.text);
        code = EXIT_TROUBLE;
    }
    return code;
}

/* The kafka.* lines of a file, each "name=value" on the heap. */
struct file_properties {
    struct arg_texts all;
    size_t own; /* the first of `all` are ours */
};

static bool on_config_line(void *ctx, unsigned line, const char *key, const char *value,
                           struct err *e)
{
    static const char prefix[] = "kafka.";
    struct file_properties *p = ctx;
    (void)line;
    (void)e;
    if (strncmp(key, prefix, strlen(prefix)) != 0)
        return true;
    size_t size = strlen(key) + strlen(value) + sizeof "=";
    char *text = err_malloc(size);
    snprintf(text, size, "%s=%s", key + strlen(prefix), value);
    arg_texts_add(&p->all, text);
    p->own++;
    return true;
}

/* The properties of the file, and over them those of the command line. */
static bool gather_properties(const struct options *o, struct file_properties *p, struct err *e)
{
    struct slurp file;
    if (o->config) {
        if (!slurp(&file, o->config, CONFIG_MAX_BYTES, e))
            return false;
        bool ok = inifile_parse(o->config, file.text, file.len, on_config_line, p, e);
        free(file.text);
        if (!ok)
            return false;
    }
    for (size_t i = 0; i < o->properties.count; i++)
        arg_texts_add(&p->all, o->properties.list[i]);
    return true;
}

static void free_properties(struct file_properties *p)
{
    for (size_t i = 0; i < p->own; i++)
        free((void *)(uintptr_t)p->all.list[i]);
    arg_texts_fini(&p->all);
}

/* Whoever asks librdkafka for debug lines wants to see them. */
static void choose_log_level(const struct arg_texts *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        if (strncmp(properties->list[i], "debug=", strlen("debug=")) == 0)
            log_set_level(LOG_DEBUG_LEVEL);
    }
}

static int send_files(const struct options *o, const struct arg_files *files)
{
    struct err e;
    struct sender_options run = {.map = {NULL, 0}};
    enum recording_format format = FORMAT_AUTO;
    struct producer *producer = NULL;
    int code = EXIT_USAGE;
    struct file_properties properties = {{NULL, 0}, 0};
    if (check(o, files, &format, &e) && gather_properties(o, &properties, &e) &&
        fill_run(&run, o, can_be_read_again(files), &e)) {
        choose_log_level(&properties.all);
        producer = producer_new(o->bootstrap, o->topic, &properties.all, &e);
    }
    if (producer) {
        struct recording *recording = recording_new(files->list, files->count, format);
        code = run_with(o, &run, recording, producer);
        recording_free(recording);
        producer_free(producer);
    } else {
        say("%s", e.text);
    }
    symbol_map_fini(&run.map);
    free_properties(&properties);
    return code;
}

int command_send(int argc, char **argv)
{
    struct err e;
    struct arg_files files;
    struct options o = {.loops = 1,
                        .from_us = INT64_MIN,
                        .to_us = INT64_MAX,
                        .format = "auto",
                        .connect_ns = 10 * SECOND_NS,
                        .flush_ns = 30 * SECOND_NS};
    int code = EXIT_USAGE;
    log_init(LOG_WARN_LEVEL, false);
    if (!args_parse(args, COUNT(args), &o, argc, argv, &files, &e)) {
        say("%s", e.text);
    } else if (o.help) {
        puts("Usage: tickreplay send --bootstrap LIST --topic NAME [OPTION]... FILE...\n\n"
             "Produces recorded messages to a Kafka topic, keyed by symbol. Files are JSON Lines,\n"
             "time<TAB>JSON, time<TAB>exchange<TAB>JSON, or CSV with a header; gzip and zstd are\n"
             "unpacked; - is stdin.");
        args_help(stdout, args, COUNT(args));
        code = EXIT_DONE;
    } else {
        code = send_files(&o, &files);
    }
    arg_texts_fini(&o.properties);
    arg_texts_fini(&o.map);
    return code;
}
