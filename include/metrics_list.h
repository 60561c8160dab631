/* SPDX-License-Identifier: MIT */
/*
 * The one table of metrics. What /metrics says, docs/metrics.md and lint are made from it.
 *
 * For metrics.c and the documentation's script only.
 */
#ifndef TICKD_METRICS_LIST_H
#define TICKD_METRICS_LIST_H

/* METRICS(X): X(name, type, labels, how, help)
 *
 * Names and units by Prometheus' conventions: base units, counters end in _total. `how` puts the
 * samples: VALUE(of the vitals `v`), or a function of metrics.c. Types: COUNTER, GAUGE, HISTOGRAM,
 * INFO. */

/* clang-format off */
#define METRICS(X)                                                                                 \
    X(tickd_build_info, INFO, "version, librdkafka, libpq, libmicrohttpd", put_build(o, v),        \
      "What runs here; always 1.")                                                                 \
    X(tickd_settings_info, INFO, "group, topics, writers, ties, start_from, on_offset_gap, fk_check",                 \
      put_settings(o, v),                                                                          \
      "Settings that change what the other numbers mean; always 1.")                               \
    X(tickd_ready, GAUGE, "", VALUE(ready(v)),                                                     \
      "Whether /readyz says yes: 1 or 0.")                                                         \
    X(tickd_ready_condition, GAUGE, "condition", put_conditions(o, v),                             \
      "Each condition of readiness: 1 met, 0 not.")                                                \
    X(tickd_state, GAUGE, "state", put_state(o, v),                                                \
      "The headline state in words; always 1.")                                                    \
    X(tickd_state_since_timestamp_seconds, GAUGE, "", VALUE(state_since_s(v)),                     \
      "Since when the state is what it is, Unix time.")                                            \
    X(tickd_config_reload_successful, GAUGE, "", VALUE(!v->facts.reload_failed),                   \
      "Whether the last SIGHUP found a good configuration: 1 or 0.")                               \
    X(tickd_config_loaded_timestamp_seconds, GAUGE, "", VALUE(seconds(v->facts.configured_us)),    \
      "When the configuration in force was read, Unix time.")                                      \
                                                                                                   \
    X(tickd_messages_consumed_total, COUNTER, "", VALUE(v->facts.stats.messages),                  \
      "Kafka messages taken.")                                                                     \
    X(tickd_messages_skipped_total, COUNTER, "", VALUE(v->facts.stats.seen_before),                \
      "Kafka messages passed over, because they had been taken before.")                           \
    X(tickd_ticks_written_total, COUNTER, "", VALUE(v->facts.stats.stored),                        \
      "Ticks committed to the table.")                                                             \
    X(tickd_dead_letters_written_total, COUNTER, "", VALUE(v->facts.stats.rejected),               \
      "Rejected ticks committed to rejected_ticks.")                                               \
    X(tickd_items_ignored_total, COUNTER, "", VALUE(v->facts.stats.ignored),                       \
      "Items that are no ticks (control frames, repeated quotes), committed as ignored.")          \
    X(tickd_ticks_dropped_total, COUNTER, "", VALUE(v->facts.stats.dropped),                       \
      "Duplicates dropped: ticks whose key was taken, with ties = first or last.")                 \
    X(tickd_ticks_rejected_total, COUNTER, "reason", put_rejects(o, v),                            \
      "Ticks rejected, by reason, when they were taken; the database's refusals are not here.")    \
    X(tickd_ties_spread_total, COUNTER, "", VALUE(v->facts.stats.ties_spread),                     \
      "Ticks stored at the next free microsecond, because their key was taken.")                   \
                                                                                                   \
    X(tickd_commits_total, COUNTER, "", VALUE(v->facts.stats.commits),                             \
      "Batches committed.")                                                                        \
    X(tickd_commits_merged_total, COUNTER, "", VALUE(v->facts.stats.merges),                       \
      "Those of them that were merged row by row.")                                                \
    X(tickd_commit_retries_total, COUNTER, "", VALUE(v->facts.stats.retries),                      \
      "Attempts to commit that failed; the batch is sent again.")                                  \
    X(tickd_commits_in_doubt_total, COUNTER, "", VALUE(v->facts.stats.unknown_commits),            \
      "Commits whose outcome was found out by reading the stored offsets.")                        \
    X(tickd_fences_lost_total, COUNTER, "", VALUE(v->facts.stats.fences_lost),                     \
      "Batches that somebody else's offsets kept out.")                                            \
    X(tickd_rewinds_total, COUNTER, "", VALUE(v->facts.stats.rewinds),                             \
      "Batches dropped and read from Kafka again.")                                                \
    X(tickd_commit_failures, GAUGE, "", VALUE(v->facts.commit_failures),                           \
      "How often in a row the batch that is to be written was not.")                               \
    X(tickd_batch_rows, HISTOGRAM, "", put_hist(o, v, HIST_BATCH_ROWS),                            \
      "Rows of a committed batch.")                                                                \
    X(tickd_batch_bytes, HISTOGRAM, "", put_hist(o, v, HIST_BATCH_BYTES),                          \
      "Bytes of a committed batch.")                                                               \
    X(tickd_commit_duration_seconds, HISTOGRAM, "", put_hist(o, v, HIST_COMMIT),                   \
      "From sending a batch to the commit's answer.")                                              \
    X(tickd_event_to_commit_seconds, HISTOGRAM, "", put_hist(o, v, HIST_EVENT_TO_COMMIT),          \
      "From a tick's event time to the commit of its row.")                                        \
    X(tickd_decode_duration_seconds, HISTOGRAM, "", put_hist(o, v, HIST_DECODE),                   \
      "Decoding, checking and encoding one message; a sample of the messages.")                    \
    X(tickd_loop_turn_seconds, HISTOGRAM, "", put_hist(o, v, HIST_LOOP_TURN),                      \
      "The event loop's delay: how long one turn takes, and so an event may wait.")                \
    X(tickd_pending_rows, GAUGE, "batch", put_pending_rows(o, v),                                  \
      "Rows in the batches that are filling, or flying to the database.")                          \
    X(tickd_pending_bytes, GAUGE, "batch", put_pending_bytes(o, v),                                \
      "Bytes in them.")                                                                            \
    X(tickd_backpressure_seconds_total, COUNTER, "", VALUE(v->backpressure_s),                     \
      "Time during which fetched messages waited because nothing more could be taken.")                          \
    X(tickd_backpressure, GAUGE, "", VALUE(v->backpressure),                                       \
      "Whether that is so now: 1 or 0.")                                                           \
                                                                                                   \
    X(tickd_partition_lag_messages, GAUGE, "topic, partition", put_lag(o, v),                      \
      "Messages between the stored offset and the end of Kafka's log.")                            \
    X(tickd_partition_stored_offset, GAUGE, "topic, partition", put_stored(o, v),                  \
      "The next offset, as it stands in the database.")                                            \
    X(tickd_partition_log_begin_offset, GAUGE, "topic, partition", put_begin(o, v),                \
      "The oldest offset in Kafka's log; when it overtakes the stored one, messages are lost.")    \
    X(tickd_partition_log_end_offset, GAUGE, "topic, partition", put_end(o, v),                    \
      "The offset that the next message in Kafka's log will have.")                                \
    X(tickd_partition_stopped, GAUGE, "topic, partition", put_stopped(o, v),                       \
      "Whether the partition is stopped by an offset gap: 1 or 0.")                                \
    X(tickd_partitions_assigned, GAUGE, "", VALUE(v->facts.partition_count),                       \
      "Partitions that the group has given to this tickd.")                                        \
    X(tickd_kafka_connected, GAUGE, "", VALUE(v->facts.kafka_up),                                  \
      "Whether a broker answers: 1 or 0.")                                                         \
    X(tickd_kafka_connects_total, COUNTER, "", VALUE(v->facts.kafka_connects),                     \
      "How often brokers came within reach; all but the first are reconnects.")                    \
    X(tickd_kafka_queued_messages, GAUGE, "", VALUE(v->facts.kafka_queued),                        \
      "Messages fetched and waiting in this process.")                                             \
    X(tickd_database_connected, GAUGE, "session", put_sessions(o, v),                              \
      "Whether the session is connected: 1 or 0.")                                                 \
    X(tickd_database_connects_total, COUNTER, "session", put_connects(o, v),                       \
      "Connections made; all but the first are reconnects.")                                       \
    X(tickd_database_usable, GAUGE, "", VALUE(v->facts.database_usable),                           \
      "Whether batches can be written: connected, and the schema complete.")                       \
                                                                                                   \
    X(tickd_pairs, GAUGE, "", VALUE(pairs_count(v->pairs)),                                        \
      "Rows of the pairs table.")                                                                  \
    X(tickd_pairs_active, GAUGE, "", VALUE(pairs_active_count(v->pairs)),                          \
      "Active pairs.")                                                                             \
    X(tickd_pair_ticks_total, COUNTER, "symbol", put_pair_ticks(o, v),                             \
      "Ticks accepted for each active pair.")                                                      \
    X(tickd_pair_last_tick_timestamp_seconds, GAUGE, "symbol", put_pair_times(o, v),               \
      "Event time of the pair's last tick, Unix time; its age is time() less this.")               \
                                                                                                   \
    X(tickd_schema_findings, GAUGE, "severity", put_findings(o, v),                                \
      "What is missing or wrong in the schema: fatal keeps tickd from writing.")                   \
    X(tickd_schema_object_missing, GAUGE, "object, severity", put_missing(o, v),                   \
      "1 for each table, view, column, function or privilege that is missing or wrong.")           \
    X(tickd_database_stats_timestamp_seconds, GAUGE, "",                                           \
      MAYBE(v->database->looked_us != 0, seconds(v->database->looked_us)),                         \
      "When the database was last asked for the numbers below, Unix time.")                        \
    X(tickd_database_size_bytes, GAUGE, "",                                                        \
      MAYBE(v->database->looked_us != 0, v->database->database_bytes),                             \
      "Size of the database.")                                                                     \
    X(tickd_database_capacity_bytes, GAUGE, "",                                                    \
      MAYBE(capacity_bytes(v) != 0, capacity_bytes(v)),                                            \
      "The option database_capacity_bytes: how large the database may grow.")                      \
    X(tickd_ticks_size_bytes, GAUGE, "",                                                           \
      MAYBE(v->database->looked_us != 0, v->database->ticks_bytes),                                \
      "Size of ticks with its indexes and chunks.")                                                \
    X(tickd_ticks_growth_bytes_per_second, GAUGE, "",                                              \
      MAYBE(v->database->size_count > 1, dbstats_growth(v->database)),                             \
      "Growth of ticks over the last hour, or as long as tickd runs.")                             \
    X(tickd_ticks_chunks, GAUGE, "",                                                               \
      MAYBE(v->database->looked_us != 0, v->database->chunks),                                     \
      "Chunks of the hypertable, or partitions of the table.")                                     \
    X(tickd_wal_archive_enabled, GAUGE, "",                                                        \
      MAYBE(v->database->looked_us != 0, v->database->archiving),                                  \
      "Whether the server archives its log: 1 or 0.")                                              \
    X(tickd_wal_archive_failing, GAUGE, "",                                                        \
      MAYBE(v->database->looked_us != 0, dbstats_archive_fails(v->database)),                      \
      "Whether the newest attempt to archive has failed: 1 or 0.")                                 \
    X(tickd_wal_archived_total, COUNTER, "",                                                       \
      MAYBE(v->database->looked_us != 0, v->database->archived),                                   \
      "Log segments archived.")                                                                    \
    X(tickd_wal_archive_failures_total, COUNTER, "",                                               \
      MAYBE(v->database->looked_us != 0, v->database->archive_failures),                           \
      "Attempts to archive that failed.")                                                          \
    X(tickd_wal_archive_last_success_timestamp_seconds, GAUGE, "",                                 \
      MAYBE(v->database->last_archived_us != 0, seconds(v->database->last_archived_us)),           \
      "When the last segment was archived, Unix time.")                                            \
    X(tickd_wal_archive_last_failure_timestamp_seconds, GAUGE, "",                                 \
      MAYBE(v->database->last_failed_us != 0, seconds(v->database->last_failed_us)),               \
      "When archiving last failed, Unix time.")                                                    \
                                                                                                   \
    X(tickd_http_connections, GAUGE, "kind", put_clients(o, v),                                    \
      "Open HTTP connections; those of kind stream are of /api/v1/stream.")                        \
    X(tickd_http_requests_total, COUNTER, "", VALUE(v->facts.http_requests),                       \
      "HTTP requests answered.")                                                                   \
    X(tickd_http_connections_dropped_total, COUNTER, "", VALUE(v->facts.http_dropped),             \
      "HTTP connections closed because they were too slow, or made room for others.")              \
    X(tickd_log_lines_dropped_total, COUNTER, "", VALUE(v->log_dropped),                           \
      "Log lines that stderr did not take.")                                                       \
                                                                                                   \
    X(process_cpu_seconds_total, COUNTER, "", VALUE(v->process.cpu_s),                             \
      "User and system time.")                                                                     \
    X(process_resident_memory_bytes, GAUGE, "", VALUE(v->process.resident_bytes),                  \
      "Resident memory.")                                                                          \
    X(process_virtual_memory_bytes, GAUGE, "", VALUE(v->process.virtual_bytes),                    \
      "Virtual memory.")                                                                           \
    X(process_threads, GAUGE, "", VALUE(v->process.threads),                                       \
      "Threads.")                                                                                  \
    X(process_open_fds, GAUGE, "", VALUE(v->process.open_fds),                                     \
      "Open file descriptors.")                                                                    \
    X(process_max_fds, GAUGE, "", VALUE(v->process.max_fds),                                       \
      "How many there may be.")                                                                    \
    X(process_start_time_seconds, GAUGE, "", VALUE(v->process.started_s),                          \
      "When the process began, Unix time.")
/* clang-format on */

#endif
