/* SPDX-License-Identifier: MIT */
/* links: pg.o pgrun.o pgtext.o dbstats.o conninfo.o hostlist.o resolve.o backoff.o sqlstate.o clock.o entropy.o err.o log.o logline.o recorder.o utf8.o schema.o schema_sql.o fkcheck.o */
/*
 * Puts pg.c at the hands of a test: commands come as lines on stdin, events go as lines to stdout,
 * the log to stderr.
 *
 *   pg_live <connection string> <statement_timeout_ms> <connect_timeout_ms>
 *
 *   request <sql>         reply ok|error|lost sqlstate=.. tag=.. copy=0|1 sent=0|1 value=..
 * error=.. copy <rows> <sql>     the same; rows are "<n>\t<pad>\n", about 100 bytes each badcopy
 * <rows> <sql>  the same; the first row has no number schema [strict] [hypertable] [last] finding
 * fatal|warning <object>: <text>, ...; schema usable=.. hypertable=.. evaluate <file> [strict]
 * [hypertable] [last] the same with an answer from a file of tab-separated rows reset, quit
 *
 * Also: up <pid>, down <why>, notify <channel>. `pg_live --schema-sql` prints that query,
 * `pg_live --stats-sql` the one about the size of a hypertable.
 */
#include "dbstats.h"
#include "log.h"
#include "pg.h"
#include "schema.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ev_loop *loop;
static struct pg *pg;
static char *rows;

static char line[8192];
static size_t line_len;

static void on_up(void *ctx)
{
    (void)ctx;
    printf("up %d\n", pg_backend_pid(pg));
}

static void on_down(void *ctx, const char *why)
{
    (void)ctx;
    printf("down %s\n", why);
}

static void on_notify(void *ctx, const char *channel)
{
    (void)ctx;
    printf("notify %s\n", channel);
}

static void on_reply(void *ctx, const struct pg_reply *r)
{
    (void)ctx;
    static const char *const outcomes[] = {"ok", "error", "lost"};
    printf("reply %s sqlstate=%s tag=%s copy=%d sent=%d value=%s error=%s\n", outcomes[r->outcome],
           r->sqlstate, r->tag, r->copy_started, r->all_sent,
           r->rows && PQntuples(r->rows) ? PQgetvalue(r->rows, 0, 0) : "", r->error);
    free(rows);
    rows = NULL;
}

/* --- schema */

static struct schema_options options;

static void set_options(const char *words)
{
    options = (struct schema_options){
        .strict = strstr(words, "strict"),
        .require_hypertable = strstr(words, "hypertable"),
        .merge_updates = strstr(words, "last"),
    };
}

static void print_schema(const PGresult *result)
{
    static const char *const severities[] = {"fatal", "warning"};
    struct schema_report report;
    struct err e;
    if (!schema_evaluate(&options, result, &report, &e)) {
        printf("schema error=%s\n", e.text);
        return;
    }
    for (size_t i = 0; i < report.count; i++)
        printf("finding %s %s: %s\n", severities[report.findings[i].severity],
               report.findings[i].object, report.findings[i].text);
    printf("schema usable=%d hypertable=%d timescaledb=%s\n", schema_is_usable(&report),
           report.hypertable, report.timescaledb);
}

static void on_schema(void *ctx, const struct pg_reply *r)
{
    (void)ctx;
    if (r->outcome == PG_OK)
        print_schema(r->rows);
    else
        printf("schema error=%s %s\n", r->sqlstate, r->error);
}

static void evaluate_file(const char *path)
{
    static char names[] = "abcd";
    PGresAttDesc attributes[4] = {
        {.name = names}, {.name = names + 1}, {.name = names + 2}, {.name = names + 3}};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char text[1024];
    FILE *file = fopen(path, "r");
    PQsetResultAttrs(result, 4, attributes);
    for (int row = 0; file && fgets(text, sizeof text, file); row++) {
        char *rest = text;
        text[strcspn(text, "\n")] = '\0';
        for (int field = 0; field < 4; field++) {
            char *value = strsep(&rest, "\t");
            PQsetvalue(result, row, field, value, value ? (int)strlen(value) : -1);
        }
    }
    if (file)
        fclose(file);
    print_schema(result);
    PQclear(result);
}

/* --- requests */

static size_t make_rows(int count, bool bad)
{
    static const char pad[] = "0123456789012345678901234567890123456789"
                              "01234567890123456789012345678901234567890123";
    size_t size = (size_t)count * 100 + 1;
    size_t len = 0;
    rows = err_malloc(size);
    for (int n = 0; n < count; n++)
        len +=
            (size_t)snprintf(rows + len, size - len, "%s%09d\t%s\n", bad && !n ? "x" : "", n, pad);
    return len;
}

static void copy(const char *arguments, bool bad)
{
    char *sql;
    int count = (int)strtol(arguments, &sql, 10);
    size_t len = make_rows(count, bad);
    pg_request(pg, sql, rows, len, on_reply, NULL);
}

static const char *after(const char *text, const char *word)
{
    size_t len = strlen(word);
    return strncmp(text, word, len) ? NULL : text + len;
}

static void obey_idle(const char *command)
{
    const char *rest;
    if (!pg_is_idle(pg))
        printf("busy\n");
    else if ((rest = after(command, "request ")))
        pg_request(pg, rest, NULL, 0, on_reply, NULL);
    else if ((rest = after(command, "copy ")))
        copy(rest, false);
    else if ((rest = after(command, "badcopy ")))
        copy(rest, true);
    else if ((rest = after(command, "schema"))) {
        set_options(rest);
        pg_request(pg, schema_sql, NULL, 0, on_schema, NULL);
    } else
        printf("what?\n");
}

static void obey(char *command)
{
    if (!strcmp(command, "quit"))
        ev_break(loop, EVBREAK_ALL);
    else if (!strcmp(command, "reset"))
        pg_reset(pg, "asked to");
    else if (after(command, "evaluate ")) {
        char *rest = command + strlen("evaluate ");
        const char *path = strsep(&rest, " ");
        set_options(rest ? rest : "");
        evaluate_file(path);
    } else
        obey_idle(command);
}

static void on_stdin(struct ev_loop *l, struct ev_io *w, int revents)
{
    (void)revents;
    ssize_t n = read(w->fd, line + line_len, sizeof line - 1 - line_len);
    if (n <= 0) {
        ev_break(l, EVBREAK_ALL);
        return;
    }
    line_len += (size_t)n;
    line[line_len] = '\0';
    char *end;
    while ((end = strchr(line, '\n'))) {
        *end++ = '\0';
        obey(line);
        line_len -= (size_t)(end - line);
        memmove(line, end, line_len + 1);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--schema-sql")) {
        puts(schema_sql);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && !strcmp(argv[1], "--stats-sql")) {
        puts(dbstats_sql(true));
        return EXIT_SUCCESS;
    }
    if (argc != 4)
        return EXIT_FAILURE;
    const struct pg_options pg_options = {
        .name = "live",
        .conninfo = argv[1],
        .application = "tickd:live",
        .statement_timeout_ms = (uint32_t)atoi(argv[2]),
        .connect_timeout_ms = (uint32_t)atoi(argv[3]),
        .lock_timeout_ms = 1000,
        .retry_min_ms = 10,
        .retry_max_ms = 200,
    };
    const struct pg_callbacks callbacks = {
        .on_up = on_up, .on_down = on_down, .on_notify = on_notify};
    struct ev_io input;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_DEBUG_LEVEL, false);
    loop = ev_default_loop(0);
    ev_io_init(&input, on_stdin, STDIN_FILENO, EV_READ);
    ev_io_start(loop, &input);
    pg = pg_new(loop, &pg_options, &callbacks);
    pg_start(pg);
    ev_run(loop, 0);
    pg_free(pg);
    free(rows);
    ev_loop_destroy(loop);
    return EXIT_SUCCESS;
}
