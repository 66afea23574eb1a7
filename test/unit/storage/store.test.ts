import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../gateway/errors.ts'
import { Database } from '../../../gateway/storage/sqlite-driver.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const insert =
  "INSERT INTO claim (code_hash, kind, groups, expires_at) VALUES (?, 'kiosk', '[]', 1)"
const key = (n: number) => new Uint8Array([n])

function open() {
  const path = join(tempFolder(), 'kefu.db')
  const store = openStore({ path })
  const count = () => {
    const other = new Database(path, { readonly: true })
    try {
      return other.prepare('SELECT count(*) FROM claim').pluck().get() as number
    } finally {
      other.close()
    }
  }
  return { store, path, count }
}

describe('group commit', () => {
  it('keeps the work of one loop turn in one transaction and resolves once it is on disk', async () => {
    const { store, count } = open()
    const add = store.prepare(insert)
    const both = [store.commit(() => add.run(key(1))), store.commit(() => add.run(key(2)))]
    expect(count()).toBe(0)
    await Promise.all(both)
    expect(count()).toBe(2)
    await store.close()
  })

  it('says that it cannot be written while the disk is full, and that it can when there is room', async () => {
    const { store } = open()
    const pages = store.prepare<{ page_count: number }>('PRAGMA page_count').get()?.page_count ?? 0
    const limit = (count: number) => store.prepare(`PRAGMA max_page_count = ${count}`).get()
    const large = () => store.prepare(insert).run(new Uint8Array(1_000_000))
    expect(store.isWritable()).toBe(true)
    limit(pages)
    await expect(store.commit(large)).rejects.toThrow()
    await store.durable()
    expect(store.isWritable()).toBe(false)
    limit(1_000_000)
    await store.commit(large)
    expect(store.isWritable()).toBe(true)
    await store.close()
  })

  it('undoes only the work that threw', async () => {
    const { store, count } = open()
    const add = store.prepare(insert)
    const good = store.commit(() => add.run(key(1)))
    const bad = store.commit(() => {
      add.run(key(2))
      throw new Error('no')
    })
    await expect(bad).rejects.toThrow('no')
    await good
    expect(count()).toBe(1)
    await store.close()
  })

  it('lets later work of the same turn read what earlier work wrote', async () => {
    const { store } = open()
    const all = store.prepare('SELECT * FROM claim')
    void store.commit(() => store.prepare(insert).run(key(1)))
    expect(await store.commit(() => all.all().length)).toBe(1)
    await store.close()
  })

  it('keeps what was written in the turn in which the store is closed', async () => {
    const { store, count } = open()
    const done = store.commit(() => store.prepare(insert).run(key(1)))
    await store.close()
    await done
    expect(count()).toBe(1)
    await expect(store.commit(() => 1)).rejects.toMatchObject({ code: 'storage.closed' })
  })

  it('tells the rooms that hold derived state when work was undone', async () => {
    const { store } = open()
    let told = 0
    store.onRollback(() => told++)
    await store.commit(() => 1)
    expect(told).toBe(0)
    await expect(
      store.commit(() => {
        throw new Error('no')
      }),
    ).rejects.toThrow()
    expect(told).toBe(1)
    await store.close()
  })

  it('resolves durable() only after the open transaction is on disk', async () => {
    const { store, count } = open()
    await store.durable()
    void store.commit(() => store.prepare(insert).run(key(1)))
    await store.durable()
    expect(count()).toBe(1)
    await store.close()
  })
})

describe('work that may wait', () => {
  it('rides along on the next transaction, once however often it was given', async () => {
    const { store, count } = open()
    let runs = 0
    const work = () => {
      runs += 1
      store.prepare(insert).run(key(runs))
    }
    store.soon(work)
    store.soon(work)
    expect([runs, count()]).toEqual([0, 0])
    await store.commit(() => store.prepare(insert).run(key(100)))
    expect([runs, count()]).toEqual([1, 2])
    await store.commit(() => store.prepare(insert).run(key(101)))
    expect([runs, count()]).toEqual([1, 3])
    await store.close()
  })

  it('takes a transaction of its own where nobody writes', async () => {
    const { store, count } = open()
    await new Promise<void>((resolve) => {
      store.soon(() => {
        store.prepare(insert).run(key(1))
        resolve()
      })
    })
    await store.durable()
    expect(count()).toBe(1)
    await store.close()
  })

  it('leaves the disk as strict as it was, once work that could wait had a transaction of its own', async () => {
    const { store } = open()
    const FULL = 2
    const strictness = () => store.prepare('PRAGMA synchronous').get()
    expect(strictness()).toEqual({ synchronous: FULL })
    let during: unknown
    await new Promise<void>((resolve) => {
      store.soon(() => {
        during = strictness()
        setImmediate(resolve)
      })
    })
    expect(during).toEqual({ synchronous: FULL - 1 })
    expect(strictness()).toEqual({ synchronous: FULL })
    await store.close()
  })

  it('is done when the store closes', async () => {
    const { store, count } = open()
    store.soon(() => void store.prepare(insert).run(key(1)))
    await store.close()
    expect(count()).toBe(1)
  })
})

describe('opening', () => {
  it('refuses a database of a newer version and says so', async () => {
    const { store, path } = open()
    await store.close()
    const db = new Database(path)
    db.exec("INSERT INTO migration (id, name) VALUES (9999, 'from the future')")
    db.close()
    expect(() => openStore({ path })).toThrow(
      expect.objectContaining({ code: 'storage.newer-schema' }),
    )
  })

  it('names the path when the folder is not there', () => {
    expect(() => openStore({ path: '/nowhere/at/all/kefu.db' })).toThrow(GatewayError)
    expect(() => openStore({ path: '/nowhere/at/all/kefu.db' })).toThrow('/nowhere/at/all')
  })

  it('copies itself whole while work goes on', async () => {
    const { store } = open()
    const copy = join(tempFolder(), 'copy.db')
    await store.commit(() => store.prepare(insert).run(key(1)))
    const [, after] = await Promise.all([
      store.backup(copy),
      store.commit(() => store.prepare(insert).run(key(2))),
    ])
    expect(after.changes).toBe(1)
    const opened = openStore({ path: copy })
    expect(opened.prepare('SELECT * FROM claim').all().length).toBeGreaterThan(0)
    await opened.close()
    await store.close()
  })
})
