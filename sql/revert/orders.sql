-- SPDX-License-Identifier: MIT
-- Revert tickd:orders from pg

begin;

drop table orders;

commit;
