/* SPDX-License-Identifier: MIT */
/*
 * Usual path: raw bytes are read in pieces; the first four tell how they are packed; unpacked bytes
 * go straight to the caller's memory.
 *
 * Possible failures: cannot be opened or read; the packed data ends in the middle, or is damaged.
 * Nothing that was unpacked before is lost.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PIECE     65536
#define MAGIC_LEN 4
#define WAIT_MS   100

enum packing { PACKING_UNKNOWN, PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct source {
    int fd;
    uint64_t size;
    uint64_t position;
    bool at_end; /* of the raw bytes */
    enum packing packing;
    bool inside; /* in the middle of a gzip member or zstd frame */
    z_stream gzip;
    ZSTD_DStream *zstd;
    size_t begin; /* of the raw bytes not yet used */
    size_t end;
    unsigned char raw[PIECE];
};

struct source *source_open(const char *path, struct err *e)
{
    struct stat st;
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_set(e, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        err_set(e, "%s: is a directory", path);
        close(fd);
        return NULL;
    }
    struct source *s = err_calloc(1, sizeof *s);
    s->fd = fd;
    s->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    return s;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    if (s->packing == PACKING_GZIP)
        inflateEnd(&s->gzip);
    ZSTD_freeDStream(s->zstd);
    if (s->fd != STDIN_FILENO)
        close(s->fd);
    free(s);
}

/* Makes room and reads on. BYTES if there is more than before, or it is the end. */
static enum source_result read_raw(struct source *s, struct err *e)
{
    memmove(s->raw, s->raw + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    struct pollfd waited = {.fd = s->fd, .events = POLLIN};
    if (poll(&waited, 1, WAIT_MS) <= 0)
        return SOURCE_WAITING;
    ssize_t n = read(s->fd, s->raw + s->end, sizeof s->raw - s->end);
    if (n < 0 && errno == EINTR)
        return SOURCE_WAITING;
    if (n < 0) {
        err_set(e, "%s", strerror(errno));
        return SOURCE_FAILED;
    }
    s->at_end = n == 0;
    s->end += (size_t)n;
    s->position += (uint64_t)n;
    return SOURCE_BYTES;
}

static void choose_packing(struct source *s)
{
    static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    size_t len = s->end - s->begin;
    s->packing = PACKING_NONE;
    if (len >= sizeof gzip && memcmp(s->raw + s->begin, gzip, sizeof gzip) == 0) {
        if (inflateInit2(&s->gzip, 15 + 16) != Z_OK)
            err_out_of_memory();
        s->packing = PACKING_GZIP;
    } else if (len >= sizeof zstd && memcmp(s->raw + s->begin, zstd, sizeof zstd) == 0) {
        s->zstd = ZSTD_createDStream();
        if (!s->zstd)
            err_out_of_memory();
        s->packing = PACKING_ZSTD;
    }
}

static void copy_plain(struct source *s, void *data, size_t size, size_t *got)
{
    *got = s->end - s->begin < size ? s->end - s->begin : size;
    memcpy(data, s->raw + s->begin, *got);
    s->begin += *got;
}

static bool unpack_gzip(struct source *s, void *data, size_t size, size_t *got, struct err *e)
{
    z_stream *z = &s->gzip;
    z->next_in = s->raw + s->begin;
    z->avail_in = (uInt)(s->end - s->begin);
    z->next_out = data;
    z->avail_out = (uInt)size;
    int rc = inflate(z, Z_NO_FLUSH);
    s->begin = s->end - z->avail_in;
    *got = size - z->avail_out;
    s->inside = rc != Z_STREAM_END;
    if (rc == Z_STREAM_END)
        inflateReset(z);
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return true;
    err_set(e, "damaged gzip: %s", z->msg ? z->msg : zError(rc));
    return false;
}

static bool unpack_zstd(struct source *s, void *data, size_t size, size_t *got, struct err *e)
{
    ZSTD_inBuffer in = {s->raw + s->begin, s->end - s->begin, 0};
    ZSTD_outBuffer out = {data, size, 0};
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    s->begin += in.pos;
    *got = out.pos;
    s->inside = rc != 0;
    if (!ZSTD_isError(rc))
        return true;
    err_set(e, "damaged zstd: %s", ZSTD_getErrorName(rc));
    return false;
}

static bool unpack(struct source *s, void *data, size_t size, size_t *got, struct err *e)
{
    if (s->packing == PACKING_GZIP)
        return unpack_gzip(s, data, size, got, e);
    if (s->packing == PACKING_ZSTD)
        return unpack_zstd(s, data, size, got, e);
    copy_plain(s, data, size, got);
    return true;
}

/* Nothing more comes: is that where it should end? */
static enum source_result finish(const struct source *s, struct err *e)
{
    if (!s->inside)
        return SOURCE_END;
    err_set(e, "truncated %s", s->packing == PACKING_GZIP ? "gzip" : "zstd");
    return SOURCE_FAILED;
}

enum source_result source_read(struct source *s, void *data, size_t size, size_t *got,
                               struct err *e)
{
    while (s->packing == PACKING_UNKNOWN && s->end - s->begin < MAGIC_LEN && !s->at_end) {
        enum source_result result = read_raw(s, e);
        if (result != SOURCE_BYTES)
            return result;
    }
    if (s->packing == PACKING_UNKNOWN)
        choose_packing(s);

    for (;;) {
        /* What is packed may have output left when its input is used up. */
        if (s->begin < s->end || s->inside) {
            if (!unpack(s, data, size, got, e))
                return SOURCE_FAILED;
            if (*got > 0)
                return SOURCE_BYTES;
        }
        if (s->begin < s->end && s->end == sizeof s->raw && s->begin == 0) {
            err_set(e, "damaged: no progress");
            return SOURCE_FAILED;
        }
        if (s->at_end)
            return finish(s, e);
        enum source_result result = read_raw(s, e);
        if (result != SOURCE_BYTES)
            return result;
    }
}

uint64_t source_position(const struct source *s)
{
    return s->position;
}

uint64_t source_size(const struct source *s)
{
    return s->size;
}
