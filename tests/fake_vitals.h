/* SPDX-License-Identifier: MIT */
/*
 * Vitals of a daemon that is well, to be spoilt by a test: two active pairs and one that is not,
 * two partitions, a schema with nothing missing.
 */
#ifndef TICKD_FAKE_VITALS_H
#define TICKD_FAKE_VITALS_H

#include "vitals.h"

extern struct vitals vitals;
extern struct vital_partition fake_partitions[2];
extern struct schema_report fake_schema;
extern struct hist fake_hists[HIST_COUNT];
extern struct vital_example fake_examples[REJECT_COUNT];
extern struct dbstats fake_database;
extern struct history fake_history;
extern struct quotes *fake_quotes;
extern struct config fake_config;

void fake_vitals_init(void);
void fake_vitals_fini(void);

#endif
