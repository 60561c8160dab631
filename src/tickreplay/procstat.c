/* SPDX-License-Identifier: MIT */
#include "procstat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads a small file of /proc/<pid>/ as a string. */
static bool read_file(int64_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
    return n > 0;
}

/* Fields 14 and 15, counted behind the name, which may hold blanks and parentheses. */
static bool parse_cpu(const char *stat, double *cpu_s)
{
    unsigned long user, system;
    const char *p = strrchr(stat, ')');
    if (!p ||
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return false;
    *cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

static int64_t kilobytes(const char *status, const char *key)
{
    const char *p = strstr(status, key);
    return p ? strtoll(p + strlen(key), NULL, 10) * 1024 : 0;
}

bool procstat_read(struct procstat *s, int64_t pid)
{
    char text[4096];
    if (!read_file(pid, "stat", text, sizeof text) || !parse_cpu(text, &s->cpu_s) ||
        !read_file(pid, "status", text, sizeof text))
        return false;
    s->rss_bytes = kilobytes(text, "\nVmRSS:");
    s->rss_peak_bytes = kilobytes(text, "\nVmHWM:");
    return true;
}
