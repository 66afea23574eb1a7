/** A record whose folder is put back more than once, under one epoch, as the core shows it. */
import { generateKeyPairSync } from 'node:crypto'
import type { CoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'
import { openStoreOf, receiverOf } from '../support/core-store.ts'
import { range } from '../support/rig.ts'

const { publicKey } = generateKeyPairSync('ed25519')
const gateway = { no: 1, id: 'gw-1', publicKey, ledgerKey: undefined }

let store: CoreStore
beforeEach(async () => {
  store = await openStoreOf(tempFolder(), [1])
})
afterEach(() => {
  store.close()
})

function aCore() {
  const { heads, receiver } = receiverOf(store)
  /** Entries 1 to 20 of the lane; those from `from` on are of another history. */
  const push = async (lane: string, history = 'first', from = 1) => {
    const entries = range(1, 20).map((seq): [number, number, Uint8Array, null] => {
      const body = { history: seq < from ? 'first' : history }
      return [seq, seq, packr.encode({ v: 1, lane, seq, kind: 'turn', at: 0, body }), null]
    })
    const batch = { v: 1 as const, epoch: 'one', lane, after: 0, nonce: 'n', entries }
    return (await receiver.receive(gateway, batch)).kind
  }
  const shown = () => heads.troubled(9).map((log) => [log.forkedReason, log.forkAcceptedReason])
  const accept = (reason: string) => store.commit(() => heads.accept(1, reason))
  const cosigned = { origin: 'kefu-edge/gw-1/one', size: 40, root: Buffer.alloc(32), atMs: 0 }
  const begin = async () => {
    for (const lane of ['audit', 'session']) expect(await push(lane)).toBe('stored')
    await store.commit(() => heads.save(1, cosigned, 'note'))
  }
  return { begin, push, shown, accept }
}

it.each([
  ['at another entry', 'second', 15],
  ['at the same entry, with another content', 'third', 11],
])('a fork %s is red again, though the one before was accepted', async (_, history, from) => {
  const { begin, push, shown, accept } = aCore()
  await begin()
  expect(await push('audit', 'second', 11)).toBe('forked')
  const first = 'forked: other entries came under the numbers of audit from 11 on'
  expect(shown()).toEqual([[first, null]])
  await accept('disk image put back')

  // The same told once more, and by the other lane.
  await push('audit', 'second', 11)
  await push('session', 'second', 8)
  expect(shown()).toEqual([[first, 'disk image put back']])

  await push('audit', history, from)
  const again = `forked: other entries came under the numbers of audit from ${from} on`
  expect(shown()).toEqual([[again, null]])
  await push('session', history, 9)
  expect(shown()).toEqual([[again, null]])
  await accept('and once more')
  await push('session', history, 9)
  expect(shown()).toEqual([[again, 'and once more']])
})
