-- SPDX-License-Identifier: MIT
-- Revert tickd:performance_metrics from pg

begin;

drop table performance_metrics;

commit;
