/* SPDX-License-Identifier: MIT */
#include "procfs.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
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

static double clock_s(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Unix time of a moment that is told in seconds since the machine's start. The first answer stays:
 * the clock is set now and then, and a process whose start moves looks like one that was restarted.
 */
static double started_at(double after_boot_s)
{
    static double started_s;
    if (started_s == 0)
        started_s = clock_s(CLOCK_REALTIME) - clock_s(CLOCK_BOOTTIME) + after_boot_s;
    return started_s;
}

/* Fields of /proc/self/stat behind the program's name, which may hold anything; proc(5). */
static void read_stat(struct procfs *p)
{
    char text[1024];
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
    p->cpu_s = (double)(user + system) / hz;
    p->threads = threads;
    p->virtual_bytes = (int64_t)bytes;
    p->resident_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
    p->started_s = started_at((double)start / hz);
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
