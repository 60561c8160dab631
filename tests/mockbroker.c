/* SPDX-License-Identifier: MIT */
/*
 * mockbroker: librdkafka's mock cluster as a process of its own, for the tests and the demo.
 *
 *   mockbroker [--brokers N] [--topic NAME:PARTITIONS]...
 *
 * Usual path: the first line on stdout is "bootstrap HOST:PORT,..."; then each command line read
 * from stdin is answered by one line, "ok" or "error WHY". End of input, or "quit", ends it, so
 * that it never outlives whoever holds the other end of the pipe.
 *
 * Possible failures: a bad command is answered and forgotten; only a wrong command line (exit 2)
 * or a cluster that cannot be made (exit 1) ends the program.
 *
 * Not here: producing and consuming, which clients do. The cluster keeps everything in memory and
 * the newest 5 MiB of each partition only.
 */

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum {
    MAX_WORDS = 8,
    MAX_BROKERS = 16,
    MAX_PARTITIONS = 1000,
    MAX_ERRORS = 10000,
    MAX_API_KEY = 127,
    MAX_DELAY_MS = 600000,
    ALL_BROKERS = -1,
};

/* Owns the client handle that the library wants as a host, and the cluster. */
struct mock {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    int brokers;
};

/* A command and its words; `why` receives the reason of a failure. */
struct request {
    struct mock *mock;
    char *word[MAX_WORDS];
    int words;
    char why[256];
};

/* Obeys one command. False with the reason in request->why. */
typedef bool command_fn(struct request *request);

struct command {
    const char *name;
    const char *usage;
    int min_words; /* the command's own name included */
    int max_words;
    command_fn *run;
};

static bool fail(struct request *request, const char *what, const char *value)
{
    snprintf(request->why, sizeof request->why, "%s: %s", what, value);
    return false;
}

/* True if the library agreed; else its words become the reason. */
static bool agreed(struct request *request, rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ||
           fail(request, rd_kafka_err2name(err), rd_kafka_err2str(err));
}

static bool parse_int(const char *text, int min, int max, int *value)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
        return false;
    }
    *value = (int)number;
    return true;
}

static bool int_word(struct request *request, int index, int min, int max, int *value)
{
    if (parse_int(request->word[index], min, max, value)) {
        return true;
    }
    snprintf(request->why, sizeof request->why, "not a number from %d to %d: %s", min, max,
             request->word[index]);
    return false;
}

/* A broker's id, or ALL_BROKERS where the word is absent. */
static bool broker_word(struct request *request, int index, int *id)
{
    if (index >= request->words) {
        *id = ALL_BROKERS;
        return true;
    }
    return int_word(request, index, 1, request->mock->brokers, id);
}

/* An error by number, or by its name as rd_kafka_err2name() has it: _TRANSPORT. */
static bool error_word(struct request *request, int index, rd_kafka_resp_err_t *err)
{
    const struct rd_kafka_err_desc *all;
    size_t count;
    int code = 0;
    const char *word = request->word[index];
    bool is_code = parse_int(word, INT16_MIN, INT16_MAX, &code);
    rd_kafka_get_err_descs(&all, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_code ? (int)all[i].code == code : all[i].name && strcmp(all[i].name, word) == 0) {
            *err = all[i].code;
            return true;
        }
    }
    return fail(request, "no such error", word);
}

static bool run_topic(struct request *request)
{
    int partitions;
    int replicas = request->mock->brokers;
    return int_word(request, 2, 1, MAX_PARTITIONS, &partitions) &&
           agreed(request, rd_kafka_mock_topic_create(request->mock->cluster, request->word[1],
                                                      partitions, replicas));
}

static bool run_topic_error(struct request *request)
{
    rd_kafka_resp_err_t err;
    if (!error_word(request, 2, &err)) {
        return false;
    }
    rd_kafka_mock_topic_set_error(request->mock->cluster, request->word[1], err);
    return true;
}

static bool run_down(struct request *request)
{
    int id;
    return broker_word(request, 1, &id) &&
           agreed(request, rd_kafka_mock_broker_set_down(request->mock->cluster, id));
}

static bool run_up(struct request *request)
{
    int id;
    return broker_word(request, 1, &id) &&
           agreed(request, rd_kafka_mock_broker_set_up(request->mock->cluster, id));
}

static bool run_rtt(struct request *request)
{
    int id;
    int delay_ms;
    return int_word(request, 1, 0, MAX_DELAY_MS, &delay_ms) && broker_word(request, 2, &id) &&
           agreed(request, rd_kafka_mock_broker_set_rtt(request->mock->cluster, id, delay_ms));
}

static bool run_errors(struct request *request)
{
    int api_key;
    int count;
    rd_kafka_resp_err_t err;
    if (!int_word(request, 1, 0, MAX_API_KEY, &api_key) ||
        !int_word(request, 2, 1, MAX_ERRORS, &count) || !error_word(request, 3, &err)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        rd_kafka_mock_push_request_errors_array(request->mock->cluster, (int16_t)api_key, 1, &err);
    }
    return true;
}

static bool run_clear_errors(struct request *request)
{
    int api_key;
    if (!int_word(request, 1, 0, MAX_API_KEY, &api_key)) {
        return false;
    }
    rd_kafka_mock_clear_request_errors(request->mock->cluster, (int16_t)api_key);
    return true;
}

/* The next COUNT answers of one broker to one kind of request come late, but well. */
static bool run_delay(struct request *request)
{
    int id;
    int api_key;
    int count;
    int delay_ms;
    if (!int_word(request, 1, 1, request->mock->brokers, &id) ||
        !int_word(request, 2, 0, MAX_API_KEY, &api_key) ||
        !int_word(request, 3, 1, MAX_ERRORS, &count) ||
        !int_word(request, 4, 0, MAX_DELAY_MS, &delay_ms)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_mock_broker_push_request_error_rtts(
            request->mock->cluster, id, (int16_t)api_key, 1, RD_KAFKA_RESP_ERR_NO_ERROR, delay_ms);
        if (!agreed(request, err)) {
            return false;
        }
    }
    return true;
}

static bool run_leader(struct request *request)
{
    int partition;
    int id;
    return int_word(request, 2, 0, MAX_PARTITIONS - 1, &partition) &&
           int_word(request, 3, -1, request->mock->brokers, &id) &&
           agreed(request, rd_kafka_mock_partition_set_leader(request->mock->cluster,
                                                              request->word[1], partition, id));
}

static bool run_coordinator(struct request *request)
{
    int id;
    return int_word(request, 2, 1, request->mock->brokers, &id) &&
           agreed(request, rd_kafka_mock_coordinator_set(request->mock->cluster, "group",
                                                         request->word[1], id));
}

static bool run_apiversion(struct request *request)
{
    int api_key;
    int min;
    int max;
    return int_word(request, 1, 0, MAX_API_KEY, &api_key) &&
           int_word(request, 2, -1, INT16_MAX, &min) && int_word(request, 3, -1, INT16_MAX, &max) &&
           agreed(request, rd_kafka_mock_set_apiversion(request->mock->cluster, (int16_t)api_key,
                                                        (int16_t)min, (int16_t)max));
}

static const struct command commands[] = {
    {"topic", "topic NAME PARTITIONS", 3, 3, run_topic},
    {"topic-error", "topic-error NAME ERROR", 3, 3, run_topic_error},
    {"down", "down [BROKER]", 1, 2, run_down},
    {"up", "up [BROKER]", 1, 2, run_up},
    {"rtt", "rtt MS [BROKER]", 2, 3, run_rtt},
    {"errors", "errors APIKEY COUNT ERROR", 4, 4, run_errors},
    {"clear-errors", "clear-errors APIKEY", 2, 2, run_clear_errors},
    {"delay", "delay BROKER APIKEY COUNT MS", 5, 5, run_delay},
    {"leader", "leader TOPIC PARTITION BROKER|-1", 4, 4, run_leader},
    {"coordinator", "coordinator GROUP BROKER", 3, 3, run_coordinator},
    {"apiversion", "apiversion APIKEY MIN|-1 MAX|-1", 4, 4, run_apiversion},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void split(struct request *request, char *line)
{
    char *save = NULL;
    for (char *word = strtok_r(line, " \t\r\n", &save); word && request->words < MAX_WORDS;
         word = strtok_r(NULL, " \t\r\n", &save)) {
        request->word[request->words++] = word;
    }
}

static bool obey(struct request *request)
{
    for (int i = 0; i < COMMANDS; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, request->word[0]) != 0) {
            continue;
        }
        if (request->words < command->min_words || request->words > command->max_words) {
            return fail(request, "usage", command->usage);
        }
        return command->run(request);
    }
    return fail(request, "no such command", request->word[0]);
}

/* Reads commands until the input ends or says quit. */
static void serve(struct mock *mock)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) >= 0) {
        struct request request = {.mock = mock};
        split(&request, line);
        if (request.words == 0) {
            continue;
        }
        if (strcmp(request.word[0], "quit") == 0) {
            puts("ok");
            break;
        }
        if (obey(&request)) {
            puts("ok");
        } else {
            printf("error %s\n", request.why);
        }
        fflush(stdout);
    }
    free(line);
}

static bool start(struct mock *mock)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* Warnings and worse: at the default level the host complains that it has no brokers. */
    rd_kafka_conf_set(conf, "log_level", "4", NULL, 0);
    mock->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!mock->host) {
        fprintf(stderr, "mockbroker: %s\n", why);
        rd_kafka_conf_destroy(conf);
        return false;
    }
    mock->cluster = rd_kafka_mock_cluster_new(mock->host, mock->brokers);
    if (!mock->cluster) {
        fprintf(stderr, "mockbroker: cannot make a cluster of %d brokers\n", mock->brokers);
        rd_kafka_destroy(mock->host);
        return false;
    }
    return true;
}

static void stop(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->host);
}

/* Makes the topic of a NAME:PARTITIONS argument, which it cuts in two. */
static bool make_topic(struct mock *mock, char *argument)
{
    struct request request = {.mock = mock, .words = 3};
    char *colon = strrchr(argument, ':');
    if (!colon || colon == argument) {
        fprintf(stderr, "mockbroker: not NAME:PARTITIONS: %s\n", argument);
        return false;
    }
    *colon = '\0';
    request.word[1] = argument;
    request.word[2] = colon + 1;
    if (!run_topic(&request)) {
        fprintf(stderr, "mockbroker: topic %s: %s\n", argument, request.why);
        return false;
    }
    return true;
}

static void print_usage(FILE *out)
{
    fputs("usage: mockbroker [--brokers N] [--topic NAME:PARTITIONS]...\n"
          "commands on stdin, each answered by a line \"ok\" or \"error WHY\":\n",
          out);
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %s\n", commands[i].usage);
    }
    fputs("  quit\n", out);
}

/* What the command line asks for; `topic` points into argv. */
struct options {
    int brokers;
    char **topic;
    int topics;
    bool help;
};

static bool parse_options(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"brokers", required_argument, NULL, 'b'},
        {"topic", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'h') {
            options->help = true;
        } else if (option == 't') {
            options->topic[options->topics++] = optarg;
        } else if (option != 'b' || !parse_int(optarg, 1, MAX_BROKERS, &options->brokers)) {
            return false;
        }
    }
    return optind == argc;
}

static int run(const struct options *options)
{
    struct mock mock = {.brokers = options->brokers};
    if (!start(&mock)) {
        return EXIT_FAILURE;
    }
    bool made = true;
    for (int i = 0; i < options->topics && made; i++) {
        made = make_topic(&mock, options->topic[i]);
    }
    if (made) {
        printf("bootstrap %s\n", rd_kafka_mock_cluster_bootstraps(mock.cluster));
        fflush(stdout);
        serve(&mock);
    }
    stop(&mock);
    return made ? EXIT_SUCCESS : 2;
}

int main(int argc, char **argv)
{
    /* One slot per word of the command line is more than enough. */
    struct options options = {.brokers = 1, .topic = calloc((size_t)argc, sizeof(char *))};
    int code = 2;
    if (!options.topic) {
        return EXIT_FAILURE;
    }
    if (!parse_options(&options, argc, argv)) {
        print_usage(stderr);
    } else if (options.help) {
        print_usage(stdout);
        code = EXIT_SUCCESS;
    } else {
        code = run(&options);
    }
    free(options.topic);
    return code;
}
