import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { STAMP_BYTES } from '../../../gateway/fabric/fabric.ts'
import type { CrossingMessage } from '../../../gateway/fabric/frames.ts'
import { createRetainedSync } from '../../../gateway/fabric/retained-sync.ts'
import { createSiteSeal } from '../../../gateway/fabric/site-seal.ts'
import { createLocalSite } from '../../support/local-site.ts'

const nowMs = 5_000_000
const clock = { now: () => nowMs }
const soon: CrossingMessage = {
  topic: 'ward/gone',
  payload: Buffer.from('soon'),
  qos: 1,
  retain: true,
}

/** A box that has `kept`, as rows of the broker, whose time is another than the clock's; and what it tells. */
function boxWith(kept: readonly object[]) {
  const told: [CrossingMessage, Buffer][] = []
  const persistence = { createRetainedStream: () => Readable.from(kept) }
  const sync = createRetainedSync({
    box: 'b',
    broker: { aedes: { persistence } as never, nowMs: () => 100_000 },
    fabric: createLocalSite(clock).join(),
    seal: createSiteSeal(Buffer.alloc(32, 1)),
    time: () => ({ nowMs, isKnown: true }),
    isForBox: () => false,
  })
  sync.connect({ enter: () => {}, send: (...one) => void told.push(one) })
  return { sync, told }
}

describe('a box that tells a site what Redis has lost', () => {
  it('tells it with the time of the change, so that a later removal elsewhere stays', async () => {
    const { sync, told } = boxWith([soon])
    const madeByAnother = Buffer.alloc(STAMP_BYTES, 7)
    madeByAnother.writeBigUInt64BE(1000n)

    expect(sync.isNewer(soon.topic, madeByAnother)).toBe(true)
    await sync.reconcile()
    expect(told).toEqual([[soon, madeByAnother]])
  })

  it('tells nothing of what it had no room for, and hears of it anew', async () => {
    const { sync, told } = boxWith([])
    const madeByAnother = Buffer.alloc(STAMP_BYTES, 7)
    madeByAnother.writeBigUInt64BE(5_000_000n)
    expect(sync.isNewer(soon.topic, madeByAnother)).toBe(true)
    sync.forget(soon.topic)
    await sync.reconcile()
    // Not as removed.
    expect(told).toEqual([])
    expect(sync.isNewer(soon.topic, madeByAnother)).toBe(true)
  })

  it('tells how long it still lives, and nothing of what has expired', async () => {
    const { sync, told } = boxWith([
      { ...soon, messageExpiry: 130_000 },
      { ...soon, topic: 'ward/over', messageExpiry: 99_000 },
    ])
    await sync.reconcile()
    expect(told.map(([message]) => message)).toEqual([
      { ...soon, properties: { messageExpiryInterval: 30 } },
    ])
  })
})
