/** The store under a load at which a thread of its own folds the log, and killed in the midst of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { foldLog } from '../../gateway/storage/checkpointer.ts'
import { openStore } from '../../gateway/storage/store.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BUILT_STORE = new URL('../../gateway/dist/storage/store.js', import.meta.url).href

/** Writes rows of 2 kB, 50 to a transaction; says the last one of each that is on disk, and 0 for a thread. */
const WRITER = `
  process.once('worker', () => process.stdout.write('0 '))
  const { openStore } = await import(process.argv[1])
  const store = openStore({ path: process.argv[2] })
  await store.commit(() => store.prepare('CREATE TABLE note (n INTEGER PRIMARY KEY, text TEXT)').run())
  const insert = store.prepare('INSERT INTO note (n, text) VALUES (?, ?)')
  for (let n = 1; ; ) {
    const all = Array.from({ length: 50 }, () => store.commit(() => insert.run(n++, 'x'.repeat(2000))))
    await Promise.all(all)
    process.stdout.write((n - 1) + ' ')
  }
`

async function writeUntil(path: string, rows: number) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, BUILT_STORE, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  const said = () => text.trim().split(' ').map(Number)
  const keep = (chunk: Buffer) => {
    text += chunk.toString()
  }
  child.stdout.on('data', keep)
  while (Math.max(...said()) < rows) await once(child.stdout, 'data')
  return { child, said }
}

describe('a store that is written to without a pause', () => {
  it('keeps every row it said was kept when it is killed while a thread folds its log', async () => {
    const path = join(tempFolder(), 'kefu.db')
    const { child, said } = await writeUntil(path, 40_000)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const logBytes = statSync(`${path}-wal`).size
    const store = openStore({ path })
    const last = store.prepare<{ n: number }>('SELECT max(n) AS n FROM note').get()?.n ?? 0
    const count = store.prepare<{ n: number }>('SELECT count(*) AS n FROM note').get()?.n
    const sound = store.prepare<{ integrity_check: string }>('PRAGMA integrity_check').get()
    await store.close()
    expect(said()).toContain(0)
    expect(last).toBeGreaterThanOrEqual(Math.max(...said()))
    expect(count).toBe(last)
    expect(sound?.integrity_check).toBe('ok')
    // More was written, and SQLite's own limit is out of force beside the thread.
    expect(logBytes).toBeLessThan(64 * 2 ** 20)
  })

  it('has all of its log in the database once another connection has folded it', async () => {
    const path = join(tempFolder(), 'kefu.db')
    const store = openStore({ path })
    await store.commit(() => store.prepare('CREATE TABLE note (text TEXT)').run())
    const insert = store.prepare('INSERT INTO note (text) VALUES (?)')
    for (let n = 0; n < 50; n++) await store.commit(() => insert.run('x'.repeat(2000)))
    const { busy, log, checkpointed } = foldLog(path)()
    await store.close()
    expect(busy).toBe(0)
    expect(log).toBeGreaterThan(50)
    expect(checkpointed).toBe(log)
  })
})
