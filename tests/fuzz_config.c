/* SPDX-License-Identifier: MIT */
/* links: config.o config_print.o confcred.o confenv.o dburl.o err.o http_address.o inifile.o options.o optval.o property.o slurp.o */
/*
 * Any bytes as configuration file, or as environment and flags: either refused with a reason of one
 * line, or taken; then what is printed is a configuration file that is taken, too, with the same
 * result, and holds no password.
 */
#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRIES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(struct config *c, const char *text, size_t len, char *const *environment,
                 char *const *flags)
{
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct config_source source = {path, environment, flags};
    struct err e = {""};
    bool ok = config_load(c, &source, &e);
    close(fd);
    assert(ok || (*e.text && !strchr(e.text, '\n')));
    return ok;
}

static char *print(const struct config *c, size_t *len)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len);
    config_print(c, f);
    fclose(f);
    return text;
}

/* Takes the lines of `text` (changed) as entries. */
static void split(char *text, char *entries[ENTRIES_MAX + 1])
{
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line && count < ENTRIES_MAX; line = strtok(NULL, "\n"))
        entries[count++] = line;
    entries[count] = NULL;
}

static void check_reload(struct config *c, const struct config *again)
{
    char ignored[1024];
    assert(config_reload(c, again, ignored, sizeof ignored) == 0);
    /* Masked values differ, of course, and values of several lines are not printed. */
    for (char *name = strtok(ignored, ","); name; name = strtok(NULL, ","))
        assert(strcmp(name, "database_url") == 0 || strncmp(name, "kafka.", 6) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *text = calloc(size, 1);
    memcpy(text, data + 1, size - 1);
    char *none[] = {NULL};
    char *entries[ENTRIES_MAX + 1];
    struct config c, again;
    bool ok;
    if (data[0] % 3 == 0) {
        ok = load(&c, text, size - 1, none, none);
    } else {
        split(text, entries);
        ok = data[0] % 3 == 1 ? load(&c, "", 0, entries, none) : load(&c, "", 0, none, entries);
    }
    if (ok) {
        size_t len = 0;
        char *printed = print(&c, &len);
        if (load(&again, printed, len, none, none)) {
            check_reload(&c, &again);
            config_fini(&again);
        } else {
            /* Blanks at the ends of an environment's value cannot stand in a file, nor can lines.
             */
            assert(data[0] % 3 != 0);
        }
        free(printed);
        config_fini(&c);
    }
    free(text);
    return 0;
}
