/* SPDX-License-Identifier: MIT */
#include "confenv.h"

#include "options.h"
#include "optval.h"
#include "property.h"
#include "slurp.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX       "TICKD_"
#define KAFKA_PREFIX "TICKD_KAFKA_"
#define BROKERS      "bootstrap.servers"
#define NAME_MAX_LEN 200

struct environment {
    char *const *list;
    setting_fn *fn;
    void *ctx;
};

/* The value of one variable, in either form. */
struct found {
    char *value; /* heap; NULL if neither is set */
    bool public; /* from a file that everyone may read */
    char origin[ERR_MAX / 2];
};

/* NULL if it is not set, or empty. */
static const char *get(char *const *list, const char *name)
{
    size_t len = strlen(name);
    for (; list && *list; list++) {
        if (strncmp(*list, name, len) == 0 && (*list)[len] == '=')
            return (*list)[len + 1] ? *list + len + 1 : NULL;
    }
    return NULL;
}

static bool read_value(struct found *f, const char *variable, const char *path, struct err *e)
{
    struct slurp file;
    if (!slurp_value(&file, path, e)) {
        err_wrap(e, "environment %s", variable);
        return false;
    }
    f->value = file.text;
    f->public = file.public;
    snprintf(f->origin, sizeof f->origin, "environment %s (%s)", variable, path);
    return true;
}

static bool look_up(const struct environment *env, const char *name, struct found *f, struct err *e)
{
    *f = (struct found){0};
    char file_name[NAME_MAX_LEN + sizeof "_FILE"];
    snprintf(file_name, sizeof file_name, "%.*s_FILE", NAME_MAX_LEN, name);
    const char *value = get(env->list, name);
    const char *path = get(env->list, file_name);
    if (value && path) {
        err_set(e, "environment: %s and %s are both set; expected one of them", name, file_name);
        return false;
    }
    if (path)
        return read_value(f, file_name, path, e);
    if (value) {
        f->value = err_strdup(value);
        snprintf(f->origin, sizeof f->origin, "environment %s", name);
    }
    return true;
}

static bool hand_over(const struct environment *env, const char *name, const struct found *f,
                      struct err *e)
{
    if (!f->value)
        return true;
    const struct setting s = {f->origin, name, f->value, f->public ? SETTING_PUBLIC_FILE : NULL};
    return env->fn(env->ctx, &s, e);
}

/* `f` was given under an old name, in the old unit. */
static bool scale(const struct option *o, const char *alias, struct found *f, struct err *e)
{
    if (!f->value)
        return true;
    struct err why;
    char *scaled = optval_scale(o, f->value, &why);
    if (!scaled)
        err_set(e, "environment %s = \"%.60s\": %s", alias, f->value, why.text);
    free(f->value);
    f->value = scaled;
    return scaled != NULL;
}

/* Both names are set: the newer wins, and its origin tells if that makes a difference. */
static void note_difference(struct found *f, const struct found *old, const char *alias)
{
    if (!f->value || !old->value || strcmp(f->value, old->value) == 0)
        return;
    size_t len = strlen(f->origin);
    snprintf(f->origin + len, sizeof f->origin - len, ", %s differs and is not used", alias);
}

/* `o` is NULL for a property. */
static bool read_with_alias(const struct environment *env, const char *name, const char *variable,
                            const char *alias, const struct option *o, struct err *e)
{
    struct found f = {0};
    struct found old = {0};
    bool ok = look_up(env, variable, &f, e) && look_up(env, alias, &old, e) &&
              (!o || scale(o, alias, &old, e));
    if (ok) {
        note_difference(&f, &old, alias);
        ok = hand_over(env, name, f.value ? &f : &old, e);
    }
    free(f.value);
    free(old.value);
    return ok;
}

static bool read_plain(const struct environment *env, const char *name, const char *variable,
                       struct err *e)
{
    struct found f;
    bool ok = look_up(env, variable, &f, e) && hand_over(env, name, &f, e);
    free(f.value);
    return ok;
}

char *confenv_name(const char *option)
{
    size_t len = strlen(option);
    char *name = err_malloc(sizeof PREFIX + len);
    memcpy(name, PREFIX, strlen(PREFIX));
    for (size_t i = 0; i <= len; i++)
        name[strlen(PREFIX) + i] = (char)toupper((unsigned char)option[i]);
    return name;
}

static bool read_option(const struct environment *env, const struct option *o, struct err *e)
{
    char *variable = confenv_name(o->name);
    bool ok = o->alias ? read_with_alias(env, o->name, variable, o->alias, o, e)
                       : read_plain(env, o->name, variable, e);
    free(variable);
    return ok;
}

static bool has_suffix(const char *s, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);
    return len >= n && memcmp(s + len - n, suffix, n) == 0;
}

/* Length of a variable's name without _FILE. */
static size_t strip_file(const char *name, size_t len)
{
    return has_suffix(name, len, "_FILE") ? len - strlen("_FILE") : len;
}

/* `entry` begins with KAFKA_PREFIX; its name has `len` bytes. */
static bool read_property(const struct environment *env, const char *entry, size_t len,
                          struct err *e)
{
    char variable[NAME_MAX_LEN + 1];
    len = strip_file(entry, len);
    if (len > NAME_MAX_LEN || len <= strlen(KAFKA_PREFIX)) {
        err_set(e, "environment %.*s: not the name of a property", (int)(len < 100 ? len : 100),
                entry);
        return false;
    }
    snprintf(variable, sizeof variable, "%.*s", (int)len, entry);
    char *property = property_from_env(entry + strlen(KAFKA_PREFIX), len - strlen(KAFKA_PREFIX));
    char name[sizeof "kafka." + NAME_MAX_LEN];
    snprintf(name, sizeof name, "kafka.%s", property);
    bool ok = strcmp(property, BROKERS) == 0 || read_plain(env, name, variable, e);
    free(property);
    return ok;
}

/* "TICKD_SERVICE_HOST=...", "TICKD_PORT=tcp://...", "TICKD_PORT_9187_TCP=...", ...: made for a
 * Kubernetes service named tickd. Its name has `len` bytes. */
static bool is_service_link(const char *entry, size_t len)
{
    static const char *const schemes[] = {"tcp://", "udp://", "sctp://"};
    char name[NAME_MAX_LEN + 1];
    snprintf(name, sizeof name, "%.*s", (int)(len < NAME_MAX_LEN ? len : NAME_MAX_LEN), entry);
    const char *port = strstr(name, "_PORT_");
    if (strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") ||
        (port && isdigit((unsigned char)port[strlen("_PORT_")])))
        return true;
    if (!has_suffix(name, strlen(name), "_PORT") || entry[len] != '=')
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(entry + len + 1, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

/* `entry` begins with PREFIX, but not with KAFKA_PREFIX. */
static bool check_known(const char *entry, size_t len, struct err *e)
{
    char option[NAME_MAX_LEN + 1];
    const char *rest = entry + strlen(PREFIX);
    size_t n = strip_file(rest, len - strlen(PREFIX));
    n = n < NAME_MAX_LEN ? n : NAME_MAX_LEN;
    for (size_t i = 0; i < n; i++)
        option[i] = (char)tolower((unsigned char)rest[i]);
    option[n] = '\0';
    if (option_find(option) || is_service_link(entry, len))
        return true;
    const char *like = option_suggest(option);
    char *suggestion = confenv_name(like ? like : "...");
    err_set(e, "environment %.*s: unknown option; %s%s", (int)(len < 100 ? len : 100), entry,
            like ? "did you mean " : "tickd --help lists them all", like ? suggestion : "");
    free(suggestion);
    return false;
}

bool confenv_read(char *const *environ_, setting_fn *fn, void *ctx, struct err *e)
{
    const struct environment env = {environ_, fn, ctx};
    for (size_t i = 0; i < option_count; i++) {
        if (!read_option(&env, &option_table[i], e))
            return false;
    }
    if (!read_with_alias(&env, "kafka." BROKERS, "TICKD_KAFKA_BOOTSTRAP_SERVERS",
                         "KAFKA_BOOTSTRAP_SERVERS", NULL, e))
        return false;
    for (char *const *entry = environ_; entry && *entry; entry++) {
        size_t len = strcspn(*entry, "=");
        bool ok = true;
        if (strncmp(*entry, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0)
            ok = read_property(&env, *entry, len, e);
        else if (strncmp(*entry, PREFIX, strlen(PREFIX)) == 0)
            ok = check_known(*entry, len, e);
        if (!ok)
            return false;
    }
    return true;
}
