import { gunzipSync } from 'node:zlib'
import { BESIDE_OTHERS } from '@kefu-edge/cloud-sync/manners'
import type { LedgerSource, SourceEntry } from '@kefu-edge/cloud-sync/ports'
import { PushBatch } from '@kefu-edge/cloud-sync/protocol/messages'
import { parseMsgpack } from '@kefu-edge/cloud-sync/protocol/parse'
import { encodeBatch, readBatch } from '@kefu-edge/cloud-sync/push-batch'
import { describe, expect, it } from 'vitest'

/** A lane of entries of 10 bytes; those from `otherFrom` on are of another epoch. */
function sourceOf(count: number, otherFrom = Number.POSITIVE_INFINITY, readMs = 0) {
  const asked: number[] = []
  const entryOf = (sequence: number): SourceEntry => ({
    epoch: sequence < otherFrom ? 'one' : 'two',
    sequence,
    index: sequence + 100,
    bytes: new Uint8Array(10).fill(sequence % 256),
  })
  const readLane: LedgerSource['readLane'] = (_lane, after, maxEntries) => {
    asked.push(maxEntries)
    for (const end = performance.now() + readMs; performance.now() < end; );
    const first = entryOf(after + 1)
    const size = Math.max(0, Math.min(maxEntries, count - after))
    return Array.from({ length: size }, (_, n) => entryOf(after + 1 + n)).filter(
      (one) => one.epoch === first.epoch,
    )
  }
  const source: LedgerSource = {
    gatewayId: 'g',
    epoch: () => 'one',
    readLane,
    acknowledge: async () => {},
    quarantine: async () => {},
    accepted: () => count,
    fork: async () => {},
  }
  return { source, asked }
}

/** Turns of the event loop that pass until `work` is done. */
async function turnsDuring<T>(work: Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0
  let isDone = false
  const count = () => {
    if (isDone) return
    turns += 1
    setImmediate(count)
  }
  setImmediate(count)
  const result = await work
  isDone = true
  return { turns, result }
}

describe('a batch', () => {
  it('is read in slices, and the event loop turns in between', async () => {
    const { source, asked } = sourceOf(5000, undefined, 0.6)
    const reading = await turnsDuring(
      readBatch(source, 'audit', 0, { entries: 1000, bytes: 1_000_000 }),
    )
    const batch = reading.result
    if (!batch) throw new Error('no batch')
    expect(batch.entries.map((one) => one.sequence)).toEqual(
      Array.from({ length: 1000 }, (_, n) => n + 1),
    )
    expect(Math.max(...asked)).toBeLessThanOrEqual(64)
    expect(reading.turns).toBeGreaterThanOrEqual(10)
  })

  it('is read in one go beside others: each reading takes locks that whoever answers takes too', async () => {
    const { source, asked } = sourceOf(5000)
    const size = { entries: 1000, bytes: 1_000_000 }
    const batch = await readBatch(source, 'audit', 0, size, BESIDE_OTHERS)
    expect(batch?.entries).toHaveLength(1000)
    expect(asked).toEqual([1000])
  })

  it('compressed beside others, in many members, is the same message', async () => {
    const batch = await readBatch(sourceOf(20_000).source, 'audit', 0, {
      entries: 9000,
      bytes: 999_999,
    })
    if (!batch) throw new Error('no batch')
    const [whole, pieces] = await Promise.all([
      encodeBatch(batch, 0, 'nonce'),
      encodeBatch(batch, 0, 'nonce', BESIDE_OTHERS),
    ])
    expect(gunzipSync(pieces.body).equals(gunzipSync(whole.body))).toBe(true)
  })

  it('packed in slices is one message with every entry', async () => {
    const batch = await readBatch(sourceOf(300).source, 'audit', 7, { entries: 200, bytes: 9999 })
    if (!batch) throw new Error('no batch')
    const { body, contentEncoding } = await encodeBatch(batch, 7, 'nonce')
    expect(contentEncoding).toBe('gzip')
    const parsed = parseMsgpack(PushBatch, gunzipSync(body))
    if (!parsed.ok) throw new Error(parsed.detail)
    const { entries, ...head } = parsed.value
    expect(head).toEqual({ v: 1, epoch: 'one', lane: 'audit', after: 7, nonce: 'nonce' })
    expect(entries.map(([sequence, index]) => [sequence, index])).toEqual(
      batch.entries.map((one) => [one.sequence, one.index]),
    )
    expect(entries[199]?.[2]).toEqual(Buffer.alloc(10, 207))
  })

  it('never mixes epochs, wherever a slice ends', async () => {
    for (const otherFrom of [2, 64, 65, 66, 129]) {
      const { source } = sourceOf(300, otherFrom)
      const batch = await readBatch(source, 'audit', 0, { entries: 1000, bytes: 99_999 })
      expect(batch?.lastSequence, `epoch ends before ${otherFrom}`).toBe(otherFrom - 1)
    }
  })

  it('ends where the bytes do, with one entry at least', async () => {
    const { source } = sourceOf(300)
    const read = (bytes: number) => readBatch(source, 'audit', 0, { entries: 1000, bytes })
    expect((await read(1))?.entries).toHaveLength(1)
    expect((await read(700))?.entries).toHaveLength(70)
  })
})
