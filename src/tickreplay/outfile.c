/* SPDX-License-Identifier: MIT */
/*
 * Usual path: appended bytes gather in a buffer, go through the compressor if there is one, and are
 * written in pieces of some 64 KiB.
 *
 * Possible failures: the file cannot be created, written, synced or renamed (disk full, a reader
 * that went away); each is said with the file's name.
 */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PIECE 65536

enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

struct outfile {
    char *path; /* NULL = stdout */
    char *part;
    int fd;
    enum codec codec;
    z_stream gzip;
    ZSTD_CCtx *zstd;
    struct buf plain;
    struct buf packed;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void start_codec(struct outfile *f, const char *path)
{
    if (ends_with(path, ".gz")) {
        /* 16 more window bits ask zlib for gzip's header, which then has no time and no name in it.
         */
        if (deflateInit2(&f->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                         Z_DEFAULT_STRATEGY) != Z_OK)
            err_out_of_memory();
        f->codec = CODEC_GZIP;
    } else if (ends_with(path, ".zst")) {
        f->zstd = ZSTD_createCCtx();
        if (!f->zstd)
            err_out_of_memory();
        f->codec = CODEC_ZSTD;
    }
}

/* Pipes and devices are written to as they are. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

struct outfile *outfile_open(const char *path, struct err *e)
{
    struct outfile *f = err_calloc(1, sizeof *f);
    buf_init(&f->plain);
    buf_init(&f->packed);
    f->fd = STDOUT_FILENO;
    if (strcmp(path, "-") == 0)
        return f;

    size_t size = strlen(path) + sizeof ".part";
    f->path = err_strdup(path);
    f->part = err_malloc(size);
    snprintf(f->part, size, is_special(path) ? "%s" : "%s.part", path);
    f->fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        err_set(e, "%s: %s", f->part, strerror(errno));
        free(f->part);
        f->part = NULL;
        outfile_discard(f);
        return NULL;
    }
    start_codec(f, path);
    return f;
}

struct buf *outfile_buf(struct outfile *f)
{
    return &f->plain;
}

static const char *name_of(const struct outfile *f)
{
    return f->path ? f->path : "stdout";
}

static bool write_all(struct outfile *f, struct buf *b, struct err *e)
{
    for (size_t done = 0; done < b->len;) {
        ssize_t n = write(f->fd, b->data + done, b->len - done);
        if (n < 0 && errno != EINTR) {
            err_set(e, "%s: %s", name_of(f), strerror(errno));
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    buf_clear(b);
    return true;
}

static void pack_gzip(struct outfile *f, bool end)
{
    z_stream *z = &f->gzip;
    z->next_in = f->plain.data;
    z->avail_in = (uInt)f->plain.len;
    do {
        z->next_out = buf_reserve(&f->packed, PIECE);
        z->avail_out = PIECE;
        deflate(z, end ? Z_FINISH : Z_NO_FLUSH);
        f->packed.len += PIECE - z->avail_out;
    } while (z->avail_out == 0);
}

static void pack_zstd(struct outfile *f, bool end)
{
    ZSTD_inBuffer in = {f->plain.data, f->plain.len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {buf_reserve(&f->packed, PIECE), PIECE, 0};
        left = ZSTD_compressStream2(f->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            err_out_of_memory(); /* its only error with these parameters */
        f->packed.len += out.pos;
    } while (in.pos < in.size || (end && left > 0));
}

static bool write_out(struct outfile *f, bool end, struct err *e)
{
    switch (f->codec) {
    case CODEC_NONE:
        return write_all(f, &f->plain, e);
    case CODEC_GZIP:
        pack_gzip(f, end);
        break;
    case CODEC_ZSTD:
        pack_zstd(f, end);
        break;
    }
    buf_clear(&f->plain);
    return write_all(f, &f->packed, e);
}

bool outfile_write(struct outfile *f, struct err *e)
{
    return f->plain.len < PIECE || write_out(f, false, e);
}

static void release(struct outfile *f)
{
    if (f->codec == CODEC_GZIP)
        deflateEnd(&f->gzip);
    ZSTD_freeCCtx(f->zstd);
    buf_fini(&f->plain);
    buf_fini(&f->packed);
    free(f->path);
    free(f->part);
    free(f);
}

static bool give_name(struct outfile *f, struct err *e)
{
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) == 0 && (strcmp(f->part, f->path) == 0 || rename(f->part, f->path) == 0))
        return true;
    err_set(e, "%s: %s", f->path, strerror(errno));
    return false;
}

bool outfile_close(struct outfile *f, struct err *e)
{
    if (!write_out(f, true, e) || (f->path && !give_name(f, e))) {
        outfile_discard(f);
        return false;
    }
    release(f);
    return true;
}

void outfile_discard(struct outfile *f)
{
    if (!f)
        return;
    if (f->path && f->fd >= 0)
        close(f->fd);
    if (f->part && strcmp(f->part, f->path) != 0)
        unlink(f->part);
    release(f);
}
