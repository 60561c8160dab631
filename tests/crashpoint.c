/* SPDX-License-Identifier: MIT */
/*
 * Usual path: armed before main(), from the environment; the point is passed N times; SIGKILL.
 * Possible failures: TICKD_CRASH names no point: exit 78 with the names there are.
 */
#include "crashpoint.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_CONFIG 78

#define NAME_OF(name, when) #name,
static const char *const names[] = {CRASHPOINTS(NAME_OF)};

static struct {
    enum crashpoint point;
    unsigned long left; /* passings until the end; 0: never */
    unsigned long wanted;
} armed;

static void refuse(const char *text)
{
    fprintf(stderr, "TICKD_CRASH=%s is not NAME[:N] of one of:", text);
    for (size_t i = 0; i < CRASHPOINT_COUNT; i++)
        fprintf(stderr, " %s", names[i]);
    fputc('\n', stderr);
    _exit(EXIT_CONFIG);
}

static unsigned long parse_count(const char *colon, const char *text)
{
    char *end;
    if (!*colon)
        return 1;
    unsigned long count = strtoul(colon + 1, &end, 10);
    if (*end || !count)
        refuse(text);
    return count;
}

__attribute__((constructor)) static void arm(void)
{
    const char *text = getenv("TICKD_CRASH");
    if (!text || !*text)
        return;
    size_t len = strcspn(text, ":");
    for (size_t i = 0; i < CRASHPOINT_COUNT; i++) {
        if (strlen(names[i]) != len || strncmp(names[i], text, len) != 0)
            continue;
        armed.point = (enum crashpoint)i;
        armed.left = armed.wanted = parse_count(text + len, text);
        unsetenv("TICKD_CRASH"); /* the configuration would refuse it as an unknown option */
        return;
    }
    refuse(text);
}

void crashpoint_pass(enum crashpoint point)
{
    if (point != armed.point || !armed.left || --armed.left)
        return;
    char line[128];
    int len = snprintf(line, sizeof line, "tickd: crash point %s, passing %lu\n", names[point],
                       armed.wanted);
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)len);
    (void)ignored;
    raise(SIGKILL);
}
