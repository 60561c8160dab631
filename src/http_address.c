/* SPDX-License-Identifier: MIT */
#include "http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"

static bool parse_unix(struct http_address *a, const char *path, struct err *e)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&a->address;
    if (path[0] != '/' || strlen(path) >= sizeof un->sun_path) {
        err_set(e, "%s", path[0] != '/' ? "not an absolute path" : "path too long");
        return false;
    }
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, path);
    a->len = sizeof *un;
    return true; /* `loopback` stays false: no browser gets there by a name */
}

static bool parse_port(const char *text, in_port_t *port)
{
    size_t len = strlen(text);
    unsigned long value = strtoul(text, NULL, 10);
    *port = htons((in_port_t)value);
    return len > 0 && len <= 5 && strspn(text, "0123456789") == len && value <= 65535;
}

static bool set_ip(struct http_address *a, const char *host, in_port_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->address;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        a->len = sizeof *v4;
        a->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        a->len = sizeof *v6;
        a->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return true;
    }
    return false;
}

/* Copies the host of "host:port" or "[host]:port" without brackets; returns the port, or NULL. */
static const char *split(const char *text, char *host, size_t size)
{
    bool bracket = text[0] == '[';
    const char *colon = bracket ? strstr(text, "]:") : strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) - bracket : 0;
    if (!colon || len >= size)
        return NULL;
    memcpy(host, text + bracket, len);
    host[len] = '\0';
    if (!bracket && strchr(host, ':')) /* an IPv6 address without brackets */
        return NULL;
    return colon + 1 + bracket;
}

bool http_address_parse(struct http_address *a, const char *text, struct err *e)
{
    char host[INET6_ADDRSTRLEN];
    in_port_t port;
    memset(a, 0, sizeof *a);
    a->off = strcmp(text, "off") == 0;
    if (a->off)
        return true;
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return parse_unix(a, text + strlen(UNIX_PREFIX), e);
    const char *digits = split(text, host, sizeof host);
    if (digits && parse_port(digits, &port) && set_ip(a, host, port))
        return true;
    err_set(e, "not an address to listen on");
    return false;
}

bool http_address_mend(char **value, struct err *e)
{
    struct http_address a;
    return http_address_parse(&a, *value, e);
}

/* True if `name` is an address: no other page can be called so. */
static bool is_address(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

bool http_address_allows(const struct http_address *a, const char *host)
{
    char name[256];
    if (!a->loopback || !host)
        return true;
    if (!split(host, name, sizeof name)) {
        size_t len = strcspn(host, "]");
        bool bracket = host[0] == '[';
        snprintf(name, sizeof name, "%.*s", (int)(bracket ? len - 1 : len), host + bracket);
    }
    return strcasecmp(name, "localhost") == 0 || is_address(name);
}
