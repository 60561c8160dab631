/* SPDX-License-Identifier: MIT */
/*
 * What systemd credentials say of the options.
 *
 * In the directory that $CREDENTIALS_DIRECTORY names (systemd.exec(5), LoadCredential=) a file
 * tickd.<option> or tickd.kafka.<property> holds the value; one newline at its end is cut. Other
 * files are not looked at.
 */
#ifndef TICKD_CONFCRED_H
#define TICKD_CONFCRED_H

#include "err.h"
#include "setting.h"
#include <stdbool.h>

/* Calls `fn` with each, in the order of their names; with none if the variable is not in the
 * NULL-terminated list. False: `e` names the file. */
bool confcred_read(char *const *environ_, setting_fn *fn, void *ctx, struct err *e)
    __attribute__((warn_unused_result));

#endif
