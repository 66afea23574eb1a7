import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLaneReader } from '../../../gateway/ledger/lane-reader.ts'
import type { Statement } from '../../../gateway/storage/store.ts'
import { type Fixture, openFixture } from './fixture.ts'

const LARGE_BYTES = 60_000

let box: Fixture
let readBytes: number
/** Statements that ran. */
let ran: string[]
beforeEach(() => {
  box = openFixture()
  readBytes = 0
})
afterEach(() => box.close())

const append = (size: number) => box.append({ body: { text: 'x'.repeat(size) }, personal: {} })

/** Reads over a store that counts what entries came out of the database. */
function read(after: number, maxEntries: number, maxBytes: number) {
  const counted = <R>(sql: string, statement: Statement<R>): Statement<R> => ({
    ...statement,
    get: (...params) => {
      ran.push(sql)
      const row = statement.get(...params)
      const { bytes } = (row ?? {}) as { bytes?: Uint8Array | null }
      readBytes += bytes?.length ?? 0
      return row
    },
  })
  const prepare = <R>(sql: string) => counted<R>(sql, box.store.prepare(sql))
  const store = { ...box.store, prepare }
  const reader = createLaneReader(store, () => undefined)
  const upTo = box.ledger.balance().find((one) => one.lane === 'session')?.accepted ?? 0
  readBytes = 0
  ran = []
  const slice = { lane: 'session', after, upTo, below: 1e9, maxEntries, maxBytes } as const
  return reader(slice, () => 'epoch-1').map((entry) => entry.sequence)
}

test('no more is read of large entries than the slice may hold, and one at least', async () => {
  for (let n = 0; n < 20; n++) await append(LARGE_BYTES)
  expect(read(0, 64, 256 * 1024)).toEqual([1, 2, 3, 4])
  expect(readBytes).toBeLessThanOrEqual(256 * 1024)
  expect(read(4, 64, 1)).toEqual([5])
  expect(readBytes).toBeLessThan(2 * LARGE_BYTES)
})

test('a large entry among small ones is read with them while it fits', async () => {
  for (let n = 0; n < 10; n++) await append(10)
  await append(LARGE_BYTES)
  for (let n = 0; n < 10; n++) await append(10)
  expect(read(0, 64, 256 * 1024)).toHaveLength(21)
  expect(read(0, 64, 32 * 1024)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(readBytes).toBeLessThan(32 * 1024)
  expect(read(10, 64, 32 * 1024)).toEqual([11])
})

test('what is in quarantine makes no lane stand still before a large entry', async () => {
  for (let n = 0; n < 5; n++) await append(10)
  await append(LARGE_BYTES)
  for (let n = 1; n <= 5; n++) await box.ledger.quarantine('session', n, 'core.invalid')
  expect(read(0, 2, 4096)).toEqual([6])
})

test('of ordinary entries the sizes are not added up first, and an index says that they are', async () => {
  for (let n = 0; n < 10; n++) await append(500)
  expect(read(0, 64, 1e6)).toHaveLength(10)
  expect(ran).toHaveLength(2)
  const plan = box.store.prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${ran[0]}`).all(0, 9)
  expect(plan.map((step) => step.detail).join()).toContain('INDEX ledger_entry_large')
})
