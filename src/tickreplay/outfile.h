/* SPDX-License-Identifier: MIT */
/*
 * A file, or stdout, that is written through a buffer and compressed by its name: .gz by zlib, .zst
 * by zstd. Blocks. A file takes its name when it is complete: until then it is NAME.part, which
 * outfile_discard() removes. (Not so pipes and devices.)
 */
#ifndef TICKREPLAY_OUTFILE_H
#define TICKREPLAY_OUTFILE_H

#include "buf.h"
#include "err.h"
#include <stdbool.h>

struct outfile;

/* `path` "-" is stdout. NULL: `e` says why. */
struct outfile *outfile_open(const char *path, struct err *e);

/* The buffer to append to; call outfile_write() now and then. */
struct buf *outfile_buf(struct outfile *f);

/* Writes what is in the buffer if it is worth a write. False: `e` says why. */
bool outfile_write(struct outfile *f, struct err *e) __attribute__((warn_unused_result));

/* Writes everything, gives the file its name and frees `f`. False: `e` says why; the file is gone.
 */
bool outfile_close(struct outfile *f, struct err *e) __attribute__((warn_unused_result));

/* Frees `f` and removes the file. NULL is ignored. */
void outfile_discard(struct outfile *f);

#endif
