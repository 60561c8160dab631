/* SPDX-License-Identifier: MIT */
/*
 * The query about the schema: rows (kind, object, attribute, value), all text, none null.
 *
 * It reads the catalogs only, so that any role may run it on any database, whatever state the
 * schema is in. The view of hypertables is not there without the extension, so the query on it is
 * text, and is run only where the view is.
 */
#include "schema.h"

#include "schema_list.h"

#define RELATION_ITEM(name, owner)     #name ";"
#define FUNCTION_ITEM(name, arguments) #name "(" arguments ");"

/* The list without siblings: their columns are their own business. */
#define OUR_ITEM(name, owner) ITEM_OF_##owner(name)
#define ITEM_OF_OURS(name)    #name ";"
#define ITEM_OF_SIBLING(name)

/* One row for each item of a list that ends each with ';'. */
#define ITEMS(list) "unnest(string_to_array(rtrim('" list "', ';'), ';'))"

/* clang-format off */
const char schema_sql[] =
    "WITH relation AS ("
    " SELECT name, c.oid, c.relkind, c.relname, n.nspname"
    " FROM " ITEMS(RELATIONS(RELATION_ITEM)) " AS name"
    " JOIN pg_class c ON c.oid = to_regclass(name)"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    "), function AS ("
    " SELECT signature, to_regprocedure(signature)::oid AS oid"
    " FROM " ITEMS(FUNCTIONS(FUNCTION_ITEM)) " AS signature"
    "), attribute AS ("
    " SELECT name || '.' || attname AS col, a.* FROM relation r JOIN pg_attribute a ON attrelid = r.oid"
    " WHERE attnum > 0 AND NOT attisdropped"
    " AND name = ANY (string_to_array('" RELATIONS(OUR_ITEM) "', ';'))"
    "), path AS ("
    " SELECT CASE btrim(item, ' \"') WHEN '$user' THEN current_user ELSE btrim(item, ' \"') END AS nspname"
    " FROM unnest(string_to_array(current_setting('search_path'), ',')) AS item"
    ")"
    /* who asks, and where */
    " SELECT 'session', 'role', '', current_user::text"
    " UNION ALL SELECT 'session', 'database', '', current_database()::text"
    " UNION ALL SELECT 'session', 'search_path', '', current_setting('search_path')"
    " UNION ALL SELECT 'session', 'TEMP', '', has_database_privilege(current_database(), 'TEMP')::text"
    " UNION ALL SELECT 'schema', nspname::text, 'USAGE', has_schema_privilege(oid, 'USAGE')::text"
    "  FROM pg_namespace WHERE nspname IN (SELECT nspname FROM path)"
    " UNION ALL SELECT 'extension', extname::text, 'version', extversion"
    "  FROM pg_extension WHERE extname = 'timescaledb'"
    /* what is there */
    " UNION ALL SELECT 'relation', name, 'kind', relkind::text FROM relation"
    " UNION ALL SELECT 'relation', name, 'hypertable', (query_to_xml(format('SELECT 1 AS yes"
    " FROM timescaledb_information.hypertables WHERE hypertable_schema = %L AND hypertable_name = %L',"
    "   nspname, relname), false, true, '')::text LIKE '%<yes>1</yes>%')::text"
    "  FROM relation WHERE name = 'ticks' AND EXISTS ("
    "   SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    "   WHERE n.nspname = 'timescaledb_information' AND c.relname = 'hypertables'"
    "   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))"
    " UNION ALL SELECT 'relation', r.name, 'references', p.name"
    "  FROM pg_constraint JOIN relation r ON r.oid = conrelid JOIN relation p ON p.oid = confrelid"
    "  WHERE contype = 'f'"
    " UNION ALL SELECT 'relation', name, 'unique', ("
    "   SELECT string_agg(attname::text, ',' ORDER BY attname::text COLLATE \"C\") FROM pg_attribute"
    "   WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1]))"
    "  FROM pg_index JOIN relation r ON r.oid = indrelid"
    "  WHERE indisunique AND indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL"
    /* its columns */
    " UNION ALL SELECT 'column', col, 'type', format_type(atttypid, NULL) FROM attribute"
    " UNION ALL SELECT 'column', col, 'characters', (atttypmod - 4)::text FROM attribute"
    "  WHERE atttypmod > 4 AND atttypid = 'varchar'::regtype"
    " UNION ALL SELECT 'column', col, 'must be filled', 'true' FROM attribute"
    "  WHERE attnotnull AND NOT atthasdef AND attidentity = ''"
    " UNION ALL SELECT 'column', col, p, has_column_privilege(attrelid, attnum, p)::text"
    "  FROM attribute, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p"
    /* functions */
    " UNION ALL SELECT 'function', signature, 'EXECUTE', has_function_privilege(oid, 'EXECUTE')::text"
    "  FROM function WHERE oid IS NOT NULL"
    " UNION ALL SELECT 'function', signature, 'namesake', 'true' FROM function"
    "  WHERE oid IS NULL AND EXISTS (SELECT FROM pg_proc p"
    "   WHERE proname = split_part(signature, '(', 1) AND pg_function_is_visible(p.oid))";
/* clang-format on */
