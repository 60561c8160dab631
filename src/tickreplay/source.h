/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a file or of stdin, unpacked if they are gzip or zstd (told by their first bytes, also
 * when several are joined in one file). Blocks for a tenth of a second at most, where a file can be
 * waited for.
 */
#ifndef TICKREPLAY_SOURCE_H
#define TICKREPLAY_SOURCE_H

#include "err.h"
#include <stddef.h>
#include <stdint.h>

struct source;

enum source_result {
    SOURCE_BYTES,
    SOURCE_END,
    SOURCE_WAITING, /* nothing yet, or a signal came; call again */
    SOURCE_FAILED,  /* unreadable, truncated or damaged from here on */
};

/* `path` "-" is stdin. NULL: `e` says why. */
struct source *source_open(const char *path, struct err *e);
void source_close(struct source *s);

/* Reads 1 to `size` bytes into `data`. FAILED: `e` says why, without the file's name. */
enum source_result source_read(struct source *s, void *data, size_t size, size_t *got,
                               struct err *e);

/* Bytes of the file read so far, and in all (0 = not known): how far a replay has come. */
uint64_t source_position(const struct source *s);
uint64_t source_size(const struct source *s);

#endif
