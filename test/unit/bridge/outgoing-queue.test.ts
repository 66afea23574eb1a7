import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BRIDGE_SQL, createBridgeRows } from '../../../gateway/bridge/bridge-rows.ts'
import {
  type BridgedMessage,
  createOutgoingQueue,
  MAX_LARGE_WAITING,
} from '../../../gateway/bridge/outgoing-queue.ts'
import type { LedgerDraft, LedgerEntry } from '../../../gateway/ledger/port.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import { handClock } from '../../support/clock.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const BROKER_START_MS = Date.UTC(2026, 0, 1)

/** The queue over a real store; the record is a list, since only its two calls matter here. */
function makeQueue(maxWaiting = 10) {
  const store = openStore({ path: join(tempFolder(), 'kefu.db'), synchronous: 'OFF' })
  const rows = createBridgeRows(store, 'b')
  const clock = handClock()
  const entries: LedgerEntry[] = []
  const dropped: string[] = []
  const ledger = {
    append: (draft: LedgerDraft) => {
      const position = { index: entries.length, sequence: entries.length + 1 }
      entries.push({ ...draft, ...position })
      return position
    },
    entryAt: (index: number) => entries[index],
  }
  const queue = createOutgoingQueue({
    store,
    rows,
    clock,
    brokerMs: () => BROKER_START_MS + clock.monotonic(),
    ledger,
    bridge: 'b',
    maxWaiting,
    onDropped: (outcome, detail) => dropped.push(`${outcome}: ${detail}`),
  })
  const add = (fields: Partial<BridgedMessage>) =>
    store.commit(() =>
      queue.add({
        topic: 't',
        payload: Buffer.from('x'),
        qos: 1,
        retain: false,
        properties: undefined,
        ...fields,
      }),
    )
  return { store, rows, clock, entries, dropped, queue, add }
}

describe('what waits to leave', () => {
  it('comes back as it was given, with its properties, in order', async () => {
    const { queue, add } = makeQueue()
    const properties = {
      contentType: 'text/plain',
      correlationData: Buffer.from([1, 2]),
      userProperties: [['password', 'as it is']] as [string, string][],
    }
    await add({ topic: 'a', payload: Buffer.from([0, 255]), qos: 2, retain: true, properties })
    await add({ topic: 'b' })
    const [a, b] = await queue.next(-1, 10)
    expect(a).toEqual({
      idx: 0,
      topic: 'a',
      payload: Buffer.from([0, 255]),
      qos: 2,
      retain: true,
      properties,
    })
    expect(b?.topic).toBe('b')
    expect((await queue.next(0, 10)).map((one) => one.idx)).toEqual([1])
  })

  it('moves the high-water mark only when it is settled, once', async () => {
    const { queue, add, rows } = makeQueue()
    for (const topic of ['a', 'b']) await add({ topic })
    expect(rows.mark().sentIdx).toBe(-1)
    await queue.settle(0, 'sent')
    await queue.settle(0, 'sent')
    expect(rows.mark()).toEqual({ sentIdx: 0, sent: 1, refused: 0, expired: 0 })
    expect(queue.waiting()).toBe(1)
  })

  it('is bounded: the oldest gives way and is counted', async () => {
    const { queue, add, rows, dropped } = makeQueue(2)
    for (const topic of ['a', 'b', 'c']) await add({ topic })
    expect((await queue.next(-1, 10)).map((one) => one.topic)).toEqual(['b', 'c'])
    expect(rows.mark().expired).toBe(1)
    expect(dropped).toEqual(['expired: 2 messages wait; the oldest gave way'])
  })

  it('is bounded apart where it is large, and the record keeps its hash', async () => {
    const { queue, add, entries } = makeQueue(MAX_LARGE_WAITING * 2)
    const payload = Buffer.alloc(40_000, 7)
    for (let n = 0; n <= MAX_LARGE_WAITING; n++) await add({ payload })
    expect(queue.waiting()).toBe(MAX_LARGE_WAITING)
    expect((await queue.next(-1, 1))[0]?.payload.equals(payload)).toBe(true)
    expect(entries[0]?.body.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(entries[0]?.personal).toEqual({})
  })

  it('is refused where no record could hold it', async () => {
    const { queue, add, dropped } = makeQueue()
    expect(await add({ topic: 'x'.repeat(50_000) })).toBe(false)
    expect(queue.waiting()).toBe(0)
    expect(dropped[0]).toMatch(/^refused: /)
  })

  it('is not sent after its expiry, and what is sent says how long it still has', async () => {
    const { queue, add, clock, rows } = makeQueue()
    await add({ topic: 'short', properties: { messageExpiryInterval: 10 } })
    await add({ topic: 'long', properties: { messageExpiryInterval: 100 } })
    clock.advance(30_000)
    const found = await queue.next(-1, 10)
    expect(found).toMatchObject([{ topic: 'long', properties: { messageExpiryInterval: 70 } }])
    expect(rows.mark().expired).toBe(1)
  })

  it('is found by index: no statement reads the whole table', () => {
    const { store } = makeQueue()
    for (const sql of Object.values(BRIDGE_SQL)) {
      const params = Array.from(sql.matchAll(/\?/g), () => 1)
      const plan = store.prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...params)
      expect(plan.map((row) => row.detail).join('; '), sql).not.toMatch(/SCAN bridge/)
    }
  })
})
