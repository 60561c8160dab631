/* SPDX-License-Identifier: MIT */
#include "commit.h"

const char *commit_outcome_name(enum commit_outcome outcome)
{
    static const char *const names[] = {
        [COMMIT_DONE] = "done",   [COMMIT_CLASH] = "clash",   [COMMIT_FENCED] = "fenced",
        [COMMIT_RETRY] = "retry", [COMMIT_HOLD] = "hold",     [COMMIT_TOO_LARGE] = "too_large",
        [COMMIT_LOST] = "lost",   [COMMIT_BROKEN] = "broken",
    };
    return names[outcome];
}
