import { STREAM_STRIDE } from '@kefu-edge/cloud-sync/core/receive'
import { createRelay } from '@kefu-edge/cloud-sync/core/sinks/relay'
import { encodeRecord, type Sink, type SinkRecord } from '@kefu-edge/cloud-sync/core/sinks/sink'
import type { CoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger } from '@kefu-edge/cloud-sync/ports'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'
import { openStoreOf } from '../support/core-store.ts'
import { range, until } from '../support/rig.ts'

const QUICK = { baseMs: 5, capMs: 20 }

let store: CoreStore
beforeEach(async () => {
  store = await openStoreOf(tempFolder(), [1])
})
afterEach(() => {
  store.close()
})

/** A stream whose inbox has entries of these sequences. */
async function fill(no: number, high: number, sequences: readonly number[], size = 1) {
  await store.commit(() => {
    store
      .prepare(
        `INSERT INTO stream (no, gateway_no, epoch, lane, high, updated_at)
         VALUES (?, 1, 'e', ?, ?, 0)`,
      )
      .run(no, `lane-${no}`, high)
    const entry = store.prepare('INSERT INTO entry (key, leaf_index, bytes) VALUES (?, 0, ?)')
    for (const n of sequences) entry.run(no * STREAM_STRIDE + n, Buffer.alloc(size, 1))
  })
}

async function relayAll(
  publish: Sink['publish'],
  isDone: (waiting: number) => boolean = (waiting) => waiting === 0,
) {
  const sink: Sink = { name: 'test', publish, close: async () => {} }
  const relay = createRelay(store, sink, silentLogger, QUICK)
  relay.start()
  await until('everything is handed on', () => isDone(relay.status().waiting))
  const status = relay.status()
  await relay.close()
  return status
}

const sequencesOf = (records: readonly SinkRecord[], lane: string) =>
  records.filter((record) => record.lane === lane).map(({ sequence }) => sequence)

it('hands on every record in order, however often the sink fails before or after keeping them', async () => {
  // Sequences 700 to 709 and the last one were refused: there is nothing to hand on.
  const kept = [...range(1, 699), ...range(710, 1299)]
  await fill(1, 1300, kept)
  await fill(2, 1300, kept)
  let calls = 0
  const got: SinkRecord[] = []
  await relayAll(async (records) => {
    calls += 1
    if (calls % 3 === 1) throw new Error('before')
    got.push(...records)
    if (calls % 3 === 2) throw new Error('after')
  })
  for (const lane of ['lane-1', 'lane-2']) {
    // Each record came, and none before the one it follows.
    expect([...new Set(sequencesOf(got, lane))]).toEqual(kept)
  }
})

it('hands large entries on in batches that a broker takes', async () => {
  await fill(1, 100, range(1, 100), 60_000)
  const got: SinkRecord[] = []
  await relayAll(async (records) => {
    const bytes = records.reduce((sum, record) => sum + encodeRecord(record).length, 0)
    // `message.max.bytes` of Kafka unless told otherwise.
    if (bytes > 1_048_588) throw new Error('MESSAGE_TOO_LARGE')
    got.push(...records)
  })
  expect(sequencesOf(got, 'lane-1')).toEqual(range(1, 100))
})

it('goes on with the other streams where the sink refuses one', async () => {
  for (const no of [1, 2, 3, 4]) await fill(no, 600, range(1, 600))
  const got: SinkRecord[] = []
  const status = await relayAll(
    async (records) => {
      if (records[0]?.lane === 'lane-1') throw new Error('no such partition')
      got.push(...records)
    },
    (waiting) => waiting === 600,
  )
  for (const lane of ['lane-2', 'lane-3', 'lane-4']) {
    expect(sequencesOf(got, lane)).toEqual(range(1, 600))
  }
  expect(status.lastError).toContain('no such partition')
})
