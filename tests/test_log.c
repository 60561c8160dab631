/* SPDX-License-Identifier: MIT */
/* links: log.o logline.o recorder.o utf8.o */
#include "log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each test runs in a process of its own, so stderr is its own to replace. */
static int reader;
static char text[1 << 20];

static void use_pipe(void)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    reader = fds[0];
    signal(SIGPIPE, SIG_IGN);
    unsetenv("JOURNAL_STREAM");
}

/* What has been written so far, without waiting for more. */
static const char *written(void)
{
    fcntl(reader, F_SETFL, O_NONBLOCK);
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text - 1 && (n = read(reader, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    return text;
}

START_TEST(line_has_time_level_event_message_and_fields)
{
    use_pipe();
    log_init(LOG_INFO_LEVEL, false);
    log_info("database_up", "connected at last", "host=%s attempts=%d", "db", 3);
    const char *line = written();
    int year, ms;
    char rest[200];
    ck_assert_int_eq(
        sscanf(line, "ts=%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ %199[^\n]", &year, &ms, rest), 3);
    ck_assert_str_eq(rest,
                     "level=info event=database_up msg=\"connected at last\" host=db attempts=3");
    ck_assert_int_eq(line[strlen(line) - 1], '\n');
}
END_TEST

START_TEST(fields_may_be_absent)
{
    use_pipe();
    log_init(LOG_INFO_LEVEL, true);
    log_warn("x", "y", NULL);
    ck_assert_ptr_nonnull(strstr(written(), "\"level\":\"warn\",\"event\":\"x\",\"msg\":\"y\"}\n"));
}
END_TEST

START_TEST(level_decides_what_is_written)
{
    use_pipe();
    log_init(LOG_WARN_LEVEL, false);
    log_info("a", "a", NULL);
    ck_assert_str_eq(written(), "");
    ck_assert(log_enabled(LOG_WARN_LEVEL) && !log_enabled(LOG_INFO_LEVEL));
    log_set_level(LOG_DEBUG_LEVEL);
    log_debug("b", "b", NULL);
    ck_assert_ptr_nonnull(strstr(written(), "event=b"));
}
END_TEST

START_TEST(errno_survives_logging)
{
    use_pipe();
    close(reader);
    log_init(LOG_INFO_LEVEL, false);
    errno = ENOENT;
    log_info("a", "a", NULL);
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* Lines which log_dropped events in `lines` say were lost. */
static uint64_t reported(const char *lines)
{
    uint64_t sum = 0;
    while ((lines = strstr(lines, "event=log_dropped"))) {
        lines = strstr(lines, "lines=") + strlen("lines=");
        sum += strtoull(lines, NULL, 10);
    }
    return sum;
}

START_TEST(full_pipe_drops_lines_and_says_so_later)
{
    use_pipe();
    log_init(LOG_INFO_LEVEL, false);
    char pad[1000];
    memset(pad, 'x', sizeof pad - 1);
    pad[sizeof pad - 1] = '\0';
    uint64_t sent = 0;
    while (log_dropped() < 5) {
        log_info("filler", pad, NULL); /* would wait for ever if it blocked */
        sent++;
    }
    uint64_t taken = 0;
    const char *lines = written();
    uint64_t said = reported(lines);
    for (const char *p = lines; (p = strstr(p, "event=filler")); p++)
        taken++;
    ck_assert_uint_eq(taken, sent - 5);
    log_info("after", "readable again", NULL);
    lines = written();
    ck_assert_uint_eq(said + reported(lines), 5);
    ck_assert_ptr_nonnull(strstr(lines, "event=after"));
    log_info("again", "once is enough", NULL);
    ck_assert_ptr_null(strstr(written(), "log_dropped"));
}
END_TEST

START_TEST(closed_pipe_is_counted_and_harmless)
{
    use_pipe();
    log_init(LOG_INFO_LEVEL, false);
    close(reader);
    log_info("a", "a", NULL);
    ck_assert_uint_eq(log_dropped(), 1);
}
END_TEST

START_TEST(flags_of_the_shared_stderr_stay)
{
    use_pipe();
    log_init(LOG_INFO_LEVEL, false);
    log_info("a", "a", NULL);
    ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(pipe_of_somebody_else_is_polled)
{
    /* A pipe that cannot be opened anew: /proc/self/fd/2 leads to a description of mode 0. */
    use_pipe();
    ck_assert_int_eq(fchmod(STDERR_FILENO, 0), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(setuid(65534), 0);
    log_init(LOG_INFO_LEVEL, false);
    while (log_dropped() == 0)
        log_info("filler", "filler", NULL);
    ck_assert_ptr_nonnull(strstr(written(), "event=filler"));
}
END_TEST

START_TEST(socket_without_a_reader_does_not_block)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    dup2(fds[1], STDERR_FILENO);
    reader = fds[0];
    unsetenv("JOURNAL_STREAM");
    log_init(LOG_INFO_LEVEL, false);
    while (log_dropped() == 0)
        log_info("filler", "filler", NULL);
    written();
    log_info("after", "readable again", NULL);
    const char *rest = written();
    ck_assert_ptr_nonnull(strstr(rest, "event=log_dropped"));
    /* Whatever was cut, the next line starts a line. */
    ck_assert_ptr_nonnull(strstr(rest, "\nts="));
}
END_TEST

START_TEST(file_is_appended_to)
{
    char path[] = "/tmp/test_log.XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    dup2(fd, STDERR_FILENO);
    reader = fd;
    log_init(LOG_INFO_LEVEL, false);
    log_info("a", "a", NULL);
    log_info("b", "b", NULL);
    lseek(fd, 0, SEEK_SET);
    const char *lines = written();
    ck_assert_ptr_nonnull(strstr(lines, "event=a"));
    ck_assert_ptr_nonnull(strstr(lines, "event=b"));
}
END_TEST

static void name_journal(long long inode_offset)
{
    struct stat st;
    char stream[64];
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + (unsigned long long)inode_offset);
    setenv("JOURNAL_STREAM", stream, 1);
}

START_TEST(journal_gets_priority_and_no_time)
{
    use_pipe();
    name_journal(0);
    log_init(LOG_DEBUG_LEVEL, false);
    log_error("a", "a", NULL);
    log_warn("a", "a", NULL);
    log_info("a", "a", NULL);
    log_debug("a", "a", NULL);
    ck_assert_str_eq(written(), "<3>level=error event=a msg=a\n<4>level=warn event=a msg=a\n"
                                "<6>level=info event=a msg=a\n<7>level=debug event=a msg=a\n");
}
END_TEST

START_TEST(journal_of_another_process_is_not_ours)
{
    use_pipe();
    name_journal(1); /* as in a shell under systemd whose stderr was redirected */
    log_init(LOG_INFO_LEVEL, false);
    log_info("a", "a", NULL);
    ck_assert_int_eq(strncmp(written(), "ts=", 3), 0);
}
END_TEST

START_TEST(sampler_lets_powers_of_two_and_one_a_minute_through)
{
    struct log_sampler s = {0};
    uint64_t suppressed = 0;
    char seen[33] = "";
    for (int i = 1; i <= 16; i++)
        strcat(seen, log_sample(&s, i, &suppressed) ? "+" : "-");
    ck_assert_str_eq(seen, "++-+---+-------+");
    ck_assert_uint_eq(suppressed, 7);
    ck_assert(!log_sample(&s, 60 * 1000000, &suppressed));
    ck_assert(log_sample(&s, 16 + 60 * 1000000, &suppressed));
    ck_assert_uint_eq(suppressed, 1);
    log_sample_reset(&s);
    ck_assert(log_sample(&s, 16 + 60 * 1000001, &suppressed));
    ck_assert_uint_eq(suppressed, 0);
}
END_TEST

START_TEST(recorder_has_what_the_level_keeps_out)
{
    use_pipe();
    log_init(LOG_WARN_LEVEL, false);
    log_debug("one", "detail", "n=%d", 1);
    log_info("two", "ordinary", NULL);
    ck_assert_str_eq(written(), "");
    log_dump_recorder();
    const char *lines = written();
    ck_assert_ptr_eq(strstr(lines, "level=error event=flight_recorder msg=begin\n"), lines);
    ck_assert_ptr_nonnull(strstr(lines, "level=debug event=one msg=detail n=1\nts="));
    ck_assert_ptr_nonnull(strstr(lines, "event=two msg=ordinary\nlevel=error "
                                        "event=flight_recorder msg=end\n"));
}
END_TEST

START_TEST(recorder_is_dumped_at_a_fault)
{
    use_pipe();
    log_init(LOG_INFO_LEVEL, true);
    log_debug("one", "detail", NULL);
    pid_t child = fork();
    if (child == 0) {
        log_catch_faults();
        abort();
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    const char *lines = written();
    ck_assert_ptr_nonnull(strstr(lines, "\"event\":\"flight_recorder\",\"msg\":\"begin\"}\n{"));
    ck_assert_ptr_nonnull(strstr(lines, "\"event\":\"one\""));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("log");
    tcase_add_test(t, line_has_time_level_event_message_and_fields);
    tcase_add_test(t, fields_may_be_absent);
    tcase_add_test(t, level_decides_what_is_written);
    tcase_add_test(t, errno_survives_logging);
    tcase_add_test(t, full_pipe_drops_lines_and_says_so_later);
    tcase_add_test(t, closed_pipe_is_counted_and_harmless);
    tcase_add_test(t, flags_of_the_shared_stderr_stay);
    tcase_add_test(t, pipe_of_somebody_else_is_polled);
    tcase_add_test(t, socket_without_a_reader_does_not_block);
    tcase_add_test(t, file_is_appended_to);
    tcase_add_test(t, journal_gets_priority_and_no_time);
    tcase_add_test(t, journal_of_another_process_is_not_ours);
    tcase_add_test(t, sampler_lets_powers_of_two_and_one_a_minute_through);
    Suite *s = suite_create("log");
    tcase_add_test(t, recorder_has_what_the_level_keeps_out);
    tcase_add_test(t, recorder_is_dumped_at_a_fault);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
