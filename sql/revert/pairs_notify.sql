-- SPDX-License-Identifier: MIT
-- Revert tickd:pairs_notify from pg

begin;

drop trigger pairs_notify on pairs;
drop function pairs_notify;

commit;
