/** What stands right at the edge of a removal. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRetention } from '../../../gateway/ledger/retention.ts'
import { cosign, noteSigner, parseNote } from '../../../gateway/ledger/tlog/note.ts'
import { type Fixture, newSigningKey, openFixture, turn } from './fixture.ts'

const DAY_MS = 86_400_000
const SEGMENT = 256

let box: Fixture
const witness = noteSigner('core.example/w1', newSigningKey(), 'cosigner')
beforeEach(() => {
  box = openFixture({ cosigners: () => [witness] })
})
afterEach(() => box.close())

const run = () =>
  createRetention({
    store: box.store,
    clock: box.clock,
    ledger: box.ledger,
    time: { doubt: () => undefined, provenMs: () => box.clock.nowMs },
  }).run()

const fill = (count: number) =>
  box.store.commit(() => {
    for (let n = 0; n < count; n++) box.ledger.append(turn({ atMs: box.clock.nowMs }))
  })

test('the last entry of a segment that waits for the cloud keeps all of it, and lets it go once settled', async () => {
  await fill(600)
  await box.ledger.checkpoint()
  const last = box.ledger.entryAt(SEGMENT - 1)?.sequence ?? 0
  await box.ledger.acknowledge('audit', box.ledger.entryAt(0)?.sequence ?? 0)
  await box.ledger.acknowledge('session', last - 1)
  box.clock.nowMs += 1096 * DAY_MS
  expect((await run()).entriesRemoved).toBe(0)
  await box.ledger.acknowledge('session', last)
  expect((await run()).entriesRemoved).toBe(SEGMENT)
})

test('that a conversation was outlives what was said in it: at 400 days its keys are gone and no entry is', async () => {
  await fill(600)
  for (const { lane, accepted } of box.ledger.balance())
    await box.ledger.acknowledge(lane, accepted)
  await box.ledger.checkpoint()
  expect(box.ledger.entryAt(9)?.personal).toBeDefined()
  box.clock.nowMs += 400 * DAY_MS
  const done = await run()
  expect(done.keysDestroyed).toBeGreaterThan(0)
  expect(done.entriesRemoved).toBe(0)
  expect(box.ledger.entryAt(9)).toMatchObject({ kind: 'turn' })
  expect(box.ledger.entryAt(9)?.personal).toBeUndefined()
})

test('of a past day the last checkpoint stays, and the newest that the core cosigned', async () => {
  const cosigned: number[] = []
  for (const isSeenByCore of [true, true, false, false]) {
    await box.append()
    const { size, note } = await box.ledger.checkpoint()
    const parsed = parseNote(note)
    if (!isSeenByCore || !parsed) continue
    await box.ledger.addCosignatures(size, cosign(parsed, witness, box.clock.nowMs / 1000))
    cosigned.push(size)
  }
  const sizes = () =>
    box.store
      .prepare<{ size: number }>('SELECT size FROM ledger_checkpoint ORDER BY size')
      .all()
      .map(({ size }) => size)
  const [, newestCosigned = 0, , last = 0] = sizes()
  expect(cosigned[1]).toBe(newestCosigned)
  box.clock.nowMs += 3 * DAY_MS
  await run()
  expect(sizes().filter((size) => size <= last)).toEqual([newestCosigned, last])
})
