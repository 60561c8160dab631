/* SPDX-License-Identifier: MIT */
#include "kafka_coord.h"

#include <stdio.h>
#include <string.h>

/* Asked once a second. A coordinator that died, and was replaced by another broker, is found by
 * librdkafka sooner than that. */
enum { GONE_AFTER = 5 };

static const char coordinator[] = "GroupCoordinator: ";

void kafka_coord_note(struct kafka_coord *c, const char *trouble)
{
    if (strncmp(trouble, coordinator, sizeof coordinator - 1) != 0)
        return;
    const char *address = trouble + sizeof coordinator - 1;
    const char *end = strstr(address, ": ");
    size_t len = end ? (size_t)(end - address) : 0;
    if (len == 0 || len >= sizeof c->address || memchr(address, ' ', len))
        return;
    /* Its name may have the number of the broker behind it: host:port/1. */
    const char *slash = memchr(address, '/', len);
    if (slash)
        len = (size_t)(slash - address);
    if (strncmp(c->address, address, len) == 0 && c->address[len] == '\0')
        return;
    snprintf(c->address, sizeof c->address, "%.*s", (int)len, address);
    c->absent = 0;
}

void kafka_coord_forget(struct kafka_coord *c)
{
    c->address[0] = '\0';
    c->absent = 0;
}

bool kafka_coord_is_suspect(const struct kafka_coord *c)
{
    return c->address[0] != '\0';
}

void kafka_coord_see(struct kafka_coord *c, const char *brokers)
{
    if (!kafka_coord_is_suspect(c))
        return;
    char wanted[sizeof c->address + 2];
    snprintf(wanted, sizeof wanted, " %s ", c->address);
    c->absent = strstr(brokers, wanted) ? 0 : c->absent + 1;
}

bool kafka_coord_is_gone(const struct kafka_coord *c)
{
    return c->absent >= GONE_AFTER;
}
