-- SPDX-License-Identifier: MIT
-- Revert tickd:ingest_offsets from pg

begin;

drop table ingest_offsets;

commit;
