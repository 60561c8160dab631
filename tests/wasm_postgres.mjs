// SPDX-License-Identifier: MIT
// A PostgreSQL with TimescaleDB inside node. Reads one JSON string a line, a script of SQL; answers with
// one line, {"rows": of the last statement, as arrays} or {"error": message, "code": SQLSTATE}.
// Usage: node wasm_postgres.mjs <directory of the npm package>

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const dist = join(process.argv[2], 'dist');
const load = file => import(pathToFileURL(join(dist, file)).href);
const { PGlite } = await load('index.js');
const { timescaledb } = await load('timescaledb/index.js');

const db = await PGlite.create({ extensions: { timescaledb } });

async function answer(sql) {
  try {
    const results = await db.exec(sql, { rowMode: 'array' });
    return { rows: results.at(-1)?.rows ?? [] };
  } catch (error) {
    return { error: error.message, code: error.code };
  }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
await db.close();
