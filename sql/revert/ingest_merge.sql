-- SPDX-License-Identifier: MIT
-- Revert tickd:ingest_merge from pg

begin;

drop function ingest_merge, ingest_place_staged, ingest_place, ingest_is_repeat, ingest_may_be_snapshot,
    ingest_free_slot, ingest_staging;

commit;
