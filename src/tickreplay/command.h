/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of tickreplay. Each takes the command line from its own name on and returns the
 * exit code.
 */
#ifndef TICKREPLAY_COMMAND_H
#define TICKREPLAY_COMMAND_H

enum exit_code {
    EXIT_DONE = 0,
    EXIT_TROUBLE = 1, /* something was lost, unreadable or unreachable */
    EXIT_USAGE = 2,   /* the command line is wrong */
};

typedef int command_fn(int argc, char **argv);

command_fn command_generate;
command_fn command_send;
command_fn command_measure;
command_fn command_verify;

#endif
