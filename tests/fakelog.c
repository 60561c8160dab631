/* SPDX-License-Identifier: MIT */
#include "fakelog.h"

#include "log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char text[1 << 18];
static size_t len;

const char *fakelog_text(void)
{
    return text;
}

size_t fakelog_count(const char *event)
{
    size_t count = 0;
    char mark[64];
    snprintf(mark, sizeof mark, " %s: ", event);
    for (const char *at = text; (at = strstr(at, mark)); at++)
        count++;
    return count;
}

void fakelog_clear(void)
{
    len = 0;
    text[0] = '\0';
}

__attribute__((format(printf, 1, 0))) static void put(const char *fmt, va_list args)
{
    int n = vsnprintf(text + len, sizeof text - len, fmt, args);
    len = len + (size_t)n < sizeof text ? len + (size_t)n : sizeof text - 1;
}

__attribute__((format(printf, 1, 2))) static void put_text(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put(fmt, args);
    va_end(args);
}

void log_event(enum log_level level, const char *event, const char *msg, const char *fields, ...)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    put_text("%s %s: %s", levels[level], event, msg);
    if (fields) {
        va_list args;
        va_start(args, fields);
        put_text(" | ");
        put(fields, args);
        va_end(args);
    }
    put_text("\n");
}

bool log_enabled(enum log_level level)
{
    (void)level;
    return true;
}

/* The first of a row only. */
bool log_sample(struct log_sampler *s, int64_t mono_us, uint64_t *suppressed)
{
    (void)mono_us;
    *suppressed = 0;
    return s->seen++ == 0;
}

void log_sample_reset(struct log_sampler *s)
{
    *s = (struct log_sampler){0};
}
