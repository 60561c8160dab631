-- SPDX-License-Identifier: MIT
-- Revert tickd:time_functions from pg
-- Only the stand-ins. The extension stays: others may use it, and it cannot be told who made it.

begin;

do $$
begin
    if to_regtype('value_at') is not null then
        drop aggregate first(double precision, timestamptz);
        drop aggregate last(double precision, timestamptz);
        drop function value_of(value_at), first_step(value_at, double precision, timestamptz),
            last_step(value_at, double precision, timestamptz), time_bucket(interval, timestamptz);
        drop type value_at;
    end if;
end $$;

commit;
