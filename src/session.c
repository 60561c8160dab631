/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <stdio.h>

struct pg_options session_pg_options(const struct config *config, const char *name,
                                     const char *application)
{
    return (struct pg_options){
        .name = name,
        .conninfo = config->database_url,
        .application = application,
        .connect_timeout_ms = (uint32_t)config->connect_timeout_ms,
        .statement_timeout_ms = (uint32_t)config->statement_timeout_ms,
        .lock_timeout_ms = (uint32_t)config->lock_timeout_ms,
        .retry_min_ms = (uint32_t)config->retry_min_ms,
        .retry_max_ms = (uint32_t)config->retry_max_ms,
    };
}

void session_application(char out[SESSION_APPLICATION_MAX], const char *group)
{
    snprintf(out, SESSION_APPLICATION_MAX, "tickd:%s", group);
}

struct schema_options session_schema_options(const struct config *config)
{
    return (struct schema_options){
        .strict = config->schema_check == SCHEMA_STRICT,
        .require_hypertable = config->require_hypertable,
        .merge_updates = config->ties == TIES_LAST,
        .fk_check = config->fk_check,
    };
}
