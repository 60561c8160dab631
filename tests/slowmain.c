/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program (LD_PRELOAD): librdkafka's main thread goes on only LATE_US after it was
 * woken, as on a busy machine, so that what happened meanwhile is there when it looks.
 *
 * For a librdkafka that waits with the threads of C11.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { LATE_US = 30000 };

typedef int wait_fn(cnd_t *, mtx_t *, const struct timespec *);

int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *until)
{
    wait_fn *real;
    void *symbol = dlsym(RTLD_NEXT, "cnd_timedwait");
    memcpy(&real, &symbol, sizeof real); /* ISO C has no cast from void * to a function */
    int rc = real(cond, mutex, until);
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    if (strcmp(name, "rdk:main") != 0)
        return rc;
    mtx_unlock(mutex);
    usleep(LATE_US);
    mtx_lock(mutex);
    return rc;
}
