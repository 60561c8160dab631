-- SPDX-License-Identifier: MIT
-- Revert tickd:ingest_fence from pg

begin;

drop function ingest_jump, ingest_advance, ingest_move, ingest_start;

commit;
