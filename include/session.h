/* SPDX-License-Identifier: MIT */
/*
 * What tickd's database sessions have in common, from the configuration.
 */
#ifndef TICKD_SESSION_H
#define TICKD_SESSION_H

#include "config.h"
#include "pg.h"
#include "schema.h"

#define SESSION_APPLICATION_MAX 256

/* Options for a connection called `name` in logs; `application` is borrowed, like the
 * configuration. */
struct pg_options session_pg_options(const struct config *config, const char *name,
                                     const char *application);

/* application_name of the writing session of a group: "tickd:<group>". By it a stalled session of
 * our own is recognised. */
void session_application(char out[SESSION_APPLICATION_MAX], const char *group);

struct schema_options session_schema_options(const struct config *config);

#endif
