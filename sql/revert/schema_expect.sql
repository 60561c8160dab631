-- SPDX-License-Identifier: MIT
-- Revert tickd:schema_expect from pg

begin;

drop function schema_expect;

commit;
