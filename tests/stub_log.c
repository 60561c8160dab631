/* SPDX-License-Identifier: MIT */
#include "stub_log.h"

#include "log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EVENTS = 64, MAX_TEXT = 1024 };

static struct {
    char name[48];
    char text[MAX_TEXT];
    unsigned count;
} events[MAX_EVENTS];
static size_t event_count;

static size_t find(const char *event)
{
    size_t i = 0;
    while (i < event_count && strcmp(events[i].name, event) != 0)
        i++;
    return i;
}

unsigned stub_log_count(const char *event)
{
    size_t i = find(event);
    return i < event_count ? events[i].count : 0;
}

const char *stub_log_last(const char *event)
{
    size_t i = find(event);
    return i < event_count ? events[i].text : "";
}

void stub_log_reset(void)
{
    event_count = 0;
}

void log_event(enum log_level level, const char *event, const char *msg, const char *fields, ...)
{
    size_t i = find(event);
    if (i == MAX_EVENTS)
        abort();
    if (i == event_count) {
        snprintf(events[i].name, sizeof events[i].name, "%s", event);
        events[i].count = 0;
        event_count++;
    }
    events[i].count++;
    int len = snprintf(events[i].text, MAX_TEXT, "%s ", msg);
    if (fields && len < MAX_TEXT) {
        va_list args;
        va_start(args, fields);
        vsnprintf(events[i].text + len, (size_t)(MAX_TEXT - len), fields, args);
        va_end(args);
    }
    if (getenv("TICKD_TEST_LOG"))
        fprintf(stderr, "%d %s: %s\n", (int)level, event, events[i].text);
}

bool log_enabled(enum log_level level)
{
    (void)level;
    return true;
}

bool log_sample(struct log_sampler *s, int64_t mono_us, uint64_t *suppressed)
{
    (void)s, (void)mono_us;
    *suppressed = 0;
    return true;
}

void log_sample_reset(struct log_sampler *s)
{
    (void)s;
}

uint64_t log_dropped(void)
{
    return 0;
}
