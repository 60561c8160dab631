/* SPDX-License-Identifier: MIT */
#include "procfs.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads a small file whole; "" if that fails. */
static void read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, size - 1, file) : 0;
    text[len] = '\0';
    if (file)
        fclose(file);
}

/* The number behind a key at the beginning of a line. */
static double find_number(const char *text, const char *key)
{
    double value = 0;
    const char *line = strstr(text, key);
    if (line)
        sscanf(line + strlen(key), "%lf", &value);
    return value;
}

/* Fields of /proc/self/stat behind the program's name, which may hold anything; proc(5). */
static void read_stat(struct procfs *p)
{
    char text[1024];
    char boot[4096];
    read_text("/proc/self/stat", text, sizeof text);
    const char *fields = strrchr(text, ')');
    unsigned long user;
    unsigned long system;
    unsigned long long start;
    unsigned long bytes;
    long threads;
    long pages;
    if (!fields || sscanf(fields + 1,
                          " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld"
                          " %*d %llu %lu %ld",
                          &user, &system, &threads, &start, &bytes, &pages) != 6)
        return;
    double hz = (double)sysconf(_SC_CLK_TCK);
    read_text("/proc/stat", boot, sizeof boot);
    p->cpu_s = (double)(user + system) / hz;
    p->threads = threads;
    p->virtual_bytes = (int64_t)bytes;
    p->resident_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
    p->started_s = find_number(boot, "\nbtime ") + (double)start / hz;
}

static int64_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t count = -3; /* ".", ".." and the directory's own */
    if (!dir)
        return 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

void procfs_read(struct procfs *p)
{
    struct rlimit limit;
    *p = (struct procfs){0};
    read_stat(p);
    p->open_fds = count_fds();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        p->max_fds = (int64_t)limit.rlim_cur;
}
