/* SPDX-License-Identifier: MIT */
/*
 * Why something failed, in words for the operator.
 *
 * A function that can fail for reasons worth telling takes `struct err *` as its last parameter and
 * sets it exactly when it reports failure. Callers on the way up wrap it with what they were doing.
 */
#ifndef TICKD_ERR_H
#define TICKD_ERR_H

#include <stddef.h>

#define ERR_MAX 512

struct err {
    char text[ERR_MAX];
};

/* Sets the reason; cut at ERR_MAX - 1 bytes. `e` may be NULL. */
void err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<context>: " in front of the reason. `e` may be NULL. */
void err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Running out of memory is fatal, here and only here: says so on stderr and aborts. Losing nothing
 * by it is safe because offsets are committed with the rows. */
_Noreturn void err_out_of_memory(void);

/* malloc/calloc/realloc/strdup that do not return NULL (see err_out_of_memory). */
void *err_malloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *err_calloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *err_realloc(void *p, size_t size) __attribute__((alloc_size(2)));
char *err_strdup(const char *s) __attribute__((malloc));

#endif
