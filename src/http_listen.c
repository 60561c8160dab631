/* SPDX-License-Identifier: MIT */
#include "http_listen.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static const struct sockaddr *sockaddr_of(const struct http_address *a)
{
    return (const struct sockaddr *)&a->address;
}

static const char *path_of(const struct http_address *a)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->address;
    return a->address.ss_family == AF_UNIX ? un->sun_path : NULL;
}

/* True if the file is a socket that nobody listens on: left behind by a process that was killed. */
static bool is_left_behind(const struct http_address *a)
{
    struct stat file;
    if (lstat(path_of(a), &file) < 0 || !S_ISSOCK(file.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, sockaddr_of(a), a->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool bind_to(int fd, const struct http_address *a)
{
    if (bind(fd, sockaddr_of(a), a->len) == 0)
        return true;
    if (errno != EADDRINUSE || !path_of(a))
        return false;
    if (!is_left_behind(a)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(path_of(a)) == 0 && bind(fd, sockaddr_of(a), a->len) == 0;
}

/* Not so: a port that somebody else has, an address the machine has not got yet, no descriptors. */
static bool is_lasting(int error)
{
    switch (error) {
    case EACCES:
    case EAFNOSUPPORT:
    case ENOENT:
    case ENOTDIR:
    case EPERM:
    case EROFS:
        return true;
    default:
        return false;
    }
}

int http_listen_open(const struct http_address *a, bool *misconfigured, struct err *e)
{
    int yes = 1;
    int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !path_of(a))
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && bind_to(fd, a) && listen(fd, BACKLOG) == 0)
        return fd;
    *misconfigured = is_lasting(errno);
    err_set(e, "%s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void http_listen_close(const struct http_address *a, int fd)
{
    if (path_of(a))
        unlink(path_of(a));
    close(fd);
}
