/* SPDX-License-Identifier: MIT */
#include "sqlstate.h"

#include <stddef.h>
#include <string.h>

/* First match counts, so single codes stand before their class. */
static const struct {
    const char *prefix;
    enum sqlstate_class means;
} rules[] = {
    {"08P01", SQLSTATE_ENCODER},   {"22P04", SQLSTATE_ENCODER}, {"23505", SQLSTATE_CLASH},
    {"25006", SQLSTATE_LOST},      {"53300", SQLSTATE_LOST},    {"55P03", SQLSTATE_RETRY},
    {"53200", SQLSTATE_TOO_LARGE}, {"57014", SQLSTATE_RETRY},   {"57P01", SQLSTATE_LOST},
    {"57P02", SQLSTATE_LOST},      {"57P03", SQLSTATE_LOST},    {"57P04", SQLSTATE_LOST},
    {"57P05", SQLSTATE_LOST},      {"P0001", SQLSTATE_BAD_ROW}, {"TK001", SQLSTATE_FENCED},
    {"TK003", SQLSTATE_CHANGED},   {"08", SQLSTATE_LOST},       {"22", SQLSTATE_BAD_ROW},
    {"23", SQLSTATE_BAD_ROW},      {"40", SQLSTATE_RETRY},      {"53", SQLSTATE_RESOURCE},
    {"54", SQLSTATE_TOO_LARGE},    {"58", SQLSTATE_RESOURCE},   {"XX", SQLSTATE_CORRUPT},
};

enum sqlstate_class sqlstate_classify(const char *code)
{
    if (!code || !*code)
        return SQLSTATE_LOST;
    if (strlen(code) != 5)
        return SQLSTATE_MISCONFIG;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!strncmp(code, rules[i].prefix, strlen(rules[i].prefix)))
            return rules[i].means;
    return SQLSTATE_MISCONFIG;
}

const char *sqlstate_class_name(enum sqlstate_class c)
{
    static const char *const names[] = {
        [SQLSTATE_LOST] = "lost",
        [SQLSTATE_RETRY] = "retry",
        [SQLSTATE_TOO_LARGE] = "too_large",
        [SQLSTATE_RESOURCE] = "resource",
        [SQLSTATE_CLASH] = "clash",
        [SQLSTATE_BAD_ROW] = "bad_row",
        [SQLSTATE_CHANGED] = "changed",
        [SQLSTATE_FENCED] = "fenced",
        [SQLSTATE_MISCONFIG] = "misconfiguration",
        [SQLSTATE_ENCODER] = "encoder",
        [SQLSTATE_CORRUPT] = "corrupt",
    };
    return names[c];
}
