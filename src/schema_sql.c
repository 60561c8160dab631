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

/* The standard warns of compilers that take no more than 4095 characters; none of ours is one. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */
const char schema_sql[] =
    "WITH RECURSIVE relation AS ("
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
    "), part AS (" /* ticks, and all its chunks or partitions */
    " SELECT oid FROM relation WHERE name = 'ticks'"
    " UNION ALL SELECT inhrelid FROM pg_inherits JOIN part ON inhparent = part.oid"
    "), key AS ("
    " SELECT k.* FROM pg_constraint k JOIN relation p ON p.oid = confrelid"
    " WHERE contype = 'f' AND p.name = 'pairs'"
    "), inserting AS (" /* triggers that an INSERT fires, and whether they are the foreign key's */
    " SELECT tgname, tgrelid, (tgenabled = 'O' AND NOT key.condeferrable) IS TRUE AS own"
    " FROM pg_trigger JOIN part ON part.oid = tgrelid LEFT JOIN key ON key.oid = tgconstraint"
    " WHERE tgtype & 4 <> 0"
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
    "   WHERE proname = split_part(signature, '(', 1) AND pg_function_is_visible(p.oid))"
    /* may the foreign key be checked once a batch? The same rule as ingest_check_pairs() has */
    " UNION ALL SELECT 'fk', 'session', 'role', current_user::text"
    " UNION ALL SELECT 'fk', 'session', 'version', current_setting('server_version_num')"
    " UNION ALL SELECT 'fk', 'session', name, current_setting(name)"
    "  FROM (VALUES ('session_replication_role')) AS v (name)"
    " UNION ALL SELECT 'fk', 'session', 'SET', (query_to_xml("
    "   'SELECT 1 AS yes WHERE has_parameter_privilege(''session_replication_role'', ''SET'')',"
    "   false, true, '')::text LIKE '%<yes>1</yes>%')::text"
    "  WHERE current_setting('server_version_num')::integer >= 150000"
    " UNION ALL SELECT 'fk', 'ingest_check_pairs()', 'EXECUTE', has_function_privilege(f, 'EXECUTE')::text"
    "  FROM to_regprocedure('ingest_check_pairs(text[])') AS f WHERE f IS NOT NULL"
    " UNION ALL SELECT 'fk', name, 'plain table', (relkind = 'r')::text FROM relation WHERE name = 'pairs'"
    " UNION ALL SELECT 'fk', name, 'lock', has_any_column_privilege(oid, 'UPDATE')::text"
    "  FROM relation WHERE name = 'pairs'"
    " UNION ALL SELECT 'fk', name, 'row security', row_security_active(oid)::text"
    "  FROM relation WHERE name = 'pairs'"
    " UNION ALL SELECT 'fk', conname::text, 'key', concat("
    "   (SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)),"
    "   ' = ',"
    "   (SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = confrelid AND attnum = ANY (confkey)),"
    "   CASE WHEN condeferrable THEN ', deferrable' ELSE ', immediate' END,"
    "   CASE WHEN confdeltype IN ('a', 'r') AND confupdtype IN ('a', 'r') THEN ', restrict' ELSE ', cascade' END)"
    "  FROM key WHERE conrelid IN (SELECT oid FROM relation WHERE name = 'ticks')"
    " UNION ALL SELECT 'fk', name, 'checked', (EXISTS (SELECT FROM inserting WHERE tgrelid = oid AND own))::text"
    "  FROM relation WHERE name = 'ticks'"
    " UNION ALL SELECT * FROM (SELECT 'fk', format('%I on %s', tgname, tgrelid::regclass), 'trigger', ''"
    "  FROM inserting WHERE NOT own LIMIT 1) AS other";
/* clang-format on */
