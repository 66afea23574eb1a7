import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { STAMP_BYTES } from '../../../gateway/fabric/fabric.ts'
import type { CrossingMessage } from '../../../gateway/fabric/frames.ts'
import { createLocalSite } from '../../../gateway/fabric/local-fabric.ts'
import { createRetainedSync } from '../../../gateway/fabric/retained-sync.ts'
import { createSiteSeal } from '../../../gateway/fabric/site-seal.ts'

const clock = { now: () => 5000 }
const soon: CrossingMessage = {
  topic: 'ward/gone',
  payload: Buffer.from('soon'),
  qos: 1,
  retain: true,
}

describe('a box that tells a site what Redis has lost', () => {
  it('tells it with the time of the change, so that a later removal elsewhere stays', async () => {
    const sent: Buffer[] = []
    const persistence = { createRetainedStream: () => Readable.from([soon]) }
    const sync = createRetainedSync({
      box: 'b',
      broker: { aedes: { persistence } as never },
      fabric: createLocalSite(clock).join(),
      seal: createSiteSeal(Buffer.alloc(32, 1)),
      clock,
      isForBox: () => false,
    })
    sync.connect({ enter: () => {}, send: (_message, stamp) => void sent.push(stamp) })
    const madeByAnother = Buffer.alloc(STAMP_BYTES, 7)
    madeByAnother.writeBigUInt64BE(1000n)

    expect(sync.isNewer(soon.topic, madeByAnother)).toBe(true)
    await sync.reconcile()
    expect(sent).toEqual([madeByAnother])
  })
})
