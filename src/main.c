/* SPDX-License-Identifier: MIT */
/*
 * The command line.
 *
 * Configuration errors go to stderr as plain text: how log lines are to look is not known by then.
 */
#include "app.h"
#include "check.h"
#include "config.h"
#include "err.h"
#include "health.h"
#include "kafka_ask.h"
#include "kafka_conf.h"
#include "log.h"
#include "options.h"
#include <ev.h>
#include <fcntl.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum action {
    ACTION_RUN,
    ACTION_CHECK,
    ACTION_HEALTH,
    ACTION_TEST,
    ACTION_PRINT,
    ACTION_TABLE,
    ACTION_DONE
};

struct command {
    enum action action;
    const char *path;
    char **flags; /* "name=value", NULL-terminated; heap */
    size_t flag_count;
};

static void print_version(void)
{
    int pq = PQlibVersion();
    printf("tickd %s (%s)\nlibrdkafka %s\nlibpq %d.%d\njansson %s\nlibev %d.%d\n", TICKD_VERSION,
           TICKD_COMMIT, rd_kafka_version_str(), pq / 10000, pq % 10000, jansson_version_str(),
           ev_version_major(), ev_version_minor());
    printf("libmicrohttpd %s\nlibsystemd %s\n", MHD_get_version(), TICKD_LIBSYSTEMD);
}

static void print_help(void)
{
    fputs("Usage: tickd [-c FILE] [--OPTION=VALUE...]           run\n"
          "       tickd [-c FILE] [--OPTION=VALUE...] check     look at both sides and say what is "
          "wrong\n"
          "       tickd [-c FILE] [--OPTION=VALUE...] health    ask the running tickd whether "
          "ticks can "
          "flow\n"
          "       tickd [-c FILE] [--OPTION=VALUE...] -t        check the configuration only\n"
          "       tickd [-c FILE] [--OPTION=VALUE...] --print-config\n"
          "       tickd --version | -h | --help\n"
          "\n"
          "  -c FILE   configuration file; " CONFIG_DEFAULT_PATH " if it exists\n"
          "\n"
          "Values are taken from the file, then from the environment (TICKD_OPTION, or\n"
          "TICKD_OPTION_FILE for a file that holds the value), then from here. Defaults:\n",
          stdout);
    config_print_help(stdout);
    fputs("\nExit: 0 done, 1 failed while running, 2 usage, 78 configuration. See tickd(8).\n",
          stdout);
}

static bool usage_error(const char *text, const char *argument)
{
    fprintf(stderr, "tickd: %s%s\nTry 'tickd --help'.\n", text, argument);
    return false;
}

/* Takes "--name=value" or, with `next`, "--name" "value"; '-' in an option's name stands for '_'.
 */
static bool take_option(struct command *c, const char *argument, const char *next, bool *used_next)
{
    size_t len = strcspn(argument, "=");
    *used_next = argument[len] == '\0';
    if (*used_next && !next)
        return usage_error("no value for --", argument);
    const char *value = *used_next ? next : argument + len + 1;

    char *flag = err_malloc(len + strlen(value) + 2);
    memcpy(flag, argument, len);
    flag[len] = '\0';
    bool is_property = strncmp(flag, "kafka.", strlen("kafka.")) == 0;
    for (char *p = flag; *p && !is_property; p++)
        *p = *p == '-' ? '_' : *p;
    if (!is_property && !option_find(flag)) {
        const char *like = option_suggest(flag);
        fprintf(stderr, "tickd: unknown option --%s%s%s%s\nTry 'tickd --help'.\n", flag,
                like ? "; did you mean --" : "", like ? like : "", like ? "?" : "");
        free(flag);
        return false;
    }
    flag[len] = '=';
    strcpy(flag + len + 1, value);
    c->flags[c->flag_count++] = flag;
    return true;
}

static bool take_action(struct command *c, enum action action, const char *argument)
{
    if (c->action != ACTION_RUN && c->action != action)
        return usage_error("cannot be combined with what stands before it: ", argument);
    c->action = action;
    return true;
}

/* Reads argv[*i], and its value where that stands in the next one. */
static bool take_argument(struct command *c, char **argv, int *i)
{
    const char *a = argv[*i];
    if (strncmp(a, "-c", 2) == 0) {
        c->path = a[2] ? a + 2 : argv[++*i];
        return c->path || usage_error("no file after ", a);
    }
    if (strcmp(a, "-t") == 0)
        return take_action(c, ACTION_TEST, a);
    if (strcmp(a, "--print-config") == 0)
        return take_action(c, ACTION_PRINT, a);
    if (strcmp(a, "--print-option-table") == 0) /* for the documentation's scripts */
        return take_action(c, ACTION_TABLE, a);
    if (strcmp(a, "check") == 0)
        return take_action(c, ACTION_CHECK, a);
    if (strcmp(a, "health") == 0)
        return take_action(c, ACTION_HEALTH, a);
    if (strncmp(a, "--", 2) == 0 && a[2]) {
        bool used_next;
        bool ok = take_option(c, a + 2, argv[*i + 1], &used_next);
        *i += used_next;
        return ok;
    }
    return usage_error(a[0] == '-' ? "unknown option " : "unknown subcommand ", a);
}

static bool take_arguments(struct command *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool help = strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0;
        if (help)
            print_help();
        else if (strcmp(argv[i], "--version") == 0)
            print_version();
        else if (take_argument(c, argv, &i))
            continue;
        else
            return false;
        c->action = ACTION_DONE;
        return true;
    }
    return true;
}

/* Descriptors 0 to 2 must be taken: a socket that got number 2 would be sent log lines. */
static void hold_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void print_warning(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "tickd: warning: %s\n", text);
}

static void log_warning(void *ctx, const char *text)
{
    (void)ctx;
    log_warn("config_warning", text, NULL);
}

/* Asks librdkafka, too, which knows more names and values than we do. */
static int test_config(const struct config *config)
{
    struct err e;
    rd_kafka_t *client = kafka_conf_client(config, &e);
    if (!client) {
        fprintf(stderr, "tickd: %s\n", e.text);
        return EXIT_CONFIG;
    }
    rd_kafka_destroy(client);
    config_each_warning(config, print_warning, NULL);
    puts("tickd: configuration is valid");
    return EXIT_OK;
}

static int run(const struct command *command)
{
    struct config config;
    struct err e;
    const struct config_source source = {command->path, environ, command->flags};
    if (!config_load(&config, &source, &e)) {
        fprintf(stderr, "tickd: %s\n", e.text);
        return EXIT_CONFIG;
    }
    int code = EXIT_OK;
    if (command->action == ACTION_TEST) {
        code = test_config(&config);
    } else if (command->action == ACTION_PRINT) {
        config_print(&config, stdout);
    } else if (command->action == ACTION_HEALTH) {
        code = health_run(&config);
    } else {
        log_init((enum log_level)config.log_level, config.log_format == FORMAT_JSON);
        config_each_warning(&config, log_warning, NULL);
        code = command->action == ACTION_CHECK ? check_run(&config) : app_run(&config, &source);
    }
    config_fini(&config);
    return code;
}

/* exit() takes libraries down (OpenSSL, SASL) that the threads of a client still use. */
static int finish(int code)
{
    if (fflush(stdout) != 0 && code == EXIT_OK)
        code = EXIT_RUNTIME;
    if (kafka_clients_remain())
        _exit(code);
    return code;
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    signal(SIGPIPE, SIG_IGN); /* a reader of stderr or a peer that goes is an error to handle */

    struct command command = {.flags = err_calloc((size_t)argc + 1, sizeof(char *))};
    int code = EXIT_OK;
    if (!take_arguments(&command, argc, argv))
        code = EXIT_USAGE;
    else if (command.action == ACTION_TABLE)
        config_print_table(stdout);
    else if (command.action != ACTION_DONE)
        code = run(&command);

    for (size_t i = 0; i < command.flag_count; i++)
        free(command.flags[i]);
    free(command.flags);
    return finish(code);
}
