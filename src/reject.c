/* SPDX-License-Identifier: MIT */
#include "reject.h"

#include <assert.h>

static const struct {
    const char *code;
    const char *text;
} reasons[] = {[REJECT_NONE] = {"none", "not rejected"},
#define X(name, code, text) [REJECT_##name] = {code, text},
               REJECT_TABLE(X)
#undef X
};

const char *reject_code(enum reject_reason reason)
{
    assert(reason < REJECT_COUNT);
    return reasons[reason].code;
}

const char *reject_text(enum reject_reason reason)
{
    assert(reason < REJECT_COUNT);
    return reasons[reason].text;
}
