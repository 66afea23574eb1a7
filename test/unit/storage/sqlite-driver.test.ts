import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { Database } from '../../../gateway/storage/sqlite-driver.ts'

/** Thousands of statements become garbage, which V8 collects from a task of its own while nothing runs. */
const FORGET_STATEMENTS = `
  import { createRequire } from 'node:module'
  import { setFlagsFromString } from 'node:v8'
  import { runInNewContext } from 'node:vm'
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  const require = createRequire(process.argv[1])
  const Database = require(Number(process.versions.napi) >= 10 ? 'better-sqlite3-napi' : 'better-sqlite3')
  const db = new Database(':memory:')
  for (let i = 0; i < 2000; i++) db.prepare('select ' + i).get()
  await gc({ type: 'major', execution: 'async' })
  console.log('alive')
`

describe('the SQLite driver that was chosen', () => {
  it('works on this Node', () => {
    const db = new Database(':memory:')
    expect(db.prepare('SELECT 1 AS one').get()).toEqual({ one: 1 })
    db.close()
  })

  it('outlives its statements, whenever they are collected', () => {
    const args = ['--input-type=module', '-e', FORGET_STATEMENTS, import.meta.filename]
    expect(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()).toBe('alive')
  })
})
