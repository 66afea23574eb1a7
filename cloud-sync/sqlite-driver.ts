/**
 * The SQLite driver that fits this Node.
 *
 * better-sqlite3 13 stands on Node-API 10, which Node 20 does not have: it would end the process. 12 frees its
 * statements in a way that ends the process on Node 24.19 and newer, at whatever moment one is collected
 * (WiseLibs/better-sqlite3, issues 1514 and 1515). Both have the same interface.
 */
import { createRequire } from 'node:module'
import type BetterSqlite3 from 'better-sqlite3'

const NODE_API = 10
const require = createRequire(import.meta.url)

/** Both are optional to npm, since each needs what one machine or the other has not. */
function load(): typeof BetterSqlite3 {
  if (Number(process.versions.napi) < NODE_API) return require('better-sqlite3')
  try {
    return require('better-sqlite3-napi')
  } catch {
    return require('better-sqlite3')
  }
}

export const Database: typeof BetterSqlite3 = load()
