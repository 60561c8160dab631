/* SPDX-License-Identifier: MIT */
/*
 * Moments at which the daemon can be made to die at once (SIGKILL), so that tests can prove that
 * nothing depends on the next line being reached. They exist in the build MODE=crash alone; in all
 * others they are nothing.
 *
 * There, TICKD_CRASH=NAME[:N] in the environment ends the process when it passes the point for the
 * N-th time (the first, unless said). Loop thread only.
 */
#ifndef TICKD_CRASHPOINT_H
#define TICKD_CRASHPOINT_H

/* X(name, what has happened when the point is passed) */
#define CRASHPOINTS(X)                                                                             \
    X(offsets_asked, "stored offsets have been asked for")                                         \
    X(before_begin, "a batch is complete, its transaction has not begun")                          \
    X(mid_copy, "a part of the rows has been sent")                                                \
    X(copy_ended, "the end of the rows has been sent, mostly with COMMIT before it")               \
    X(merge_unsent, "the rows are in the staging table")                                           \
    X(merge_sent, "the merge row by row has been asked for")                                       \
    X(merge_answered, "the fate of each row is known")                                             \
    X(letters_unsent, "the rows are in the table, dead letters are not")                           \
    X(commit_unsent, "the rows are merged into the table, fence and COMMIT have not been sent")    \
    X(commit_sent, "fence and COMMIT have been sent, without rows")                                \
    X(commit_answered, "the server has said that it has committed")                                \
    X(rollback_sent, "the transaction has failed, ROLLBACK has been sent")                         \
    X(kafka_commit_unsent, "the rows are committed, Kafka has not been told")                      \
    X(jump_sent, "a jump over a gap in the log has been asked for")                                \
    X(revoked, "partitions are to be given up")                                                    \
    X(revoked_in_commit, "partitions are to be given up when the commit under way is over")        \
    X(giving_up, "Kafka has been told the offsets, the partitions are still ours")                 \
    X(gave_up, "the partitions are given up")                                                      \
    X(drained, "everything is committed, the group has not been left")

#ifdef TICKD_CRASH_POINTS

#define CRASHPOINT_ENUMERATOR(name, when) CRASH_##name,
enum crashpoint { CRASHPOINTS(CRASHPOINT_ENUMERATOR) CRASHPOINT_COUNT };

void crashpoint_pass(enum crashpoint point);

#define CRASHPOINT(name)               crashpoint_pass(CRASH_##name)
#define CRASHPOINT_IF(condition, name) ((condition) ? crashpoint_pass(CRASH_##name) : (void)0)

#else

#define CRASHPOINT(name)               ((void)0)
#define CRASHPOINT_IF(condition, name) ((void)0)

#endif
#endif
