/**
 * The ledger: append-only entries in the transaction of the state they speak of, the way up to the
 * cloud core, and the tree over them. DESIGN.md draws it.
 */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { createWitnessing } from './checkpoints.ts'
import { disclosing } from './disclosure.ts'
import { trackDurableSize } from './durable-size.ts'
import { ENTRY_FORMAT, encodeLeaf } from './entry-codec.ts'
import { createEpochs } from './epochs.ts'
import { createForks } from './forks.ts'
import { type LedgerHead, nameOf, OPENED_KIND } from './head.ts'
import { portionsOf } from './key-entries.ts'
import { type FillRandom, type KeyRing, pooledRandom } from './key-ring.ts'
import { DEFAULT_LANE_LIMITS, type LaneLimit, withoutCore } from './lane-limits.ts'
import { createLaneSource, type ReadableLanes } from './lane-source.ts'
import { createLanes, positionOf } from './lanes.ts'
import { createEntryReader, leafOf } from './leaf.ts'
import { FORKED } from './lost-ends.ts'
import type {
  Disclosure,
  Lane,
  Ledger,
  LedgerDraft,
  LedgerEntry,
  LedgerPosition,
  LedgerSource,
  LedgerWitnessing,
  TimeDoubt,
} from './port.ts'
import { askHash, type Epoch, readText } from './settings.ts'
import { createSubjectKeys, type ErasedKeys, type SubjectKeys } from './subject-keys.ts'
import { leafHash } from './tlog/merkle.ts'
import type { NoteKey } from './tlog/note.ts'
import { createTree, treeSize } from './tree.ts'

export interface LedgerOptions {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly keys: KeyRing
  readonly random: FillRandom
  /**
   * The box's name at the core and in checkpoints: 1–64 letters, digits, dot, dash, underscore. The
   * name that the ledger was begun with stays, since its checkpoints carry it.
   */
  readonly gatewayId: string
  readonly limits?: Partial<Record<Lane, LaneLimit>>
  /** A cloud core takes the entries, or will; false: nothing waits for one in earnest. Absent: true. */
  readonly hasCore?: boolean
  /** Says whether the clock is to be trusted just now; absent: it is. */
  readonly time?: { doubt(): TimeDoubt | undefined }
  /** What the core may read of the sealed part; absent: nothing. */
  readonly disclosure?: Disclosure
  /** What lies beside the database and outlives its restore from an older copy. */
  readonly memory?: LedgerMemory
  /** Cosigners whose lines are checked before they are kept; asked for each time, as one may enrol. */
  readonly cosigners?: () => readonly NoteKey[]
}

/** Small files that a restore of the database does not touch; `key-files.ts` keeps them. */
export interface LedgerMemory extends ErasedKeys {
  /** Tree head of the newest checkpoint, as text. */
  readHead(): LedgerHead | undefined
  writeHead(head: LedgerHead): void
}

export interface FullLedger extends Ledger, LedgerSource, ReadableLanes, LedgerWitnessing {
  /** For erasure, export and retention. */
  readonly subjectKeys: SubjectKeys
  /** Reads one entry back; undefined when its content was removed. Throws `ledger.corrupt` when it is not readable. */
  entryAt(index: number): LedgerEntry | undefined
  /** Up to `count` entries from a leaf index on; with `keyIds`, only those sealed by one of them. */
  entriesFrom(index: number, count: number, keyIds?: ReadonlySet<number>): readonly LedgerEntry[]
  /** Leaves in the tree. */
  size(): number
  /** Nobody waits for the entries of the lane up to this sequence: settled, or all where there is no core. */
  removableUpTo(lane: Lane): number
  /** They are being removed: those that still wait leave the way up as expired. Inside `store.commit`. */
  expire(lane: Lane, upTo: number): void
  /** When the core last showed another history under our numbers; see forks.ts. */
  forkedAtMs(): number | undefined
  /**
   * Begins a new epoch: after a restore, or when the file turns out to be an older copy. `erasuresLostSince`:
   * who was erased after that time is readable again, since no list of it lay beside the copy.
   */
  openEpoch(reason: string, erasuresLostSince?: string): Promise<string>
}

/** Opens the ledger over its tables. A new data folder gets its first epoch with the first entry. */
export function createLedger(options: LedgerOptions): FullLedger {
  const { store, clock, keys, time, memory, hasCore = true } = options
  const gatewayId = readText(store, 'gateway-id') ?? options.gatewayId
  const random = pooledRandom(options.random)
  const tree = createTree(store)
  const limits = { ...DEFAULT_LANE_LIMITS, ...options.limits }
  const lanes = createLanes(store, hasCore ? limits : withoutCore(limits))
  const subjectKeys = createSubjectKeys({ store, keys, random, erased: memory })
  const readHead = () => memory?.readHead()
  const epochs = createEpochs({ store, clock, keys, random, gatewayId, readHead })
  const forks = createForks(store)
  const reader = createEntryReader(store, subjectKeys)
  const durable = trackDurableSize(store, () => treeSize(store))
  const insert = store.prepare(
    'INSERT INTO ledger_entry (idx, pos, ask, hash, bytes) VALUES (?, ?, ?, ?, ?)',
  )
  /** A transaction was lost: what is in memory may be ahead of the tables. */
  let isStale = false
  store.onRollback(() => {
    isStale = true
  })

  /** Cheap where nothing of ours was lost: then the tables end where memory does. */
  function refresh(): void {
    if (!isStale) return
    isStale = false
    lanes.reload()
    if (treeSize(store) !== tree.size) tree.reload()
    epochs.reload()
    forks.reload()
  }

  function begin(reason: string, erasuresLostSince?: string): Epoch {
    const again = epochs.list().length > 0 ? subjectKeys.reapplyErasures() : undefined
    const head = epochs.missingHead()
    const epoch = epochs.open(tree.size)
    const body = {
      gateway: gatewayId,
      epoch: epoch.id,
      reason,
      format: ENTRY_FORMAT,
      answersFor: head && nameOf(head),
      heldErasures: again?.held || undefined,
      erasuresLostSince,
    }
    write({ lane: 'audit', kind: OPENED_KIND, atMs: clock.now(), body })
    // Named like any erasure, so that the record explains each key that is gone.
    for (const ids of portionsOf(again?.destroyed ?? [])) {
      const named = { keys: ids, reason }
      write({ lane: 'audit', kind: 'subject.erased', atMs: clock.now(), body: named })
    }
    return epoch
  }

  function append(draft: LedgerDraft): LedgerPosition {
    refresh()
    const reason = epochs.due()
    if (reason !== undefined) begin(reason)
    return write(draft)
  }

  function write(draft: LedgerDraft): LedgerPosition {
    const index = tree.size
    const sequence = lanes.next(draft.lane)
    const bytes = encodeLeaf(leafOf(draft, sequence, time?.doubt(), subjectKeys))
    const hash = leafHash(bytes)
    const { askKey } = draft
    const ask = askKey ? askHash(epochs.askSeed(), askKey.deviceId, askKey.askId) : null
    insert.run(index, positionOf(draft.lane, sequence), ask, hash, bytes)
    lanes.accept(draft.lane)
    tree.append(hash)
    durable.grew(tree.size)
    return { index, sequence }
  }

  /** The present epoch, opened if one is due. Opened again with the next entry if this commit is lost. */
  function epoch(): Epoch {
    refresh()
    const reason = epochs.due()
    if (reason !== undefined) store.commit(() => begin(reason)).catch(() => undefined)
    const last = epochs.list().at(-1)
    if (!last) throw new GatewayError('storage.write-failed')
    return last
  }

  /** See forks.ts; inside `store.commit`. */
  function fork(lane: Lane, forked: string, fromSequence: number): void {
    const last = epochs.list().at(-1)
    const { id, firstIndex } = !last || last.id === forked ? begin(FORKED) : last
    forks.add({ lane, fromSequence, belowIndex: firstIndex, epoch: id, atMs: clock.now() })
  }

  const onTheWay = () => ({ epochs: epochs.list(), forks: forks.list() })
  const core = { store, clock, lanes, tree, refresh, epoch, onTheWay, fork, durable }
  const fresh =
    <A extends unknown[], R>(read: (...args: A) => R) =>
    (...args: A): R => {
      refresh()
      return read(...args)
    }
  return {
    append,
    seen: fresh((deviceId: string, askId: string) =>
      reader.seen(epochs.askSeed(), deviceId, askId),
    ),
    balance: fresh(lanes.balance),
    removableUpTo: fresh(hasCore ? lanes.settledUpTo : lanes.accepted),
    expire: fresh(lanes.expire),
    size: fresh(() => tree.size),
    forkedAtMs: fresh(() => forks.list().at(-1)?.atMs),
    entryAt: reader.entryAt,
    entriesFrom: reader.entriesFrom,
    openEpoch: (reason, lostSince) => store.commit(fresh(() => begin(reason, lostSince).id)),
    subjectKeys,
    gatewayId,
    ...createLaneSource(core, disclosing(options.disclosure ?? 'none', subjectKeys)),
    ...createWitnessing(core, {
      gatewayId,
      keys,
      cosigners: options.cosigners ?? (() => []),
      onCheckpoint: (head) => memory?.writeHead(head),
    }),
  }
}
