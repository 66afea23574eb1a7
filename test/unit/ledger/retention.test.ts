import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { databaseEvidence } from '../../../gateway/ledger/evidence.ts'
import { exportEvidence, writeExport } from '../../../gateway/ledger/export.ts'
import { balanceFromDatabase, unbalanced } from '../../../gateway/ledger/lanes.ts'
import type { TimeDoubt } from '../../../gateway/ledger/port.ts'
import { createRetention } from '../../../gateway/ledger/retention.ts'
import { createTimeFloor } from '../../../gateway/ledger/time-floor.ts'
import { decodeVerifierKey } from '../../../gateway/ledger/tlog/note.ts'
import { verifyLedger } from '../../../gateway/ledger/verify.ts'
import { type Fixture, openFixture, seededRandom, turn } from './fixture.ts'

const DAY_MS = 86_400_000
const wang = { id: 'P-1001', kind: 'patient' } as const

let box: Fixture
let doubt: TimeDoubt | undefined
beforeEach(() => {
  doubt = undefined
  box = openFixture({ time: { doubt: () => doubt } })
})
afterEach(() => box.close())

const retention = () =>
  createRetention({
    store: box.store,
    clock: box.clock,
    ledger: box.ledger,
    time: { doubt: () => doubt, provenMs: () => box.clock.nowMs },
  })

async function fill(count: number): Promise<void> {
  await box.store.commit(() => {
    for (let i = 0; i < count; i++) {
      const lane = i % 5 === 0 ? 'telemetry' : 'session'
      box.ledger.append(
        turn({ lane, atMs: box.clock.nowMs, ...(i === 7 ? { subject: wang } : {}) }),
      )
    }
  })
}

async function settleAll(): Promise<void> {
  for (const { lane, accepted } of box.ledger.balance())
    await box.ledger.acknowledge(lane, accepted)
}

const report = () =>
  verifyLedger(databaseEvidence(box.store), {
    logKey: decodeVerifierKey(box.ledger.verifierKey),
    cosigners: [],
  })

const pass = (days: number): void => {
  box.clock.nowMs += days * DAY_MS
}

describe('segments', () => {
  beforeEach(async () => {
    for (let i = 0; i < 3; i++) await box.append({ lane: 'critical' })
    await fill(3000)
    await settleAll()
    await box.ledger.checkpoint()
  })

  test('past the maximum go whole, with tree, balance, export and sequences as before', async () => {
    const books = box.ledger.balance()
    const root = report().root
    pass(1096)
    await fill(400)
    const done = await retention().run()
    expect(done.entriesRemoved).toBe(11 * 256)
    expect(done.firstIndex).toBe(11 * 256)
    const away = `${box.dir}/exported-at-once`
    writeExport(databaseEvidence(box.store), box.ledger.verifierKey, away)
    const key = decodeVerifierKey(box.ledger.verifierKey)
    expect(verifyLedger(exportEvidence(away), { logKey: key, cosigners: [] }).findings).toEqual([])
    await box.ledger.checkpoint()
    const after = report()
    expect(after.findings).toEqual([])
    expect(after.removed).toBe(11 * 256)
    expect(after.root).not.toBe(root)
    expect(unbalanced(balanceFromDatabase(box.store))).toEqual([])
    await box.reopen()
    const telemetry = (all: typeof books) => all.find((lane) => lane.lane === 'telemetry')
    expect(telemetry(box.ledger.balance())?.accepted).toBe((telemetry(books)?.accepted ?? 0) + 80)
    expect(balanceFromDatabase(box.store)).toEqual(box.ledger.balance())
    await box.append()
    await box.ledger.checkpoint()
    expect(report().isWhole).toBe(true)
    const dir = `${box.dir}/export`
    writeExport(databaseEvidence(box.store), box.ledger.verifierKey, dir)
    const logKey = decodeVerifierKey(box.ledger.verifierKey)
    expect(verifyLedger(exportEvidence(dir), { logKey, cosigners: [] })).toMatchObject({
      isWhole: true,
      removed: 11 * 256,
    })
  })

  test('a lane whose every entry was removed goes on counting', async () => {
    pass(1096)
    await box.append({ lane: 'telemetry', atMs: box.clock.nowMs })
    await fill(600)
    await retention().run()
    await box.reopen()
    const critical = box.ledger.readLane('critical', 0, 10, 1e6)
    expect(critical).toEqual([])
    await box.append({ lane: 'critical' })
    const books = box.ledger.balance().find((lane) => lane.lane === 'critical')
    expect(books).toMatchObject({ accepted: 4, delivered: 3, pending: 1 })
    expect(balanceFromDatabase(box.store)).toEqual(box.ledger.balance())
    await box.ledger.checkpoint()
    expect(report().findings).toEqual([])
  })

  test('proofs over the removed part are still made', async () => {
    const size = box.ledger.size()
    const before = box.ledger.consistency(700, size).map((hash) => Buffer.from(hash))
    pass(1096)
    await retention().run()
    expect(box.ledger.consistency(700, size).map((hash) => Buffer.from(hash))).toEqual(before)
  })

  test('stay until their maximum, and until their minimum where the disk is short', async () => {
    pass(179)
    expect((await retention().run({ diskIsShort: true })).entriesRemoved).toBe(0)
    pass(2)
    expect((await retention().run()).entriesRemoved).toBe(0)
    expect((await retention().run({ diskIsShort: true })).entriesRemoved).toBe(11 * 256)
  })

  test('under a legal hold stay, with everything after them', async () => {
    box.store.commit(() => box.ledger.subjectKeys.hold(wang, 'case', 0)).catch(() => undefined)
    pass(2000)
    expect(await retention().run()).toMatchObject({ entriesRemoved: 0 })
    expect(box.ledger.entryAt(11)?.subject).toEqual(wang)
    await box.store.commit(() => box.ledger.subjectKeys.release(wang))
    expect((await retention().run()).entriesRemoved).toBe(11 * 256)
  })

  test('that nobody comes for, as no core is configured, go like others', async () => {
    await box.close()
    box = openFixture({ time: { doubt: () => doubt }, hasCore: false })
    await fill(600)
    await box.ledger.checkpoint()
    pass(1096)
    expect((await retention().run()).entriesRemoved).toBe(512)
    expect(unbalanced(balanceFromDatabase(box.store))).toEqual([])
    expect(balanceFromDatabase(box.store)).toEqual(box.ledger.balance())
    await box.reopen()
    expect(balanceFromDatabase(box.store)).toEqual(box.ledger.balance())
    await box.ledger.checkpoint()
    expect(report().findings).toEqual([])
  })

  test('deleted by hand, with no entry that says so, are found', async () => {
    box.store.prepare('DELETE FROM ledger_entry WHERE idx < 256').run()
    expect(report().findings.map((one) => one.code)).toContain('removal-not-recorded')
  })
})

describe('what must not go', () => {
  test('entries that wait for the cloud stay, however old', async () => {
    await fill(600)
    await box.ledger.checkpoint()
    pass(3000)
    expect((await retention().run()).entriesRemoved).toBe(0)
  })

  test('nothing is deleted while the time is in doubt', async () => {
    await fill(600)
    await settleAll()
    await box.ledger.checkpoint()
    pass(3000)
    doubt = { boot: 'b', monotonicMs: 5 }
    expect(await retention().run()).toMatchObject({ skipped: 'time-in-doubt', entriesRemoved: 0 })
    expect(box.ledger.entryAt(3)?.personal).toBeDefined()
  })

  test('an entry written at 1970 is as old as the next one that knew the time', async () => {
    const today = box.clock.nowMs
    box.clock.nowMs = 0
    doubt = { boot: 'b', monotonicMs: 5 }
    await fill(600)
    doubt = undefined
    box.clock.nowMs = today
    await fill(10)
    await settleAll()
    await box.ledger.checkpoint()
    expect(await retention().run()).toMatchObject({ keysDestroyed: 0, entriesRemoved: 0 })
    expect(box.ledger.entryAt(3)?.personal).toBeDefined()
    pass(1100)
    expect((await retention().run()).entriesRemoved).toBe(512)
  })
})

test('a clock or a core that is ahead destroys no key; what the box counts itself, or both together, does', async () => {
  const clock = { nowMs: box.clock.nowMs, now: () => clock.nowMs, monotonic: box.clock.monotonic }
  const start = () => createTimeFloor({ store: box.store, clock, random: seededRandom('boot') })
  const run = (time: ReturnType<typeof start>) =>
    createRetention({ store: box.store, clock: time, ledger: box.ledger, time }).run()
  await fill(10)
  await start().persist()

  clock.nowMs += 399 * DAY_MS
  const ahead = start()
  expect(ahead.doubt()).toBeUndefined()
  await ahead.persist()
  expect(await run(ahead)).toMatchObject({ keysDestroyed: 0 })
  expect(await run(start())).toMatchObject({ keysDestroyed: 0 })

  clock.nowMs -= 399 * DAY_MS
  const led = start()
  expect(await led.confirm(clock.nowMs + 399 * DAY_MS, 10)).toBe(true)
  expect(await run(led)).toMatchObject({ keysDestroyed: 0 })
  expect(box.ledger.entryAt(5)?.personal).toBeDefined()

  clock.nowMs += 399 * DAY_MS
  expect(await led.confirm(clock.nowMs, 10)).toBe(true)
  expect(await run(led)).toMatchObject({ keysDestroyed: 2 })
})

test('the checkpoints of past days are thinned to one a day', async () => {
  for (let minute = 0; minute < 5; minute++) {
    await box.append()
    await box.ledger.checkpoint()
  }
  const newest = box.ledger.latestCheckpoint()?.size
  pass(3)
  expect(await retention().run()).toMatchObject({ keysDestroyed: 0, entriesRemoved: 0 })
  const left = box.store.prepare<{ size: number }>('SELECT size FROM ledger_checkpoint').all()
  expect(left.map((row) => row.size)).toEqual([newest])
})

describe('the sealed part', () => {
  test('becomes unreadable after the maximum of its class, the entry stays', async () => {
    await fill(10)
    await box.append({ dataClass: 'C3' })
    const long = await box.append({ dataClass: 'C1', atMs: box.clock.nowMs })
    await box.ledger.checkpoint()
    pass(3)
    expect((await retention().run()).keysDestroyed).toBe(1)
    pass(362)
    await retention().run()
    pass(31)
    await retention().run()
    expect(box.ledger.entryAt(5)).toMatchObject({ kind: 'turn', dataClass: 'C2' })
    expect(box.ledger.entryAt(5)?.personal).toBeUndefined()
    expect(box.ledger.entryAt(8)?.personal).toBeUndefined()
    expect(box.ledger.entryAt(long)?.personal).toBeDefined()
    expect(report().isWhole).toBe(true)
  })
})
