/* SPDX-License-Identifier: MIT */
/*
 * Which librdkafka properties an operator may set through kafka.<name>, which of them are secret,
 * and which settings weaken the connection. Pure; whether librdkafka knows a name is its own to
 * say.
 */
#ifndef TICKD_PROPERTY_H
#define TICKD_PROPERTY_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

/* False if the property is refused: it would run code, tickd sets it itself, or the value cannot
 * work. `e` says why and what to use instead, without the value. */
bool property_check(const char *name, const char *value, struct err *e)
    __attribute__((warn_unused_result));

/* What is weakened by this setting, or NULL. Static storage. */
const char *property_weakness(const char *name, const char *value);

/* True if the value must never be shown (passwords, keys, tokens). */
bool property_is_secret(const char *name);

/* True if the value is the path of a file that holds a secret. */
bool property_names_secret_file(const char *name);

/* "SASL_PASSWORD" becomes "sasl.password", on the heap. */
char *property_from_env(const char *env, size_t len);

#endif
