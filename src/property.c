/* SPDX-License-Identifier: MIT */
#include "property.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RUNS_CODE "would run code inside tickd; not settable"
#define IN_THE_DB "offsets are kept in the database, with the rows; not settable"
#define SET_BY_US "tickd sets it itself"
#define CLASSIC   "tickd speaks the classic group protocol with eager rebalancing; not settable"

static const struct {
    const char *name;
    const char *why;
} refused[] = {
    {"plugin.library.paths", RUNS_CODE},
    {"sasl.kerberos.kinit.cmd", RUNS_CODE},
    {"ssl.engine.location", RUNS_CODE},
    {"ssl.engine.id", RUNS_CODE},
    {"ssl.providers", RUNS_CODE},
    {"interceptors", RUNS_CODE},
    {"enable.auto.commit", IN_THE_DB},
    {"auto.commit.enable", IN_THE_DB},
    {"auto.commit.interval.ms", IN_THE_DB},
    {"enable.auto.offset.store", IN_THE_DB},
    {"offset.store.method", IN_THE_DB},
    {"offset.store.path", IN_THE_DB},
    {"offset.store.sync.interval.ms", IN_THE_DB},
    {"auto.offset.reset", "use start_from and on_offset_gap"},
    {"group.id", "use group"},
    {"group.protocol", CLASSIC},
    {"group.protocol.type", CLASSIC},
    {"group.remote.assignor", CLASSIC},
    {"metadata.broker.list", "use kafka.bootstrap.servers"},
    {"enabled_events", SET_BY_US},
    {"enable.partition.eof", SET_BY_US},
    {"internal.termination.signal", SET_BY_US},
    {"log.queue", SET_BY_US},
    {"statistics.interval.ms", SET_BY_US},
};

/* Properties which librdkafka puts into the command line of kinit as they stand. */
static const char *const in_kinit_command[] = {
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
};

static const char *const secret_parts[] = {"password", "passphrase", "secret", "key.pem"};

static const char *const secret_files[] = {
    "ssl.key.location",
    "ssl.keystore.location",
    "sasl.kerberos.keytab",
};

static bool check_strategy(const char *value, struct err *e)
{
    for (const char *p = value;;) {
        size_t len = strcspn(p, ",");
        bool range = len == strlen("range") && strncasecmp(p, "range", len) == 0;
        bool roundrobin = len == strlen("roundrobin") && strncasecmp(p, "roundrobin", len) == 0;
        if (!range && !roundrobin)
            break;
        if (p[len] == '\0')
            return true;
        p += len + 1;
    }
    err_set(e, "expected range or roundrobin; cooperative-sticky is not offered because librdkafka "
               "before 2.6.1 loses or repeats assignments with it");
    return false;
}

bool property_check(const char *name, const char *value, struct err *e)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strcmp(refused[i].name, name) == 0) {
            err_set(e, "%s", refused[i].why);
            return false;
        }
    }
    for (size_t i = 0; i < sizeof in_kinit_command / sizeof in_kinit_command[0]; i++) {
        size_t good = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "._/@-");
        if (strcmp(in_kinit_command[i], name) == 0 && value[good]) {
            err_set(e,
                    "stands in a shell command of librdkafka; expected letters, digits and ._/@- "
                    "only");
            return false;
        }
    }
    size_t len = strlen(value);
    if (len == 0) {
        err_set(e, "empty; leave the line out for librdkafka's default");
        return false;
    }
    bool quoted = len > 1 && value[0] == '"' && value[len - 1] == '"';
    if (quoted && !property_is_secret(name)) {
        err_set(e, "quotes are not taken off; write the value without");
        return false;
    }
    if (strcmp(name, "partition.assignment.strategy") == 0)
        return check_strategy(value, e);
    return true;
}

static bool is_true(const char *value)
{
    return strcasecmp(value, "true") == 0 || strcasecmp(value, "t") == 0 || strcmp(value, "1") == 0;
}

static bool is_false(const char *value)
{
    return strcasecmp(value, "false") == 0 || strcasecmp(value, "f") == 0 ||
           strcmp(value, "0") == 0;
}

const char *property_weakness(const char *name, const char *value)
{
    if (strcmp(name, "enable.ssl.certificate.verification") == 0 && is_false(value))
        return "the broker's certificate is not checked: anyone can pose as the broker";
    if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 &&
        strcasecmp(value, "none") == 0)
        return "the broker's name is not checked against its certificate";
    if (strcmp(name, "enable.sasl.oauthbearer.unsecure.jwt") == 0 && is_true(value))
        return "unsigned tokens are for tests only";
    if (strcmp(name, "security.protocol") == 0 && strcasecmp(value, "sasl_plaintext") == 0)
        return "the connection is not encrypted; with mechanism PLAIN the password can be read on "
               "the way";
    return NULL;
}

bool property_is_secret(const char *name)
{
    for (size_t i = 0; i < sizeof secret_parts / sizeof secret_parts[0]; i++) {
        if (strcasestr(name, secret_parts[i]))
            return true;
    }
    size_t len = strlen(name);
    bool is_token = len >= 5 && strcasecmp(name + len - 5, "token") == 0;
    return is_token || strcasecmp(name, "sasl.oauthbearer.config") == 0 ||
           strcasecmp(name, "ssl_key") == 0;
}

bool property_names_secret_file(const char *name)
{
    for (size_t i = 0; i < sizeof secret_files / sizeof secret_files[0]; i++) {
        if (strcasecmp(name, secret_files[i]) == 0)
            return true;
    }
    return false;
}

char *property_from_env(const char *env, size_t len)
{
    char *name = err_malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        name[i] = env[i] == '_' ? '.' : (char)tolower((unsigned char)env[i]);
    name[len] = '\0';
    return name;
}
