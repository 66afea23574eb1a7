/** The way up: what the cloud pusher reads of each lane, and what it says has arrived. */
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import type { DurableSize } from './durable-size.ts'
import { epochOnTheWay, type Fork } from './forks.ts'
import { createLaneReader } from './lane-reader.ts'
import type { Lanes } from './lanes.ts'
import type { Lane, LedgerSource } from './port.ts'
import type { Epoch } from './settings.ts'
import type { LedgerTree } from './tree.ts'

/** What source and witnessing share with the ledger they belong to. */
export interface LedgerCore {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly lanes: Lanes
  readonly tree: LedgerTree
  /** Brings memory in line with the tables after a lost transaction. */
  refresh(): void
  epoch(): Epoch
  onTheWay(): { readonly epochs: readonly Epoch[]; readonly forks: readonly Fork[] }
  /** Inside `store.commit`; opens a new epoch where that of the entries is the present one. */
  fork(lane: Lane, epoch: string, fromSequence: number): void
  /** Leaves that are on disk: without those of the open transaction. */
  readonly durable: DurableSize
}

/** How far a lane may be read by a connection that does not see what is in memory here. */
export interface ReadableLanes {
  readable(lane: Lane): {
    /** Everything up to here is settled, */
    readonly settled: number
    /** and there is nothing beyond this. */
    readonly upTo: number
    /** Only leaves below this index are on disk. */
    readonly below: number
    /** Under which epochs entries go. */
    readonly epochs: readonly Epoch[]
    readonly forks: readonly Fork[]
  }
}

export function createLaneSource(
  core: LedgerCore,
  disclose: (bytes: Uint8Array) => Uint8Array | undefined,
): Omit<LedgerSource, 'gatewayId'> & ReadableLanes {
  const { store, clock, lanes } = core
  const read = createLaneReader(store, disclose)
  /** Of a backlog that another thread reads, how far it may go. */
  const bounds = (lane: Lane) => ({
    settled: lanes.settledUpTo(lane),
    upTo: lanes.accepted(lane),
    below: core.durable.value(),
  })

  return {
    epoch: () => core.epoch().id,
    readLane: (lane, afterSequence, maxEntries, maxBytes) => {
      core.refresh()
      const { settled, upTo, below } = bounds(lane)
      const after = Math.max(afterSequence, settled)
      const { epochs, forks } = core.onTheWay()
      return read({ lane, after, upTo, below, maxEntries, maxBytes }, epochOnTheWay(epochs, forks))
    },
    readable: (lane) => {
      core.refresh()
      return { ...bounds(lane), ...core.onTheWay() }
    },
    onAppend: core.durable.onGrowth,
    // Not on disk when this returns: were it lost, the same entries go again and the core drops them.
    acknowledge: async (lane, upToSequence) => {
      core.refresh()
      lanes.deliver(lane, upToSequence)
    },
    accepted: (lane) => {
      core.refresh()
      return lanes.accepted(lane)
    },
    fork: (lane, epoch, fromSequence) =>
      store.commit(() => {
        core.refresh()
        core.fork(lane, epoch, fromSequence)
      }),
    quarantine: (lane, sequence, reason) =>
      store.commit(() => {
        core.refresh()
        lanes.quarantine(lane, sequence, reason, clock.now())
      }),
  }
}
