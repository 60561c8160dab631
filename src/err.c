/* SPDX-License-Identifier: MIT */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void err_set(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
}

void err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    char context[ERR_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);

    size_t len = strlen(context);
    if (len > sizeof e->text - sizeof ": ")
        len = sizeof e->text - sizeof ": ";
    memmove(e->text + len + 2, e->text, sizeof e->text - len - 2);
    memcpy(e->text, context, len);
    memcpy(e->text + len, ": ", 2);
    e->text[sizeof e->text - 1] = '\0';
}

void err_out_of_memory(void)
{
    static const char text[] = "tickd: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

void *err_malloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        err_out_of_memory();
    return p;
}

void *err_calloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        err_out_of_memory();
    return p;
}

void *err_realloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);
    if (!q)
        err_out_of_memory();
    return q;
}

char *err_strdup(const char *s)
{
    char *copy = strdup(s);
    if (!copy)
        err_out_of_memory();
    return copy;
}
