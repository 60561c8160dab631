/* SPDX-License-Identifier: MIT */
/*
 * tickreplay measure: sends a recording and measures what comes of it.
 *
 * Usual path: a child process runs `send` with the options behind "--"; this process observes it
 * and the database (observe.h), and at the end writes the report.
 *
 * Possible failures: a wrong option (exit 2); no database, a sender that failed, messages that
 * never became visible, a report that cannot be written (exit 1).
 */
#include "command.h"

#include "args.h"
#include "dburl.h"
#include "observe.h"
#include "outfile.h"
#include "report_html.h"
#include "say.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MS_NS        INT64_C(1000000)
#define PIPE_BYTES   (1 << 20)

#define PROGRESS_TERMINAL_S 1
#define PROGRESS_PIPE_S     5

struct options {
    const char *database;
    const char *bootstrap;
    const char *topic;
    const char *group;
    uint64_t pid;
    int64_t poll_ns;
    int64_t drain_ns;
    const char *json;
    const char *html;
    bool quiet;
    bool help;
};

#define AT(field) offsetof(struct options, field)

static const struct arg args[] = {
    {"", ARG_HEADING, 0, NULL, "What is sent where:"},
    {"bootstrap", ARG_TEXT, AT(bootstrap), "LIST", "brokers, HOST:PORT[,HOST:PORT...]"},
    {"topic", ARG_TEXT, AT(topic), "NAME", "an existing topic, which tickd reads"},
    {"", ARG_HEADING, 0, NULL, "Where it must appear:"},
    {"database", ARG_TEXT, AT(database), "URL", "tickd's database ($DATABASE_URL)"},
    {"group", ARG_TEXT, AT(group), "NAME", "tickd's consumer group (tickd)"},
    {"pid", ARG_COUNT, AT(pid), "N", "tickd's process, on this machine: CPU and memory"},
    {"poll", ARG_DURATION, AT(poll_ns), "TIME",
     "look at the database so often (2ms); part of every latency"},
    {"drain", ARG_DURATION, AT(drain_ns), "TIME", "wait so long for the last messages (30s)"},
    {"", ARG_HEADING, 0, NULL, "What comes of it:"},
    {"json", ARG_TEXT, AT(json), "FILE", "all figures; - is stdout"},
    {"html", ARG_TEXT, AT(html), "FILE", "a page with plots"},
    {"quiet", ARG_FLAG, AT(quiet), NULL, "no progress and no summary, only errors"},
    {"help", ARG_FLAG, AT(help), NULL, "this text"},
};

static void on_signal(int number)
{
    (void)number;
    observe_stop();
}

/* --- the sender */

/* Runs `send` and ends. In a process group of its own: Ctrl-C comes through its parent, once. */
_Noreturn static void run_sender(const struct options *o, const struct arg_files *rest, int marks)
{
    char number[16];
    char **argv = err_calloc(rest->count + 12, sizeof *argv);
    int argc = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    snprintf(number, sizeof number, "%d", marks);
    const char *const given[] = {"send",    "--marks-fd", number,        "--quiet",
                                 "--topic", o->topic,     "--bootstrap", o->bootstrap};
    /* Without a bootstrap list the properties behind "--" have to have one. */
    for (size_t i = 0; i < COUNT(given) - (o->bootstrap ? 0 : 2); i++)
        argv[argc++] = (char *)(uintptr_t)given[i];
    for (size_t i = 0; i < rest->count; i++)
        argv[argc++] = rest->list[i];
    int code = command_send(argc, argv);
    free(argv);
    exit(code);
}

/* Starts the sender; *marks is where its marks can be read. 0: `e` says why not. */
static pid_t start_sender(const struct options *o, const struct arg_files *rest, int *marks,
                          struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        err_set(e, "pipe: %s", strerror(errno));
        return 0;
    }
    /* As much as one may: the sender must not wait for us. */
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_sender(o, rest, ends[1]);
    }
    close(ends[1]);
    *marks = ends[0];
    if (pid < 0) {
        err_set(e, "fork: %s", strerror(errno));
        close(ends[0]);
        return 0;
    }
    return pid;
}

/* --- the report */

static void say_summary(const struct measurement *m)
{
    const struct hist *h = &m->latency;
    say("%" PRIu64 " messages sent in %.1f s, %.1f a second; %" PRIu64 " did not become visible",
        m->sent, m->sending_s, measurement_rate(m), m->waiting);
    say("%" PRId64 " ticks stored, %" PRId64 " rejected, %" PRId64 " ignored, %" PRId64 " dropped",
        m->seen.stored, m->seen.rejected, m->seen.ignored, m->seen.dropped);
    say("visible after p50 %.1f, p99 %.1f, p99.9 %.1f, at most %.1f ms (looked at every %.3g ms)",
        (double)hist_percentile(h, 50) / 1000, (double)hist_percentile(h, 99) / 1000,
        (double)hist_percentile(h, 99.9) / 1000, (double)h->max / 1000, m->poll_ms);
    if (m->process_known)
        say("tickd used %.2f %% of a core and %.1f MiB at most", m->cpu_pct,
            (double)m->rss_peak_bytes / 1048576);
    if (m->audits_failed > 0)
        say("rows and books did NOT agree in %" PRIu64 " of %" PRIu64 " queries", m->audits_failed,
            m->audits);
    if (m->sender_code != 0)
        say("the sender FAILED");
}

typedef void render_fn(const struct measurement *m, struct buf *out);

static bool write_report(const struct measurement *m, const char *path, render_fn *render)
{
    struct err e;
    if (!path)
        return true;
    struct outfile *f = outfile_open(path, &e);
    if (f) {
        render(m, outfile_buf(f));
        if (outfile_close(f, &e))
            return true;
    }
    say("%s", e.text);
    return false;
}

static int report(const struct options *o, const struct measurement *m)
{
    if (!o->quiet)
        say_summary(m);
    bool written = write_report(m, o->json, measurement_json);
    written = write_report(m, o->html, report_html) && written;
    return written && measurement_is_good(m) ? EXIT_DONE : EXIT_TROUBLE;
}

/* --- the run */

static int observe(const struct options *o, const struct arg_files *rest, struct target *target)
{
    struct err e;
    int marks;
    const struct observe_options oo = {
        .pid = (int64_t)o->pid,
        .poll_us = o->poll_ns / 1000,
        .drain_us = o->drain_ns / 1000,
        .progress_seconds = o->quiet                ? 0
                            : isatty(STDERR_FILENO) ? PROGRESS_TERMINAL_S
                                                    : PROGRESS_PIPE_S,
    };
    struct measurement *m = err_calloc(1, sizeof *m);
    m->topic = o->topic;
    m->group = o->group;
    int code = EXIT_TROUBLE;
    pid_t sender = start_sender(o, rest, &marks, &e);
    if (sender > 0 && observe_run(&oo, target, sender, marks, m, &e)) {
        code = report(o, m);
    } else {
        say("%s", e.text);
        if (sender > 0) {
            kill(sender, SIGKILL);
            waitpid(sender, NULL, 0);
        }
    }
    measurement_fini(m);
    free(m);
    return code;
}

static int measure(const struct options *o, const struct arg_files *rest)
{
    struct err e;
    const char *given = o->database ? o->database : getenv("DATABASE_URL");
    char *url = err_strdup(given ? given : "");
    struct sigaction action = {.sa_handler = on_signal};
    struct target *target = NULL;
    int code = EXIT_USAGE;
    if (dburl_mend(&url, &e)) {
        code = EXIT_TROUBLE;
        target = target_open(url, o->group, o->topic, &e);
    }
    if (target) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        code = observe(o, rest, target);
    } else {
        say("%s", e.text);
    }
    target_close(target);
    free(url);
    return code;
}

int command_measure(int argc, char **argv)
{
    struct err e;
    struct arg_files rest;
    struct options o = {.group = "tickd", .poll_ns = 2 * MS_NS, .drain_ns = 30000 * MS_NS};
    if (!args_parse(args, COUNT(args), &o, argc, argv, &rest, &e)) {
        say("%s (what send is to be told stands behind --)", e.text);
        return EXIT_USAGE;
    }
    if (o.help) {
        puts("Usage: tickreplay measure [OPTION]... -- [OPTION OF SEND]... FILE...\n\n"
             "Sends a recording and measures how long each message takes from the call that\n"
             "produces it until a query sees it, how far tickd is behind, and what it uses.");
        args_help(stdout, args, COUNT(args));
        return EXIT_DONE;
    }
    if (!o.topic || rest.count == 0) {
        say("%s", o.topic ? "expected -- and a FILE behind it" : "expected --topic NAME");
        return EXIT_USAGE;
    }
    return measure(&o, &rest);
}
