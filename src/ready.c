/* SPDX-License-Identifier: MIT */
#include "ready.h"

static const struct {
    const char *name;
    const char *text;
} conditions[] = {
#define X(name, word, text) [READY_##name] = {word, text},
    READY_TABLE(X)
#undef X
};

const char *ready_name(enum ready_condition condition)
{
    return conditions[condition].name;
}

const char *ready_text(enum ready_condition condition)
{
    return conditions[condition].text;
}

/* Both sessions look at the schema, the writing one only when it has reason to. */
static bool has_schema(const struct vital_facts *f)
{
    return f->schema && schema_is_usable(f->schema) &&
           (f->database_usable || !f->database_connected);
}

bool ready_is_met(enum ready_condition condition, const struct vitals *v)
{
    const struct vital_facts *f = &v->facts;
    switch (condition) {
    case READY_RUNNING:
        return !f->stopping;
    case READY_DATABASE:
        return f->database_connected && f->service_connected;
    case READY_SCHEMA:
        return has_schema(f);
    case READY_PAIRS:
        return f->pairs_loaded;
    case READY_BROKER:
        return f->kafka_up;
    case READY_PARTITIONS:
        return f->partition_count > 0;
    case READY_OFFSETS:
        return f->pipeline != PIPELINE_SYNCING;
    case READY_GAPS:
        return f->partitions_stopped == 0;
    case READY_COMMITS:
        return f->commit_failures < READY_FAILURES;
    case READY_LAG:
        return v->max_lag == 0 || v->lag <= v->max_lag;
    case READY_COUNT:
        break;
    }
    return true;
}

unsigned ready_unmet(const struct vitals *v)
{
    unsigned unmet = 0;
    for (int c = 0; c < READY_COUNT; c++)
        unmet |= (unsigned)!ready_is_met((enum ready_condition)c, v) << c;
    return unmet;
}

bool ready(const struct vitals *v)
{
    return ready_unmet(v) == 0;
}
