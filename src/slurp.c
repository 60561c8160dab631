/* SPDX-License-Identifier: MIT */
#include "slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_MAX (1 << 16)

static bool is_public(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_mode & S_IROTH);
}

/* Reads until the end or one byte more than `limit`; false leaves errno. */
static bool read_all(int fd, struct slurp *s, size_t limit)
{
    size_t cap = 0;
    for (;;) {
        if (s->len + 1 >= cap) {
            cap = cap ? cap * 2 : 4096;
            s->text = err_realloc(s->text, cap);
        }
        ssize_t n = read(fd, s->text + s->len, cap - 1 - s->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        s->len += (size_t)n;
        s->text[s->len] = '\0';
        if (n == 0 || s->len > limit)
            return true;
    }
}

bool slurp(struct slurp *s, const char *path, size_t limit, struct err *e)
{
    *s = (struct slurp){0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && read_all(fd, s, limit);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (ok && s->len > limit) {
        ok = false;
        why = EFBIG;
    }
    if (!ok) {
        err_set(e, "%s: %s", path, strerror(why));
        free(s->text);
        *s = (struct slurp){0};
        errno = why;
        return false;
    }
    s->public = is_public(&st);
    return true;
}

bool slurp_is_public(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && is_public(&st);
}

static void cut(struct slurp *s, char c)
{
    if (s->len > 0 && s->text[s->len - 1] == c)
        s->text[--s->len] = '\0';
}

bool slurp_value(struct slurp *s, const char *path, struct err *e)
{
    if (!slurp(s, path, VALUE_MAX, e))
        return false;
    cut(s, '\n');
    cut(s, '\r');
    if (s->len > 0 && strlen(s->text) == s->len)
        return true;
    err_set(e, "%s: %s", path, s->len ? "holds a NUL byte" : "is empty");
    free(s->text);
    *s = (struct slurp){0};
    return false;
}
