-- SPDX-License-Identifier: MIT
-- Revert tickd:whale_activities from pg

begin;

drop table whale_activities;

commit;
