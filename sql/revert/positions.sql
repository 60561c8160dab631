-- SPDX-License-Identifier: MIT
-- Revert tickd:positions from pg

begin;

drop table positions;

commit;
