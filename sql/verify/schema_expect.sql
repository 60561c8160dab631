-- SPDX-License-Identifier: MIT
-- Verify tickd:schema_expect on pg

begin;

-- Passes what is there and names what is not.
do $$
begin
    perform schema_expect('pg_class', array['relname name not null']);
    begin
        perform schema_expect('pg_class', array['relname text']);
    exception
        when raise_exception then
            if sqlerrm like '%relname text%' then
                return;
            end if;
    end;
    raise exception 'schema_expect() overlooks a missing column';
end $$;

rollback;
