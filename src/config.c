/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "confcred.h"
#include "confenv.h"
#include "inifile.h"
#include "options.h"
#include "optval.h"
#include "property.h"
#include "setting.h"
#include "slurp.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX    (1 << 20)
#define FILE_SUFFIX "_file"

#define EXPOSED_FLAG                                                                               \
    "a secret on the command line is visible to every user; put it into the file or a *_FILE"      \
    " variable"

/* The value as it may be shown in a message: short, on one line. */
static void show(const char *value, char out[64])
{
    size_t n = 0;
    for (; n < 60 && value[n]; n++)
        out[n] = (unsigned char)value[n] < ' ' || value[n] == 0x7F ? '?' : value[n];
    strcpy(out + n, value[n] ? "..." : "");
}

static bool refuse(const struct setting *s, bool secret, const char *why, struct err *e)
{
    char shown[64];
    show(s->value, shown);
    /* Somebody has put a comment behind the value. */
    bool comment = strstr(s->value, " #") || strstr(s->value, " ;");
    const char *hint = comment && !secret ? " (a comment needs a line of its own)" : "";
    if (secret)
        err_set(e, "%s: %s: %s", s->origin, s->name, why);
    else
        err_set(e, "%s: %s = \"%s\": %s%s", s->origin, s->name, shown, why, hint);
    return false;
}

static void set_string(char **to, const char *value)
{
    char *copy = err_strdup(value);
    free(*to);
    *to = copy;
}

static struct config_property *find_property(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->kafka_count; i++) {
        if (strcmp(c->kafka[i].name, name) == 0)
            return &c->kafka[i];
    }
    return NULL;
}

static void set_property(struct config *c, const char *name, const char *value, const char *origin)
{
    struct config_property *p = find_property(c, name);
    if (!p) {
        c->kafka = err_realloc(c->kafka, (c->kafka_count + 1) * sizeof *c->kafka);
        p = &c->kafka[c->kafka_count++];
        *p = (struct config_property){.name = err_strdup(name)};
    }
    set_string(&p->value, value);
    set_string(&p->origin, origin);
}

static bool apply_property(struct config *c, const struct setting *s, struct err *e)
{
    const char *name = s->name + strlen("kafka.");
    bool secret = property_is_secret(name);
    struct err why;
    if (!property_check(name, s->value, &why))
        return refuse(s, secret, why.text, e);
    if (secret && s->exposed)
        return refuse(s, secret, s->exposed, e);
    if (property_names_secret_file(name) && slurp_is_public(s->value))
        return refuse(s, secret, "every user may read this file; chmod 640 it", e);
    set_property(c, name, s->value, s->origin);
    return true;
}

static bool holds_secret(const struct option *o, const struct config *c)
{
    if (!o->holds_secret)
        return false;
    char *value = optval_get(o, c);
    bool secret = o->holds_secret(value);
    free(value);
    return secret;
}

static bool apply_option(struct config *c, const struct option *o, const struct setting *s,
                         struct err *e)
{
    struct err why;
    if (!optval_set(o, c, s->value, &why))
        return refuse(s, o->holds_secret != NULL, why.text, e);
    if (s->exposed && holds_secret(o, c))
        return refuse(s, true, s->exposed, e);
    set_string(&c->origins[option_index(o)], s->origin);
    return true;
}

static bool refuse_unknown(const struct setting *s, struct err *e)
{
    const char *like = option_suggest(s->name);
    if (strchr(s->name, '.'))
        err_set(e, "%s: %s: unknown option; did you mean kafka.%s?", s->origin, s->name, s->name);
    else if (like)
        err_set(e, "%s: %s: unknown option; did you mean %s?", s->origin, s->name, like);
    else
        err_set(e, "%s: %s: unknown option; tickd --help lists them all", s->origin, s->name);
    return false;
}

static bool apply(void *ctx, const struct setting *s, struct err *e)
{
    struct config *c = ctx;
    if (strncmp(s->name, "kafka.", strlen("kafka.")) == 0)
        return apply_property(c, s, e);
    const struct option *o = option_find(s->name);
    return o ? apply_option(c, o, s, e) : refuse_unknown(s, e);
}

static bool apply_defaults(struct config *c, struct err *e)
{
    c->origins = err_calloc(option_count, sizeof *c->origins);
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        const struct setting s = {"default", o->name, o->fallback, NULL};
        if (!apply(c, &s, e))
            return false;
    }
    const struct setting s = {"default", "kafka.bootstrap.servers", "localhost:9092", NULL};
    return apply(c, &s, e);
}

struct reading {
    struct config *config;
    const char *path;
    bool public;
};

/* True if an earlier line of the file has set this. */
static bool is_duplicate(const struct reading *r, const char *name, const char **origin)
{
    const struct option *o = option_find(name);
    *origin = NULL;
    if (o) {
        *origin = r->config->origins[option_index(o)];
    } else if (strncmp(name, "kafka.", strlen("kafka.")) == 0) {
        const struct config_property *p = find_property(r->config, name + strlen("kafka."));
        *origin = p ? p->origin : NULL;
    }
    return *origin && strcmp(*origin, "default") != 0;
}

static bool apply_line(const struct reading *r, const char *origin, const char *name,
                       const char *value, bool public, struct err *e)
{
    const char *before;
    if (is_duplicate(r, name, &before)) {
        err_set(e, "%s: %s: stands at %s already; expected once", origin, name, before);
        return false;
    }
    const struct setting s = {origin, name, value, public ? SETTING_PUBLIC_FILE : NULL};
    return apply(r->config, &s, e);
}

/* "kafka.sasl.password_file = PATH": the value is in a file of its own. */
static bool apply_value_of_file(const struct reading *r, const char *where, const char *key,
                                const char *path, struct err *e)
{
    char origin[ERR_MAX];
    struct slurp file;
    if (!slurp_value(&file, path, e)) {
        err_wrap(e, "%s: %s", where, key);
        return false;
    }
    char *name = err_strdup(key);
    name[strlen(key) - strlen(FILE_SUFFIX)] = '\0';
    snprintf(origin, sizeof origin, "%s (%.*s)", where, ERR_MAX / 4, path);
    bool ok = apply_line(r, origin, name, file.text, file.public, e);
    free(name);
    free(file.text);
    return ok;
}

static bool on_pair(void *ctx, unsigned line, const char *key, const char *value, struct err *e)
{
    const struct reading *r = ctx;
    char origin[ERR_MAX / 2];
    size_t len = strlen(key);
    snprintf(origin, sizeof origin, "%s:%u", r->path, line);
    bool in_file =
        len > strlen(FILE_SUFFIX) && strcmp(key + len - strlen(FILE_SUFFIX), FILE_SUFFIX) == 0;
    return in_file ? apply_value_of_file(r, origin, key, value, e)
                   : apply_line(r, origin, key, value, r->public, e);
}

static bool apply_file(struct config *c, const char *path, struct err *e)
{
    bool given = path != NULL;
    struct slurp file;
    if (!given)
        path = CONFIG_DEFAULT_PATH;
    if (!slurp(&file, path, FILE_MAX, e))
        return !given && errno == ENOENT;
    struct reading r = {c, path, file.public};
    bool ok = inifile_parse(path, file.text, file.len, on_pair, &r, e);
    free(file.text);
    return ok;
}

static bool apply_flags(struct config *c, char *const *flags, struct err *e)
{
    for (; flags && *flags; flags++) {
        const char *equals = strchr(*flags, '=');
        if (!equals) {
            err_set(e, "command line: %s: no value; expected --%s=VALUE", *flags, *flags);
            return false;
        }
        char *name = err_strdup(*flags);
        name[equals - *flags] = '\0';
        const struct setting s = {"command line", name, equals + 1, EXPOSED_FLAG};
        bool ok = apply(c, &s, e);
        free(name);
        if (!ok)
            return false;
    }
    return true;
}

/* Two options that contradict each other. */
static bool check_order(const struct config *c, const char *low, const char *high, struct err *e)
{
    const struct option *l = option_find(low);
    const struct option *h = option_find(high);
    char *low_text = optval_get(l, c);
    char *high_text = optval_get(h, c);
    bool ok = strtoll(low_text, NULL, 10) <= strtoll(high_text, NULL, 10);
    if (!ok)
        err_set(e, "%s = %s %s (%s) is above %s = %s %s (%s)", low, low_text, l->unit,
                c->origins[option_index(l)], high, high_text, h->unit, c->origins[option_index(h)]);
    free(low_text);
    free(high_text);
    return ok;
}

static void free_property(struct config_property *p)
{
    free(p->name);
    free(p->value);
    free(p->origin);
}

void config_fini(struct config *c)
{
    for (size_t i = 0; i < option_count; i++) {
        optval_fini(&option_table[i], c);
        if (c->origins)
            free(c->origins[i]);
    }
    for (size_t i = 0; i < c->kafka_count; i++)
        free_property(&c->kafka[i]);
    free(c->origins);
    free(c->kafka);
    *c = (struct config){0};
}

bool config_load(struct config *c, const struct config_source *source, struct err *e)
{
    *c = (struct config){0};
    if (apply_defaults(c, e) && apply_file(c, source->path, e) &&
        confcred_read(source->environ_, apply, c, e) &&
        confenv_read(source->environ_, apply, c, e) && apply_flags(c, source->flags, e) &&
        check_order(c, "lock_timeout_ms", "statement_timeout_ms", e) &&
        check_order(c, "retry_min_ms", "retry_max_ms", e) &&
        check_order(c, "pairs_refresh_min_ms", "pairs_refresh_ms", e))
        return true;
    config_fini(c);
    return false;
}

/* Appends a name to a comma-separated list if it fits. */
static void add_name(char *list, size_t size, const char *prefix, const char *name)
{
    size_t len = strlen(list);
    if (len + strlen(prefix) + strlen(name) + 2 < size)
        snprintf(list + len, size - len, "%s%s%s", len ? "," : "", prefix, name);
}

/* True if the option was taken; counts on `fresh` being valid. */
static bool reload_option(struct config *c, const struct config *fresh, const struct option *o)
{
    char *value = optval_get(o, fresh);
    struct err why;
    bool taken = optval_set(o, c, value, &why);
    if (taken)
        set_string(&c->origins[option_index(o)], fresh->origins[option_index(o)]);
    free(value);
    return taken;
}

static bool is_changed(const struct config *c, const struct config *fresh, const struct option *o)
{
    char *before = optval_get(o, c);
    char *after = optval_get(o, fresh);
    bool changed = strcmp(before, after) != 0;
    free(before);
    free(after);
    return changed;
}

/* Names the properties of `a` that `b` has not, or, if `values`, has with another value. */
static void compare_properties(const struct config *a, const struct config *b, bool values,
                               char *ignored, size_t size)
{
    for (size_t i = 0; i < a->kafka_count; i++) {
        const struct config_property *other = find_property(b, a->kafka[i].name);
        if (!other || (values && strcmp(other->value, a->kafka[i].value) != 0))
            add_name(ignored, size, "kafka.", a->kafka[i].name);
    }
}

size_t config_reload(struct config *c, const struct config *fresh, char *ignored, size_t size)
{
    size_t taken = 0;
    ignored[0] = '\0';
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (!is_changed(c, fresh, o))
            continue;
        if (o->reloadable && reload_option(c, fresh, o))
            taken++;
        else
            add_name(ignored, size, "", o->name);
    }
    compare_properties(c, fresh, true, ignored, size);
    compare_properties(fresh, c, false, ignored, size);
    return taken;
}

void config_property_error(const struct config_property *p, const char *why, struct err *e)
{
    char name[128];
    snprintf(name, sizeof name, "kafka.%s", p->name);
    const struct setting s = {p->origin, name, p->value, NULL};
    refuse(&s, property_is_secret(p->name), why, e);
}

bool config_property_is_secret(const char *name)
{
    return property_is_secret(name);
}

static void warn(const struct config_property *p, const char *why,
                 void (*fn)(void *ctx, const char *text), void *ctx)
{
    struct err text;
    config_property_error(p, why, &text);
    fn(ctx, text.text);
}

void config_each_warning(const struct config *c, void (*fn)(void *ctx, const char *text), void *ctx)
{
    for (size_t i = 0; i < c->kafka_count; i++) {
        const struct config_property *p = &c->kafka[i];
        const char *weakness = property_weakness(p->name, p->value);
        if (weakness)
            warn(p, weakness, fn, ctx);
        if (!property_is_secret(p->name) && (strstr(p->value, " #") || strstr(p->value, " ;")))
            warn(p, "taken as it stands", fn, ctx);
    }
}
