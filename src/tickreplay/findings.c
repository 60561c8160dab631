/* SPDX-License-Identifier: MIT */
#include "findings.h"

#include "err.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 1024

void findings_init(struct findings *f, size_t examples_max)
{
    *f = (struct findings){.examples_max = examples_max};
}

void findings_fini(struct findings *f)
{
    for (size_t kind = 0; kind < FINDING_KINDS; kind++) {
        for (size_t i = 0; i < f->example_count[kind]; i++)
            free(f->examples[kind][i]);
        free(f->examples[kind]);
    }
    *f = (struct findings){0};
}

void findings_add(struct findings *f, enum finding kind, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    f->count[kind]++;
    size_t n = f->example_count[kind];
    if (n >= f->examples_max)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->examples[kind] = err_realloc(f->examples[kind], (n + 1) * sizeof *f->examples[kind]);
    f->examples[kind][n] = err_strdup(text);
    f->example_count[kind]++;
}

uint64_t findings_total(const struct findings *f)
{
    uint64_t sum = 0;
    for (size_t kind = 0; kind < FINDING_KINDS; kind++)
        sum += f->count[kind];
    return sum;
}

const char *finding_name(enum finding kind)
{
    static const char *const names[] = {
#define X(name, code, text) [FINDING_##name] = code,
        FINDING_TABLE(X)
#undef X
    };
    return names[kind];
}

const char *finding_text(enum finding kind)
{
    static const char *const texts[] = {
#define X(name, code, text) [FINDING_##name] = text,
        FINDING_TABLE(X)
#undef X
    };
    return texts[kind];
}
