/**
 * Forks of the record, as the cloud core shows them: from some sequence of a lane on it has other entries
 * than this record under the same epoch. Then the data folder is an older copy of itself (a snapshot or a
 * disk image put back, with its keys), or one of two that run. Which part is ours alone only the core can
 * tell, after it was written; so those entries keep their place here and travel under a newer epoch.
 */
import type { Store } from '../storage/store.ts'
import type { Lane } from './port.ts'
import { type Epoch, epochOf, readText, writeSetting } from './settings.ts'

export interface Fork {
  readonly lane: Lane
  /** Entries of the lane from here on, */
  readonly fromSequence: number
  /** written before this leaf index, */
  readonly belowIndex: number
  /** travel under this epoch. */
  readonly epoch: string
  readonly atMs: number
}

/** Under which epoch an entry goes to the core; undefined where the record has none for it. */
export type EpochOnTheWay = (lane: Lane, sequence: number, index: number) => string | undefined

const FORKS = 'forks'
/** One a lane each time that a folder is put back; those of entries that are long at the core can go. */
const MAX_FORKS = 40

export interface Forks {
  list(): readonly Fork[]
  /** Inside `store.commit`. */
  add(fork: Fork): void
  /** After a lost transaction. */
  reload(): void
}

export function createForks(store: Store): Forks {
  let forks = readForks(store)
  return {
    list: () => forks,
    add: (fork) => {
      forks = [...forks, fork].slice(-MAX_FORKS)
      writeSetting(store, FORKS, Buffer.from(JSON.stringify(forks)))
    },
    reload: () => {
      forks = readForks(store)
    },
  }
}

/** What cannot be read is as if it had never been told: the core compares, and tells it again. */
function readForks(store: Store): readonly Fork[] {
  try {
    const forks: unknown = JSON.parse(readText(store, FORKS) ?? '[]')
    return Array.isArray(forks) ? (forks as Fork[]) : []
  } catch {
    return []
  }
}

/** When the core last showed that the record has forked; undefined where it never did. */
export const lastForkMs = (store: Store): number | undefined => readForks(store).at(-1)?.atMs

export function epochOnTheWay(epochs: readonly Epoch[], forks: readonly Fork[]): EpochOnTheWay {
  return (lane, sequence, index) => {
    const fork = forks.findLast(
      (one) => one.lane === lane && sequence >= one.fromSequence && index < one.belowIndex,
    )
    return fork?.epoch ?? epochOf(epochs, index)?.id
  }
}
