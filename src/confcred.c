/* SPDX-License-Identifier: MIT */
#include "confcred.h"

#include "slurp.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "CREDENTIALS_DIRECTORY="
#define PREFIX   "tickd."

static const char *find_directory(char *const *environ_)
{
    for (; environ_ && *environ_; environ_++) {
        if (strncmp(*environ_, VARIABLE, strlen(VARIABLE)) == 0)
            return *environ_ + strlen(VARIABLE);
    }
    return NULL;
}

static int is_ours(const struct dirent *entry)
{
    return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0;
}

static bool read_credential(const char *directory, const char *name, setting_fn *fn, void *ctx,
                            struct err *e)
{
    char path[ERR_MAX / 4];
    char origin[ERR_MAX / 2];
    struct slurp file;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    snprintf(origin, sizeof origin, "credential %s", name);
    if (!slurp_value(&file, path, e)) {
        err_wrap(e, "%s", origin);
        return false;
    }
    const struct setting s = {origin, name + strlen(PREFIX), file.text,
                              file.public ? SETTING_PUBLIC_FILE : NULL};
    bool ok = fn(ctx, &s, e);
    free(file.text);
    return ok;
}

bool confcred_read(char *const *environ_, setting_fn *fn, void *ctx, struct err *e)
{
    const char *directory = find_directory(environ_);
    if (!directory || directory[0] == '\0')
        return true;
    struct dirent **entries;
    int count = scandir(directory, &entries, is_ours, alphasort);
    if (count < 0) {
        err_set(e, "environment CREDENTIALS_DIRECTORY: %s: %s", directory, strerror(errno));
        return false;
    }
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && read_credential(directory, entries[i]->d_name, fn, ctx, e);
        free(entries[i]);
    }
    free(entries);
    return ok;
}
