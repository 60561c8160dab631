-- SPDX-License-Identifier: MIT
-- Revert tickd:pairs from pg

begin;

drop table pairs;

commit;
