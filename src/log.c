/* SPDX-License-Identifier: MIT */
/*
 * Usual path: a line is made in one buffer and handed to stderr in one write().
 *
 * stderr is shared with whoever started us, so its flags are not ours to change: a pipe or terminal
 * is opened anew through /proc for a file description of our own that does not block; a socket
 * (journald) is sent to with MSG_DONTWAIT; a file takes all or has no room. Where /proc cannot be
 * used, poll() is asked first: a pipe that says it is writable takes PIPE_BUF bytes at once.
 *
 * Possible failures: nobody reads (EAGAIN), nobody can (EPIPE), disk full. The line is dropped and
 * counted. A line that was taken in part is ended by a newline before the next one.
 */
#include "log.h"

#include "logline.h"
#include "recorder.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_INTERVAL_US (60 * INT64_C(1000000))

static const struct {
    const char *name;
    int priority; /* of syslog(3) */
} levels[] = {
    [LOG_ERROR_LEVEL] = {"error", 3},
    [LOG_WARN_LEVEL] = {"warn", 4},
    [LOG_INFO_LEVEL] = {"info", 6},
    [LOG_DEBUG_LEVEL] = {"debug", 7},
};

static struct {
    enum log_level level;
    bool json;
    bool journal;
    bool socket;
    int fd;
    bool own_fd;    /* a description of our own, non-blocking */
    bool cut;       /* the last line was taken in part */
    uint64_t lost;  /* not yet said */
    uint64_t total; /* dropped since the start */
} logger = {.level = LOG_INFO_LEVEL, .fd = STDERR_FILENO};

/* True if JOURNAL_STREAM ("device:inode") names our stderr, as systemd.exec(5) says. */
static bool is_journal(const struct stat *st)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device;
    unsigned long long inode;
    char rest;
    return stream && sscanf(stream, "%llu:%llu%c", &device, &inode, &rest) == 2 &&
           device == (unsigned long long)st->st_dev && inode == (unsigned long long)st->st_ino;
}

void log_init(enum log_level level, bool json)
{
    if (logger.own_fd)
        close(logger.fd);
    logger.level = level;
    logger.json = json;
    logger.journal = logger.socket = logger.own_fd = logger.cut = false;
    logger.fd = STDERR_FILENO;

    struct stat st;
    if (fstat(STDERR_FILENO, &st) < 0)
        return;
    logger.journal = is_journal(&st);
    logger.socket = S_ISSOCK(st.st_mode);
    if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return;
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        logger.fd = fd;
        logger.own_fd = true;
    }
}

void log_set_level(enum log_level level)
{
    logger.level = level;
}

bool log_enabled(enum log_level level)
{
    return level <= logger.level;
}

uint64_t log_dropped(void)
{
    return logger.total;
}

static bool would_block(void)
{
    struct pollfd p = {.fd = logger.fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 0;
}

/* Bytes taken, or -1. */
static ssize_t write_some(const char *data, size_t len)
{
    if (logger.socket)
        return send(logger.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!logger.own_fd && would_block()) {
        errno = EAGAIN;
        return -1;
    }
    return write(logger.fd, data, len);
}

/* False if the line was not taken whole. */
static bool write_line(const struct logline *l)
{
    if (logger.cut && write_some("\n", 1) != 1)
        return false;
    logger.cut = false;
    ssize_t taken;
    do
        taken = write_some(l->text, l->len);
    while (taken < 0 && errno == EINTR);
    logger.cut = taken > 0 && (size_t)taken < l->len;
    return taken >= 0 && (size_t)taken == l->len;
}

static void put_string(struct logline *l, const char *key, const char *value)
{
    logline_put(l, key, value, strlen(value), false);
}

/* Most lines are of the same second as the one before. */
static void put_time(struct logline *l)
{
    static time_t second = -1;
    static char date[32];
    struct timespec now;
    struct tm tm;
    char text[48];
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        second = -1;
        if (!gmtime_r(&now.tv_sec, &tm) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm))
            return;
        second = now.tv_sec;
    }
    snprintf(text, sizeof text, "%s.%03ldZ", date, now.tv_nsec / 1000000);
    put_string(l, "ts", text);
}

/* For the journal, which keeps the time itself, or with its time. */
static void begin(struct logline *l, bool journal, enum log_level level, const char *event,
                  const char *msg)
{
    logline_begin(l, logger.json, journal ? levels[level].priority : -1);
    if (!journal)
        put_time(l);
    put_string(l, "level", levels[level].name);
    put_string(l, "event", event);
    put_string(l, "msg", msg);
}

/* Says how many lines were lost, if any were; false if that, too, was not taken. */
static bool report_lost(void)
{
    if (!logger.lost)
        return true;
    struct logline l;
    char count[24];
    int len = snprintf(count, sizeof count, "%llu", (unsigned long long)logger.lost);
    begin(&l, logger.journal, LOG_WARN_LEVEL, "log_dropped",
          "lines were lost: stderr did not take them");
    logline_put(&l, "lines", count, (size_t)len, true);
    logline_end(&l);
    if (!write_line(&l))
        return false;
    logger.lost = 0;
    return true;
}

static void make_line(struct logline *l, bool journal, enum log_level level, const char *event,
                      const char *msg, const char *fields, va_list args)
    __attribute__((format(printf, 6, 0)));
static void make_line(struct logline *l, bool journal, enum log_level level, const char *event,
                      const char *msg, const char *fields, va_list args)
{
    begin(l, journal, level, event, msg);
    if (fields)
        logline_put_fields(l, fields, args);
    logline_end(l);
}

void log_event(enum log_level level, const char *event, const char *msg, const char *fields, ...)
{
    int saved = errno; /* callers format errno after logging, too */
    struct logline l;
    va_list args;
    va_start(args, fields);
    make_line(&l, false, level, event, msg, fields, args);
    va_end(args);
    recorder_put(l.text, l.len);
    if (log_enabled(level) && logger.journal) {
        va_start(args, fields);
        make_line(&l, true, level, event, msg, fields, args);
        va_end(args);
    }
    if (log_enabled(level) && (!report_lost() || !write_line(&l))) {
        logger.lost++;
        logger.total++;
    }
    errno = saved;
}

/* --- the flight recorder --- */

#define DUMP_WAIT_MS 1000

/* Writes all of it unless stderr takes nothing for too long; with what signal handlers may call. */
static void write_patiently(const char *text, size_t len)
{
    while (len > 0) {
        struct pollfd p = {.fd = logger.fd, .events = POLLOUT};
        if (poll(&p, 1, DUMP_WAIT_MS) <= 0)
            return;
        ssize_t taken = write_some(text, len < LOGLINE_MAX ? len : LOGLINE_MAX);
        if (taken <= 0)
            return;
        text += taken;
        len -= (size_t)taken;
    }
}

static void write_mark(const char *text)
{
    const char *prefix = logger.journal ? "<3>" : "";
    write_patiently(prefix, strlen(prefix));
    write_patiently(text, strlen(text));
}

void log_dump_recorder(void)
{
    struct recorder_piece pieces[2];
    recorder_read(pieces);
    write_mark(logger.json
                   ? "{\"level\":\"error\",\"event\":\"flight_recorder\",\"msg\":\"begin\"}\n"
                   : "level=error event=flight_recorder msg=begin\n");
    write_patiently(pieces[0].text, pieces[0].len);
    write_patiently(pieces[1].text, pieces[1].len);
    write_mark(logger.json ? "{\"level\":\"error\",\"event\":\"flight_recorder\",\"msg\":\"end\"}\n"
                           : "level=error event=flight_recorder msg=end\n");
}

static void on_fault(int signum)
{
    log_dump_recorder();
    raise(signum); /* blocked until we return, and then as if we had not been asked */
}

/* A fault may be that the stack is used up, so the handler has one of its own. It is the loop
 * thread's; those of libraries use theirs. */
#define FAULT_STACK_BYTES (64 * 1024)

void log_catch_faults(void)
{
    static char stack[FAULT_STACK_BYTES];
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = on_fault,
                               .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK)};
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

bool log_sample(struct log_sampler *s, int64_t mono_us, uint64_t *suppressed)
{
    s->seen++;
    bool power_of_two = (s->seen & (s->seen - 1)) == 0;
    if (!power_of_two && mono_us - s->last_us < SAMPLE_INTERVAL_US) {
        s->suppressed++;
        return false;
    }
    *suppressed = s->suppressed;
    s->suppressed = 0;
    s->last_us = mono_us;
    return true;
}

void log_sample_reset(struct log_sampler *s)
{
    *s = (struct log_sampler){0};
}
