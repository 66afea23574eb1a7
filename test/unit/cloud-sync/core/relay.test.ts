import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STREAM_STRIDE } from '@kefu-edge/cloud-sync/core/receive'
import { createRelay } from '@kefu-edge/cloud-sync/core/sinks/relay'
import type { Sink, SinkRecord } from '@kefu-edge/cloud-sync/core/sinks/sink'
import { openCoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger } from '@kefu-edge/cloud-sync/ports'
import { expect, it } from 'vitest'
import { range, until } from '../support/rig.ts'

it('hands on every record in order, however often the sink fails before or after keeping them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kefu-relay-'))
  const store = openCoreStore(folder)
  await store.commit(() => {
    store
      .prepare("INSERT INTO gateway (no, id, enrolled_at, seen_at) VALUES (1, 'gw-1', 0, 0)")
      .run()
    const entry = store.prepare('INSERT INTO entry (key, leaf_index, bytes) VALUES (?, 0, ?)')
    for (const no of [1, 2]) {
      store
        .prepare(
          `INSERT INTO stream (no, gateway_no, epoch, lane, high, updated_at)
           VALUES (?, 1, 'e', ?, 1300, 0)`,
        )
        .run(no, `lane-${no}`)
      // Sequences 700 to 709 and the last one were refused: there is nothing to hand on.
      for (const n of range(1, 1299)) {
        if (n < 700 || n > 709) entry.run(no * STREAM_STRIDE + n, Buffer.from([1]))
      }
    }
  })

  let calls = 0
  const kept: SinkRecord[] = []
  const sink: Sink = {
    name: 'test',
    async publish(records) {
      calls += 1
      if (calls % 3 === 1) throw new Error('before')
      kept.push(...records)
      if (calls % 3 === 2) throw new Error('after')
    },
    close: async () => {},
  }
  const relay = createRelay(store, sink, silentLogger, { baseMs: 5, capMs: 20 })
  relay.start()
  await until('everything is handed on', () => relay.status().waiting === 0)
  await relay.close()

  for (const lane of ['lane-1', 'lane-2']) {
    const first = new Map<number, number>()
    kept
      .filter((record) => record.lane === lane)
      .forEach((record, n) => {
        if (!first.has(record.sequence)) first.set(record.sequence, n)
      })
    // Each record came, and none before the one it follows.
    expect([...first.keys()]).toEqual([...range(1, 699), ...range(710, 1299)])
  }
  store.close()
  rmSync(folder, { recursive: true })
})
