/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "confenv.h"
#include "options.h"
#include "optval.h"
#include "property.h"
#include <stdlib.h>
#include <string.h>

/* The value as it may be shown, on the heap. */
static char *masked(const struct option *o, const struct config *c)
{
    char *value = optval_get(o, c);
    if (!o->mask)
        return value;
    char *shown = o->mask(value);
    free(value);
    return shown;
}

char *config_shown(const struct config *c, const char *name)
{
    return masked(option_find(name), c);
}

void config_each_shown(const struct config *c,
                       void (*fn)(void *ctx, const char *name, const char *value,
                                  const char *origin),
                       void *ctx)
{
    for (size_t i = 0; i < option_count; i++) {
        char *value = masked(&option_table[i], c);
        fn(ctx, option_table[i].name, value, c->origins[i]);
        free(value);
    }
    for (size_t i = 0; i < c->kafka_count; i++) {
        const struct config_property *p = &c->kafka[i];
        char name[256];
        snprintf(name, sizeof name, "kafka.%s", p->name);
        fn(ctx, name, property_is_secret(p->name) ? "***" : p->value, p->origin);
    }
}

static void print_property(const struct config_property *p, FILE *out)
{
    const char *value = property_is_secret(p->name) ? "***" : p->value;
    fprintf(out, "# %s\n", p->origin);
    if (strchr(value, '\n')) /* certificates; a file cannot hold them */
        fprintf(out, "# kafka.%s: several lines, not shown\n", p->name);
    else
        fprintf(out, "kafka.%s = %s\n", p->name, value);
}

void config_print(const struct config *c, FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        char *value = masked(o, c);
        if (strcmp(section, o->section) != 0)
            fprintf(out, "%s# ---- %s\n", i ? "\n" : "", o->section);
        section = o->section;
        fprintf(out, "# %s\n%s =%s%s\n", c->origins[i], o->name, *value ? " " : "", value);
        free(value);
    }
    fputs("\n# ---- librdkafka\n", out);
    for (size_t i = 0; i < c->kafka_count; i++)
        print_property(&c->kafka[i], out);
}

/* Length of the first sentence; "..." does not end one. */
static int first_sentence(const char *help)
{
    const char *end = help;
    while ((end = strstr(end, ". ")) && end[-1] == '.')
        end++;
    return (int)(end ? (size_t)(end - help) + 1 : strlen(help));
}

void config_print_help(FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        if (strcmp(section, o->section) != 0)
            fprintf(out, "\n%s:\n", o->section);
        section = o->section;
        fprintf(out, "  --%s=%s%s%s\n      %.*s\n", o->name, *o->fallback ? o->fallback : "\"\"",
                *o->unit ? " " : "", o->unit, first_sentence(o->help), o->help);
    }
    fputs("\nlibrdkafka:\n"
          "  --kafka.bootstrap.servers=localhost:9092\n"
          "      Brokers to begin with.\n"
          "  --kafka.PROPERTY=VALUE\n"
          "      Any other property of librdkafka that does not run code or clash with tickd.\n",
          out);
}

void config_print_table(FILE *out)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        char *variable = confenv_name(o->name);
        char range[200];
        optval_describe(o, range, sizeof range);
        fprintf(out, "%s\t%s\t%s%s%s\t%s\t%s\t%s\t%s\t%s\n", o->name, o->section, variable,
                o->alias ? "," : "", o->alias ? o->alias : "", o->fallback, o->unit, range,
                o->reloadable ? "yes" : "no", o->help);
        free(variable);
    }
}
