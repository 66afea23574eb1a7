/** The way up: what the cloud pusher reads of each lane, and what it says has arrived. */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { DurableSize } from './durable-size.ts'
import { type Lanes, positionOf } from './lanes.ts'
import type { LedgerSource, SourceEntry } from './port.ts'
import { type Epoch, epochOf } from './settings.ts'
import type { LedgerTree } from './tree.ts'

/** What source and witnessing share with the ledger they belong to. */
export interface LedgerCore {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly lanes: Lanes
  readonly tree: LedgerTree
  /** Brings memory in line with the tables after a lost transaction. */
  refresh(): void
  epochs(): readonly Epoch[]
  epoch(): Epoch
  /** Leaves that are on disk: without those of the open transaction. */
  readonly durable: DurableSize
}

export function createLaneSource(
  core: LedgerCore,
  disclose: (bytes: Uint8Array) => Uint8Array | undefined,
): Omit<LedgerSource, 'gatewayId'> {
  const { store, clock, lanes } = core
  const page = store.prepare<{ idx: number; pos: number; bytes: Uint8Array }>(
    `SELECT idx, pos, bytes FROM ledger_entry
     WHERE pos > ? AND pos <= ? AND idx < ?
       AND NOT EXISTS (SELECT 1 FROM ledger_quarantine q WHERE q.pos = ledger_entry.pos)
     ORDER BY pos LIMIT ?`,
  )

  const readLane: LedgerSource['readLane'] = (lane, afterSequence, maxEntries, maxBytes) => {
    core.refresh()
    const after = Math.max(afterSequence, lanes.settledUpTo(lane))
    const start = positionOf(lane, 0)
    const batch: SourceEntry[] = []
    let bytes = 0
    const rows = page.iterate(
      start + after,
      start + lanes.accepted(lane),
      core.durable.value(),
      Math.max(1, maxEntries),
    )
    for (const row of rows) {
      const epoch = epochOf(core.epochs(), row.idx)?.id
      if (epoch === undefined) throw new GatewayError('ledger.corrupt', { detail: 'no epoch' })
      bytes += row.bytes.length
      if (batch.length > 0 && (bytes > maxBytes || batch[0]?.epoch !== epoch)) break
      const disclosed = disclose(row.bytes)
      batch.push({
        epoch,
        sequence: row.pos - start,
        index: row.idx,
        bytes: row.bytes,
        ...(disclosed ? { disclosed } : {}),
      })
    }
    return batch
  }

  return {
    epoch: () => core.epoch().id,
    readLane,
    onAppend: core.durable.onGrowth,
    acknowledge: (lane, upToSequence) =>
      store.commit(() => {
        core.refresh()
        lanes.settle(lane, upToSequence, 'delivered')
      }),
    quarantine: (lane, sequence, reason) =>
      store.commit(() => {
        core.refresh()
        lanes.quarantine(lane, sequence, reason, clock.now())
      }),
  }
}
