import { generateKeyPairSync } from 'node:crypto'
import { createReports } from '@kefu-edge/cloud-sync/core/reports'
import { createRetention } from '@kefu-edge/cloud-sync/core/retention'
import type { CoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger } from '@kefu-edge/cloud-sync/ports'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'
import { openStoreOf, receiverOf } from '../support/core-store.ts'
import { range } from '../support/rig.ts'

const DAY_MS = 86_400_000
const { publicKey } = generateKeyPairSync('ed25519')
const gateway = { no: 1, id: 'gw-1', publicKey, ledgerKey: undefined }

let store: CoreStore
let nowMs: number
/** How far the clock is from what has passed. */
let wrongMs: number
const clock = { now: () => nowMs + wrongMs, monotonic: () => nowMs }
beforeEach(async () => {
  store = await openStoreOf(tempFolder(), [1])
  nowMs = 20_000 * DAY_MS
  wrongMs = 0
})
afterEach(() => {
  store.close()
})

function parts(sinkName?: string, logger = silentLogger) {
  const { sessions, time, receiver } = receiverOf(store, clock)
  return {
    sessions,
    receiver,
    reports: createReports(store),
    retention: createRetention({
      store,
      clock,
      time,
      logger,
      retainDays: 2,
      ...(sinkName ? { sinkName } : {}),
    }),
  }
}

/** As after a day that the core was on. */
async function partsAfterADay(...options: Parameters<typeof parts>) {
  nowMs -= DAY_MS
  const core = parts(...options)
  nowMs += DAY_MS
  await core.retention.sweepOnce()
  return core
}

const batch = (from: number, to: number) => ({
  v: 1 as const,
  epoch: 'e',
  lane: 'session',
  after: 0,
  nonce: 'n',
  entries: range(from, to).map((n): [number, number, Uint8Array, null] => [
    n,
    n,
    packr.encode({
      v: 1,
      lane: 'session',
      seq: n,
      kind: 'turn',
      at: nowMs,
      body: { session: `s-${from}` },
    }),
    null,
  ]),
})

it('removes whole days that are over, with their sessions, and still knows what comes again', async () => {
  const { receiver, reports, retention, sessions } = await partsAfterADay()
  const kept = () => reports.entries('gw-1', 'session', { sequence: 0 }, 100).map((e) => e.sequence)
  for (const day of range(0, 3)) {
    nowMs = (20_000 + day) * DAY_MS
    await receiver.receive(gateway, batch(day * 10 + 1, day * 10 + 10))
  }
  // Days 20,001 to 20,003 are the last two and today.
  expect(await retention.sweepOnce()).toBe(10)
  expect(kept()).toEqual(range(11, 40))
  expect(sessions.list(1, 10).map(({ id }) => id)).toEqual(['s-31', 's-21', 's-11'])
  expect(await retention.sweepOnce()).toBe(0)

  const again = await receiver.receive(gateway, batch(1, 10))
  expect(again).toMatchObject({ answer: { stored: 0, duplicates: 10, acknowledged: 40 } })
  expect(kept()).toEqual(range(11, 40))

  // Nothing comes any more: the last days go when they are over.
  nowMs = 20_010 * DAY_MS
  expect(await retention.sweepOnce()).toBe(30)
  expect(kept()).toEqual([])
})

it('keeps what the sink does not have yet, however old', async () => {
  const { receiver, reports, retention } = await partsAfterADay('nats:KEFU')
  await receiver.receive(gateway, batch(1, 20))
  nowMs += 10 * DAY_MS
  expect(await retention.sweepOnce()).toBe(0)
  await store.commit(() => {
    store
      .prepare("INSERT INTO sink_mark (sink, stream_no, sequence) VALUES ('nats:KEFU', 1, 15)")
      .run()
  })
  expect(await retention.sweepOnce()).toBe(15)
  expect(reports.entries('gw-1', 'session', { sequence: 0 }, 100)).toHaveLength(5)
})

it('removes nothing for a clock that is ahead for a while, says so, and catches up with one that is right', async () => {
  const warned: string[] = []
  const logger = { ...silentLogger, warn: (_: object, text: string) => void warned.push(text) }
  const first = await partsAfterADay(undefined, logger)
  for (const day of range(0, 3)) {
    nowMs = (20_000 + day) * DAY_MS
    await first.receiver.receive(gateway, batch(day * 10 + 1, day * 10 + 10))
    await first.retention.sweepOnce()
  }
  const kept = () => first.reports.entries('gw-1', 'session', { sequence: 0 }, 100).length
  expect(kept()).toBe(30)

  wrongMs = 91 * DAY_MS
  expect(await first.retention.sweepOnce()).toBe(0)
  // The next start counts on from there, and entries that come now do not make the clock right.
  const second = parts(undefined, logger)
  await second.receiver.receive(gateway, batch(41, 50))
  nowMs += 3_600_000
  expect(await second.retention.sweepOnce()).toBe(0)
  expect(warned).toHaveLength(2)
  expect(warned[0]).toContain('91 days ahead')
  expect(warned[0]).toContain('timedatectl')
  wrongMs = 0
  expect(await second.retention.sweepOnce()).toBe(0)
  expect(kept()).toBe(40)

  // Switched off for a month: what is over goes once that has been counted.
  wrongMs = 30 * DAY_MS
  nowMs += 3_600_000
  expect(await second.retention.sweepOnce()).toBe(0)
  nowMs += 7 * DAY_MS
  expect(await second.retention.sweepOnce()).toBe(30)
  // What came under the wrong clock goes by that.
  nowMs += 90 * DAY_MS
  await second.retention.sweepOnce()
  expect(kept()).toBe(0)
})

it('keeps what came while the clock was behind as long as anything else, and says that it is', async () => {
  const warned: string[] = []
  const logger = { ...silentLogger, warn: (_: object, text: string) => void warned.push(text) }
  const { receiver, reports, retention } = await partsAfterADay(undefined, logger)
  const kept = () => reports.entries('gw-1', 'session', { sequence: 0 }, 100).length
  wrongMs = -2000 * DAY_MS
  await receiver.receive(gateway, batch(1, 10))
  await retention.sweepOnce()
  expect(warned).toEqual([expect.stringContaining('2000 days behind')])
  wrongMs = 0
  nowMs += 3_600_000
  await receiver.receive(gateway, batch(11, 20))
  expect(await retention.sweepOnce()).toBe(0)
  nowMs += 2 * DAY_MS
  expect(await retention.sweepOnce()).toBe(0)
  nowMs += DAY_MS
  expect(await retention.sweepOnce()).toBe(20)
  expect(kept()).toBe(0)
})

it('keeps what came on the first day of a core before its clock was set, also where it was started anew', async () => {
  wrongMs = -2000 * DAY_MS
  const first = parts()
  expect(await first.retention.sweepOnce()).toBe(0)
  await first.receiver.receive(gateway, batch(1, 10))
  nowMs += 60_000
  wrongMs = 0
  const second = parts()
  await second.receiver.receive(gateway, batch(11, 20))
  expect(await second.retention.sweepOnce()).toBe(0)
  nowMs += 2 * DAY_MS
  expect(await second.retention.sweepOnce()).toBe(0)
  nowMs += 3 * DAY_MS
  expect(await second.retention.sweepOnce()).toBe(20)
})

it.each(['while it runs', 'before it is stopped'])(
  'keeps what came after a start with the clock of the shutdown, six weeks behind, and set %s',
  async (set) => {
    await partsAfterADay()
    const first = parts()
    await first.receiver.receive(gateway, batch(1, 10))
    nowMs += 3_600_000
    wrongMs = 42 * DAY_MS
    if (set === 'while it runs') expect(await first.retention.sweepOnce()).toBe(0)
    await first.retention.close()
    const second = parts()
    nowMs += 2 * DAY_MS
    expect(await second.retention.sweepOnce()).toBe(0)
    // The time that is proven has caught up.
    nowMs += 10 * DAY_MS
    expect(await second.retention.sweepOnce()).toBe(10)
  },
)
