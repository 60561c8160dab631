-- SPDX-License-Identifier: MIT
-- Revert tickd:ticks from pg

begin;

drop table ticks;

commit;
