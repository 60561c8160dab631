/* SPDX-License-Identifier: MIT */
/*
 * tickreplay: makes and replays recordings of market ticks. This is the command line: a table of
 * subcommands.
 */
#include "command.h"

#include "say.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    command_fn *run;
    const char *help;
} commands[] = {
    {"generate", command_generate, "write a synthetic recording"},
    {"send", command_send, "produce recordings to a Kafka topic"},
    {"verify", command_verify, "prove that a database has what was sent"},
    {"measure", command_measure, "send a recording and measure what comes of it"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void print_help(FILE *out)
{
    fputs("Usage: tickreplay COMMAND [OPTION]... [FILE]...\n\n", out);
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\ntickreplay COMMAND --help says more; so does tickreplay(1).\n", out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (strcmp(name, "--help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("tickreplay %s\n", TICKD_VERSION);
        return EXIT_DONE;
    }
    if (argc > 1)
        say("%s: no such command", name);
    print_help(stderr);
    return EXIT_USAGE;
}
