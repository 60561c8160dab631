-- SPDX-License-Identifier: MIT
-- Deploy tickd:schema_expect to pg
-- The verify scripts say what a table must have, one fact a line; this function finds the facts that do
-- not hold. More columns, constraints or indexes than asked for are no fault: other services may add.

begin;

create function schema_expect(relation regclass, wanted text[]) returns void
language plpgsql as $$
declare
    missing text;
begin
    select string_agg(fact, E'\n  ') into missing from (
        select unnest(wanted)
        except
        -- A column: name, type, "not null", "default ...".
        select concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                         case when a.attnotnull then 'not null' end,
                         case when a.attidentity <> '' then 'identity' end,
                         'default ' || pg_get_expr(d.adbin, d.adrelid))
        from pg_attribute a
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
        except
        select pg_get_constraintdef(oid) from pg_constraint where conrelid = relation
        except
        -- An index: "btree (symbol, "time" DESC)".
        select regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', '')
        from pg_index where indrelid = relation and indisvalid
    ) as t (fact);
    if missing is not null then
        raise exception E'% lacks\n  %', relation, missing;
    end if;
end $$;

commit;
