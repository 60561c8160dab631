/* SPDX-License-Identifier: MIT */
#include "health.h"

#include "app.h"
#include "err.h"
#include "http_address.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_S  3
#define ANSWER_MAX 65536

static const char request[] = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";

/* Who listens on all addresses is found on this machine's own. */
static void make_reachable(struct http_address *a)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->address;
    if (a->address.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY))
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (a->address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
        v6->sin6_addr = in6addr_loopback;
}

/* A connected socket, or -1 with errno. */
static int connect_to(const struct http_address *a)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
        connect(fd, (const struct sockaddr *)&a->address, a->len) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* Sends the request and reads the answer to its end, as text. False leaves errno. */
static bool ask(int fd, char *answer, size_t size)
{
    size_t len = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        return false;
    for (;;) {
        ssize_t n = recv(fd, answer + len, size - 1 - len, 0);
        if (n < 0)
            return false;
        len += (size_t)n;
        answer[len] = '\0';
        if (n == 0 || len == size - 1)
            return true;
    }
}

/* "HTTP/1.1 200 OK...", 0 if it is none. */
static long status_of(const char *answer)
{
    const char *space = strchr(answer, ' ');
    return strncmp(answer, "HTTP/1.", strlen("HTTP/1.")) == 0 && space ? strtol(space, NULL, 10)
                                                                       : 0;
}

static int judge(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    long status = status_of(answer);
    if (body)
        printf("%s\n", body + strlen("\r\n\r\n"));
    if (status == 0)
        fputs("tickd: whoever listens there is no tickd\n", stderr);
    return status == 200 ? EXIT_OK : EXIT_RUNTIME;
}

int health_run(const struct config *config)
{
    struct http_address address;
    struct err e;
    static char answer[ANSWER_MAX];
    if (!http_address_parse(&address, config->http_listen, &e)) {
        fprintf(stderr, "tickd: http_listen = %s: %s\n", config->http_listen, e.text);
        return EXIT_CONFIG;
    }
    if (address.off) {
        fputs("tickd: http_listen is off: there is nobody to ask\n", stderr);
        return EXIT_RUNTIME;
    }
    make_reachable(&address);
    int fd = connect_to(&address);
    bool answered = fd >= 0 && ask(fd, answer, sizeof answer);
    if (!answered)
        fprintf(stderr, "tickd: no answer from %s: %s\n", config->http_listen, strerror(errno));
    if (fd >= 0)
        close(fd);
    return answered ? judge(answer) : EXIT_RUNTIME;
}
