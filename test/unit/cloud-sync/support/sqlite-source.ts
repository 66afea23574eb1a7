/** A ledger source on a real SQLite file, as plain as can be: lanes, marks, quarantine. */
import type { LedgerSource, SourceEntry } from '@kefu-edge/cloud-sync/ports'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import { Database } from '../../../../gateway/storage/sqlite-driver.ts'

export const LANES = ['critical', 'session', 'audit', 'telemetry'] as const

export interface LaneCount {
  readonly accepted: number
  readonly delivered: number
  readonly pending: number
  readonly quarantined: number
}

export interface TestSource extends LedgerSource {
  /** Appends entries and returns the sequence of the last one; durable when it returns. */
  append(lane: string, count: number, make?: (sequence: number) => Partial<Leaf>): number
  /** Appends bytes as they are. */
  appendRaw(lane: string, bytes: Uint8Array): number
  count(lane: string): LaneCount
  settled(lane: string): { readonly quarantined: readonly { sequence: number; reason: string }[] }
  close(): void
}

interface Leaf {
  readonly kind: string
  readonly at: number
  readonly body: object
  readonly dev: string
  readonly sealed: Uint8Array
  /** Number of the data key that seals it. */
  readonly key: number
}

interface Row {
  sequence: number
  no: number
  bytes: Uint8Array
  disclosed: Uint8Array | null
  epoch: string
}

export function openSource(
  path: string,
  options: { gatewayId?: string; epoch?: string; synchronous?: 'FULL' | 'OFF' } = {},
): TestSource {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${options.synchronous ?? 'FULL'}`)
  db.exec(`CREATE TABLE IF NOT EXISTS entry (
    no INTEGER PRIMARY KEY, epoch TEXT, lane TEXT, sequence INTEGER, bytes BLOB, disclosed BLOB,
    state INTEGER NOT NULL DEFAULT 0, reason TEXT);
    CREATE UNIQUE INDEX IF NOT EXISTS by_lane ON entry (lane, state, sequence)`)
  const insert = db.prepare('INSERT INTO entry (epoch, lane, sequence, bytes) VALUES (?, ?, ?, ?)')
  const top = db.prepare('SELECT coalesce(max(sequence), 0) FROM entry WHERE lane = ?').pluck()
  const read = db.prepare(
    `SELECT sequence, no, bytes, disclosed, epoch FROM entry
     WHERE lane = ? AND state = 0 AND sequence > ? ORDER BY sequence LIMIT ?`,
  )
  const deliver = db.prepare(
    'UPDATE entry SET state = 1 WHERE lane = ? AND state = 0 AND sequence <= ?',
  )
  const isolate = db.prepare(
    'UPDATE entry SET state = 2, reason = ? WHERE lane = ? AND state = 0 AND sequence = ?',
  )
  const travel = db.prepare(
    'UPDATE entry SET epoch = ? WHERE lane = ? AND state = 0 AND sequence >= ?',
  )
  const countState = db
    .prepare('SELECT count(*) FROM entry WHERE lane = ? AND (state = ? OR ? < 0)')
    .pluck()
  const listeners = new Set<() => void>()
  let epoch = options.epoch ?? 'epoch-1'
  const appended = () => {
    for (const listener of listeners) listener()
  }

  return {
    gatewayId: options.gatewayId ?? 'gw-1',
    epoch: () => epoch,
    append(lane, count, make) {
      let sequence = top.get(lane) as number
      db.transaction(() => {
        for (let n = 0; n < count; n += 1) {
          sequence += 1
          const leaf = {
            v: 1,
            lane,
            seq: sequence,
            kind: 'test',
            at: 1_760_000_000_000 + sequence,
            body: { n: sequence },
            ...make?.(sequence),
          }
          insert.run(epoch, lane, sequence, packr.encode(leaf))
        }
      })()
      appended()
      return sequence
    },
    appendRaw(lane, bytes) {
      const sequence = (top.get(lane) as number) + 1
      insert.run(epoch, lane, sequence, bytes)
      appended()
      return sequence
    },
    readLane(lane, after, maxEntries, maxBytes): readonly SourceEntry[] {
      const entries: SourceEntry[] = []
      let bytes = 0
      for (const row of read.iterate(lane, after, maxEntries) as IterableIterator<Row>) {
        bytes += row.bytes.length
        const [first] = entries
        if (first && (bytes > maxBytes || first.epoch !== row.epoch)) break
        entries.push({
          epoch: row.epoch,
          sequence: row.sequence,
          index: row.no - 1,
          bytes: row.bytes,
          ...(row.disclosed ? { disclosed: row.disclosed } : {}),
        })
      }
      return entries
    },
    acknowledge: async (lane, upTo) => {
      deliver.run(lane, upTo)
    },
    quarantine: async (lane, sequence, reason) => {
      isolate.run(reason, lane, sequence)
    },
    accepted: (lane) => top.get(lane) as number,
    fork: async (lane, forked, from) => {
      if (forked === epoch) epoch = `${epoch}-and-on`
      travel.run(epoch, lane, from)
    },
    onAppend(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    count: (lane) => ({
      accepted: countState.get(lane, 0, -1) as number,
      delivered: countState.get(lane, 1, 0) as number,
      pending: countState.get(lane, 0, 0) as number,
      quarantined: countState.get(lane, 2, 0) as number,
    }),
    settled: (lane) => ({
      quarantined: db
        .prepare('SELECT sequence, reason FROM entry WHERE lane = ? AND state = 2')
        .all(lane) as { sequence: number; reason: string }[],
    }),
    close: () => db.close(),
  }
}
