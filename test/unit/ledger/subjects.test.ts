import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { databaseEvidence } from '../../../gateway/ledger/evidence.ts'
import { createSubjectRights, type SubjectRights } from '../../../gateway/ledger/subjects.ts'
import { decodeVerifierKey } from '../../../gateway/ledger/tlog/note.ts'
import { verifyLedger } from '../../../gateway/ledger/verify.ts'
import { Database } from '../../../gateway/storage/sqlite-driver.ts'
import { type Fixture, openFixture } from './fixture.ts'

const wang = { id: 'P-1001', kind: 'patient' } as const
const li = { id: 'P-1002', kind: 'patient' } as const
const MONTH_MS = 30 * 86_400_000

let box: Fixture
let rights: SubjectRights
let erasedElsewhere: string[]
beforeEach(async () => {
  box = openFixture()
  erasedElsewhere = []
  rights = createSubjectRights({
    store: box.store,
    clock: box.clock,
    ledger: box.ledger,
    alsoErase: [(who) => erasedElsewhere.push(who.id)],
  })
  for (let i = 0; i < 40; i++) {
    await box.append({
      subject: i % 2 === 0 ? wang : li,
      atMs: box.clock.nowMs + (i >= 20 ? MONTH_MS : 0),
      personal: { heard: [`我的血压是${120 + i}`] },
      askKey: { deviceId: 'kiosk-01', askId: `a${i}` },
    })
  }
  await box.ledger.checkpoint()
})
afterEach(() => box.close())

const isWhole = (): boolean =>
  verifyLedger(databaseEvidence(box.store), {
    logKey: decodeVerifierKey(box.ledger.verifierKey),
    cosigners: [],
  }).isWhole

/** Every byte of the data folder: database, write-ahead log, shared memory. */
const allBytes = (): Buffer =>
  Buffer.concat(readdirSync(box.dir).map((name) => readFileSync(join(box.dir, name))))

function wrappedKeys(ids: readonly number[]): readonly Buffer[] {
  return ids.map((id) => {
    const row = box.store
      .prepare<{ wrapped: Uint8Array }>('SELECT wrapped FROM subject_key WHERE id = ?')
      .get(id)
    return Buffer.from(row?.wrapped ?? [])
  })
}

describe('export of one person', () => {
  test('has every entry of that person with its words, and none of another', async () => {
    const entries = await rights.exportOf(wang)
    expect(entries).toHaveLength(20)
    expect(entries.every((entry) => entry.subject?.id === wang.id)).toBe(true)
    expect(entries.at(-1)?.personal).toEqual({ heard: ['我的血压是158'] })
    expect(box.ledger.entryAt(box.ledger.size() - 1)).toMatchObject({
      kind: 'subject.exported',
      body: { entries: 20 },
    })
  })

  test('of somebody unknown is empty', async () => {
    expect(await rights.exportOf({ id: 'nobody', kind: 'visitor' })).toEqual([])
  })
})

describe('erasure', () => {
  test('content is gone, for others it stays, and the proof stands', async () => {
    const before = await rights.exportOf(wang)
    const report = await rights.erase(wang, 'asked for it')
    expect(report).toEqual({ keys: 2, isScrubbed: true })
    expect(erasedElsewhere).toEqual([wang.id])
    expect(await rights.exportOf(wang)).toEqual([])
    for (const { index } of before) {
      const entry = box.ledger.entryAt(index)
      expect(entry).toMatchObject({ kind: 'turn', body: { intent: 'opening-hours' } })
      expect(entry?.personal).toBeUndefined()
      expect(entry?.subject).toBeUndefined()
    }
    expect(box.ledger.seen('kiosk-01', 'a0')?.personal).toBeUndefined()
    expect(box.ledger.seen('kiosk-01', 'a1')?.personal).toEqual({ heard: ['我的血压是121'] })
    await box.ledger.checkpoint()
    expect(isWhole()).toBe(true)
    await box.reopen()
    expect(box.ledger.entryAt(before[0]?.index ?? 0)?.personal).toBeUndefined()
  })

  test('no copy of the keys is left in database, write-ahead log or freed pages', async () => {
    // Thousands of other keys, so that the table has many pages and its pages were split.
    for (let i = 0; i < 20; i++) {
      await box.store.commit(() => {
        for (let n = 0; n < 100; n++) {
          box.ledger.subjectKeys.seal({ id: `V-${i}-${n}`, kind: 'visitor' }, 'C2', 0, Buffer.of(1))
        }
      })
    }
    const ids = box.ledger.subjectKeys.idsOf(wang)
    const keys = wrappedKeys(ids)
    const copies = () => keys.filter((key) => allBytes().includes(key)).length
    expect([keys.length, copies()]).toEqual([2, 2])
    await rights.erase(wang, 'asked for it')
    expect(copies()).toBe(0)
    const others = wrappedKeys(box.ledger.subjectKeys.idsOf(li))
    expect(others.filter((key) => allBytes().includes(key))).toHaveLength(2)
  })

  test('beside a reader of an older state holds nobody up, and the last copies go when he has ended', async () => {
    const keys = wrappedKeys(box.ledger.subjectKeys.idsOf(wang))
    const copies = () => keys.filter((key) => allBytes().includes(key)).length
    const reader = new Database(box.path, { readonly: true })
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM ledger_entry').get()
    const startedAt = performance.now()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const reports: unknown[] = []
      const erased = rights.erase(wang, 'asked for it').then((report) => reports.push(report))
      while (reports.length === 0) {
        await vi.advanceTimersByTimeAsync(100)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await erased
      expect(reports).toEqual([{ keys: 2, isScrubbed: false }])
      expect(performance.now() - startedAt).toBeLessThan(4000)
      expect(copies()).toBe(2)
      reader.exec('COMMIT')
      await vi.advanceTimersByTimeAsync(5000)
      expect(copies()).toBe(0)
    } finally {
      vi.useRealTimers()
      reader.close()
    }
  })

  test('what the person says later is kept under a new key', async () => {
    await rights.erase(wang, 'asked for it')
    const index = await box.append({ subject: wang })
    expect(box.ledger.entryAt(index)?.subject).toEqual(wang)
    expect((await rights.exportOf(wang)).map((entry) => entry.index)).toEqual([index])
  })

  test('is refused under a legal hold, and done when it is lifted', async () => {
    await rights.hold(wang, 'case 2026-118')
    await expect(rights.erase(wang, 'asked')).rejects.toMatchObject({ code: 'ledger.held' })
    expect(await rights.exportOf(wang)).toHaveLength(20)
    await rights.release(wang, 'case closed')
    expect((await rights.erase(wang, 'asked')).keys).toBe(2)
  })
})

describe('the master key', () => {
  test('of another box opens nothing, and says so at the start', async () => {
    const { createKeyRing } = await import('../../../gateway/ledger/key-ring.ts')
    const { createLedger } = await import('../../../gateway/ledger/ledger.ts')
    const keys = createKeyRing({
      masterKey: new Uint8Array(32).fill(8),
      signingKey: box.keys.signingKey,
      random: (bytes) => void bytes.fill(1),
    })
    const open = () =>
      createLedger({
        store: box.store,
        clock: box.clock,
        keys,
        random: (bytes) => void bytes.fill(1),
        gatewayId: 'box-1',
      })
    expect(open).toThrow(expect.objectContaining({ code: 'ledger.key-unreadable' }))
  })
})
