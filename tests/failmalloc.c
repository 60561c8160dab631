/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program (LD_PRELOAD): lets allocations fail.
 *
 * FAILMALLOC_AT=N lets the N-th one fail, counted over all threads from the program's start, or,
 * with FAILMALLOC_LATER set, from SIGUSR2 on; with FAILMALLOC_ALL set, all after it, too. A line on
 * stderr says that it has happened.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own, under the names that it keeps for those who replace malloc. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static atomic_long count;
static atomic_bool counting;
static long at;
static bool all;

static void on_signal(int signum)
{
    (void)signum;
    atomic_store(&counting, true);
}

__attribute__((constructor)) static void arm(void)
{
    const char *text = getenv("FAILMALLOC_AT");
    all = getenv("FAILMALLOC_ALL") != NULL;
    at = text ? atol(text) : 0;
    if (getenv("FAILMALLOC_LATER"))
        signal(SIGUSR2, on_signal);
    else
        atomic_store(&counting, at > 0);
}

static void tell(void)
{
    static const char text[] = "failmalloc: now\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
}

static bool fails(void)
{
    if (!atomic_load(&counting))
        return false;
    long now = atomic_fetch_add(&count, 1) + 1;
    if (now == at)
        tell();
    if (now != at && !(all && now > at))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}
