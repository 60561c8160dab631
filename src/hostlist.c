/* SPDX-License-Identifier: MIT */
#include "hostlist.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const char hint[] =
    "(in a URL, special characters of user and password must be percent-encoded)";

void hostlist_init(struct hostlist *l)
{
    *l = (struct hostlist){0};
}

void hostlist_fini(struct hostlist *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].name);
        free(l->items[i].addr);
        free(l->items[i].port);
    }
    free(l->items);
    hostlist_init(l);
}

void hostlist_copy(struct hostlist *to, const struct hostlist *from)
{
    hostlist_init(to);
    for (size_t i = 0; i < from->count; i++)
        hostlist_add(to, from->items[i].name, from->items[i].addr, from->items[i].port);
}

bool hostlist_add(struct hostlist *l, const char *name, const char *addr, const char *port)
{
    if (l->count == HOSTLIST_MAX)
        return false;
    l->items = err_realloc(l->items, (l->count + 1) * sizeof *l->items);
    l->items[l->count++] = (struct host){
        .name = err_strdup(name),
        .addr = err_strdup(addr),
        .port = err_strdup(port),
    };
    return true;
}

static size_t count_items(const char *list)
{
    size_t n = 1;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

/* The n-th item of a comma list; "" behind its end. The caller frees. */
static char *take_item(const char *list, size_t n)
{
    for (; n && *list; list++)
        n -= *list == ',';
    size_t len = strcspn(list, ",");
    char *item = err_malloc(len + 1);
    memcpy(item, list, len);
    item[len] = '\0';
    return item;
}

/* What is left of a password with an unencoded '@' or '/' in it looks like this. */
static bool check_host(const char *name, const char *port, struct err *e)
{
    if (*name && strchr(name + 1, '@')) {
        err_set(e, "the host name contains '@' %s", hint);
        return false;
    }
    if (port[strspn(port, "0123456789")]) {
        err_set(e, "the port is not a number %s", hint);
        return false;
    }
    return true;
}

static bool parse_item(struct hostlist *l, const char *name, const char *addr, const char *port,
                       struct err *e)
{
    if (!check_host(name, port, e))
        return false;
    if (!hostlist_add(l, name, addr, port)) {
        err_set(e, "more than %d hosts", HOSTLIST_MAX);
        return false;
    }
    return true;
}

bool hostlist_parse(struct hostlist *l, const char *names, const char *addrs, const char *ports,
                    struct err *e)
{
    hostlist_init(l);
    names = names ? names : "";
    addrs = addrs ? addrs : "";
    ports = ports ? ports : "";
    size_t count = count_items(*addrs ? addrs : names);
    if (*names && count_items(names) != count) {
        err_set(e, "%zu host names for %zu host addresses", count_items(names), count);
        return false;
    }
    size_t port_count = count_items(ports);
    if (port_count != 1 && port_count != count) {
        err_set(e, "%zu ports for %zu hosts", port_count, count);
        return false;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        char *name = take_item(names, i);
        char *addr = take_item(addrs, i);
        char *port = take_item(ports, port_count == 1 ? 0 : i);
        ok = parse_item(l, name, addr, port, e);
        free(name);
        free(addr);
        free(port);
    }
    if (!ok)
        hostlist_fini(l);
    return ok;
}

bool host_is_name(const struct host *h)
{
    unsigned char address[sizeof(struct in6_addr)];
    return !*h->addr && *h->name && *h->name != '/' && *h->name != '@' &&
           inet_pton(AF_INET, h->name, address) != 1 && inet_pton(AF_INET6, h->name, address) != 1;
}

bool hostlist_has_names(const struct hostlist *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (host_is_name(&l->items[i]))
            return true;
    return false;
}

static const char *get_field(const struct host *h, enum hostlist_field field)
{
    switch (field) {
    case HOSTLIST_NAME:
        return h->name;
    case HOSTLIST_ADDR:
        return h->addr;
    case HOSTLIST_PORT:
        return h->port;
    }
    return "";
}

char *hostlist_join(const struct hostlist *l, size_t first, enum hostlist_field field)
{
    size_t size = 1;
    for (size_t i = 0; i < l->count; i++)
        size += strlen(get_field(&l->items[i], field)) + 1;
    char *list = err_malloc(size);
    char *end = list;
    for (size_t i = 0; i < l->count; i++) {
        if (i)
            *end++ = ',';
        end = stpcpy(end, get_field(&l->items[(first + i) % l->count], field));
    }
    *end = '\0';
    return list;
}
