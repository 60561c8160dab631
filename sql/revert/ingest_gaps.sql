-- SPDX-License-Identifier: MIT
-- Revert tickd:ingest_gaps from pg

begin;

drop table ingest_gaps;

commit;
