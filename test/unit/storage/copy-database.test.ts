import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openStore } from '../../../gateway/storage/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

it('copies the whole database while every turn of the loop has a transaction open', async () => {
  const dir = tempFolder()
  const store = openStore({ path: join(dir, 'a.db'), synchronous: 'OFF' })
  store.prepare('CREATE TABLE fact (n INTEGER PRIMARY KEY, text TEXT) STRICT').run()
  const insert = store.prepare('INSERT INTO fact (text) VALUES (?)')
  for (let n = 0; n < 500; n++) await store.commit(() => insert.run('x'.repeat(2000)))
  let isWriting = true
  const write = (): void => {
    if (!isWriting) return
    store
      .commit(() => insert.run('later'))
      .then(
        () => undefined,
        () => undefined,
      )
    setImmediate(write)
  }
  write()
  const open = store.commit(() => insert.run('not yet committed'))
  for (let n = 0; n < 5; n++) {
    const path = join(dir, `copy-${n}.db`)
    await store.backup(path)
    const copy = openStore({ path, readonly: true })
    const rows = copy.prepare<{ n: number; longest: number }>(
      'SELECT count(*) AS n, max(n) AS longest FROM fact',
    )
    const { n: count = 0, longest } = rows.get() ?? {}
    expect(count).toBeGreaterThanOrEqual(500)
    expect(longest).toBe(count)
    expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    await copy.close()
  }
  isWriting = false
  await open
  await store.close()
})
