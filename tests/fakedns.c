/* SPDX-License-Identifier: MIT */
#include "fakedns.h"

#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released_cond = PTHREAD_COND_INITIALIZER;
static bool released;
static int waiting;
static int lookups;

typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int look_up_address(const char *address, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list)
{
    lookup_fn *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real); /* ISO C has no cast from void * to a function */
    return real(address, service, hints, list);
}

static void wait_for_release(void)
{
    pthread_mutex_lock(&lock);
    waiting++;
    while (!released)
        pthread_cond_wait(&released_cond, &lock);
    waiting--;
    pthread_mutex_unlock(&lock);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    const char *dot = name ? strrchr(name, '.') : NULL;
    if (!dot || strcmp(dot, ".test") != 0)
        return look_up_address(name, service, hints, list);
    pthread_mutex_lock(&lock);
    lookups++;
    pthread_mutex_unlock(&lock);
    if (!strcmp(name, "slow.test"))
        wait_for_release();
    else if (strcmp(name, "one.test") && strcmp(name, "two.test"))
        return EAI_NONAME;
    int rc = look_up_address("127.0.0.1", service, hints, list);
    if (rc == 0 && !strcmp(name, "two.test"))
        rc = look_up_address("127.0.0.2", service, hints, &(*list)->ai_next);
    return rc;
}

void fakedns_reset(void)
{
    pthread_mutex_lock(&lock);
    released = false;
    lookups = 0;
    pthread_mutex_unlock(&lock);
}

int fakedns_waiting(void)
{
    pthread_mutex_lock(&lock);
    int n = waiting;
    pthread_mutex_unlock(&lock);
    return n;
}

void fakedns_release(void)
{
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_broadcast(&released_cond);
    pthread_mutex_unlock(&lock);
}

static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        abort();
    for (const struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

void fakedns_end_threads(void)
{
    fakedns_release();
    while (count_threads() > 1)
        usleep(1000);
}

int fakedns_lookups(void)
{
    pthread_mutex_lock(&lock);
    int n = lookups;
    pthread_mutex_unlock(&lock);
    return n;
}
