-- SPDX-License-Identifier: MIT
-- Revert tickd:rejected_ticks from pg

begin;

drop table rejected_ticks;

commit;
