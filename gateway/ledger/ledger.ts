/**
 * The ledger: append-only entries in the transaction of the state they speak of, the way up to the
 * cloud core, and the tree over them. DESIGN.md draws it.
 */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { createWitnessing } from './checkpoints.ts'
import { withoutSecrets } from './data-classes.ts'
import { disclosing } from './disclosure.ts'
import { trackDurableSize } from './durable-size.ts'
import {
  decodeLeaf,
  ENTRY_FORMAT,
  encodeLeaf,
  encodeSealed,
  type Leaf,
  toEntry,
  withoutUndefined,
} from './entry-codec.ts'
import { isOlderCopy, type LedgerHead, rememberHead } from './head.ts'
import { type FillRandom, type KeyRing, pooledRandom } from './key-ring.ts'
import { createLaneSource } from './lane-source.ts'
import { createLanes, DEFAULT_LANE_LIMITS, type LaneLimit, positionOf } from './lanes.ts'
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
import {
  type AskSeed,
  askHash,
  askSeedFrom,
  type Epoch,
  insertEpoch,
  readEpochs,
  readSetting,
  readText,
  writeSetting,
} from './settings.ts'
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
  /** Says whether the clock is to be trusted just now; absent: it is. */
  readonly time?: { doubt(): TimeDoubt | undefined }
  /** What the core may read of the sealed part; absent: nothing. */
  readonly disclosure?: Disclosure
  /** What lies beside the database and outlives its restore from an older copy. */
  readonly memory?: LedgerMemory
  /** Cosigners whose lines are checked before they are kept. */
  readonly cosigners?: readonly NoteKey[]
}

/** Small files that a restore of the database does not touch; `key-files.ts` keeps them. */
export interface LedgerMemory extends ErasedKeys {
  /** Tree head of the newest checkpoint, as text. */
  readHead(): LedgerHead | undefined
  writeHead(head: LedgerHead): void
}

export interface FullLedger extends Ledger, LedgerSource, LedgerWitnessing {
  /** For erasure, export and retention. */
  readonly subjectKeys: SubjectKeys
  /** Reads one entry back; undefined when its content was removed. Throws `ledger.corrupt` when it is not readable. */
  entryAt(index: number): LedgerEntry | undefined
  /** Up to `count` entries from a leaf index on; with `keyIds`, only those sealed by one of them. */
  entriesFrom(index: number, count: number, keyIds?: ReadonlySet<number>): readonly LedgerEntry[]
  /** Leaves in the tree. */
  size(): number
  /** Every entry of the lane up to this sequence is delivered, expired or quarantined. */
  settledUpTo(lane: Lane): number
  /** Begins a new epoch: after a restore, or when the file turns out to be an older copy. */
  openEpoch(reason: string): Promise<string>
}

/** Opens the ledger over its tables. A new data folder gets its first epoch with the first entry. */
export function createLedger(options: LedgerOptions): FullLedger {
  const { store, clock, keys, time, memory } = options
  const gatewayId = readText(store, 'gateway-id') ?? options.gatewayId
  const random = pooledRandom(options.random)
  const tree = createTree(store)
  const lanes = createLanes(store, { ...DEFAULT_LANE_LIMITS, ...options.limits })
  const subjectKeys = createSubjectKeys({ store, keys, random, erased: memory })
  const insert = store.prepare(
    'INSERT INTO ledger_entry (idx, pos, ask, hash, bytes) VALUES (?, ?, ?, ?, ?)',
  )
  const byAsk = store.prepare<{ idx: number; bytes: Uint8Array }>(
    'SELECT idx, bytes FROM ledger_entry WHERE ask = ?',
  )
  const byIndex = store.prepare<{ idx: number; bytes: Uint8Array }>(
    'SELECT idx, bytes FROM ledger_entry WHERE idx = ?',
  )
  const byRange = store.prepare<{ idx: number; bytes: Uint8Array }>(
    'SELECT idx, bytes FROM ledger_entry WHERE idx >= ? AND idx < ? ORDER BY idx',
  )
  const durable = trackDurableSize(store, () => treeSize(store))
  let epochs: readonly Epoch[] = []
  let askSeed: AskSeed = [0, 0]
  /** Why an epoch has to be opened before the next entry. */
  let due: string | undefined
  /** A transaction was lost: what is in memory may be ahead of the tables. */
  let isStale = false

  function load(): void {
    epochs = readEpochs(store)
    const seed = readSetting(store, 'ask-seed')
    if (seed) askSeed = askSeedFrom(seed)
    if (epochs.length === 0) due = 'new'
    else due = isOlderCopy(store, memory?.readHead()) ? 'older-copy' : undefined
    const check = readSetting(store, 'master-check')
    if (check && !keys.tag('master-check').equals(check)) {
      throw new GatewayError('ledger.key-unreadable', { detail: 'the data folder has another key' })
    }
  }

  /** Cheap where nothing of ours was lost: then the tables end where memory does. */
  function refresh(): void {
    if (!isStale) return
    isStale = false
    subjectKeys.forgetUncommitted()
    lanes.reload()
    if (treeSize(store) !== tree.size) tree.reload()
    load()
  }

  function begin(reason: string): Epoch {
    const epoch = insertEpoch(store, tree.size, clock.now(), random)
    epochs = [...epochs, epoch]
    if (epochs.length === 1) {
      const seed = new Uint8Array(8)
      random(seed)
      writeSetting(store, 'ask-seed', seed)
      writeSetting(store, 'gateway-id', Buffer.from(gatewayId))
      writeSetting(store, 'master-check', keys.tag('master-check'))
      askSeed = askSeedFrom(seed)
    }
    if (reason !== 'new') {
      rememberHead(store, memory?.readHead())
      subjectKeys.reapplyErasures()
    }
    due = undefined
    write({
      lane: 'audit',
      kind: 'ledger.opened',
      atMs: clock.now(),
      body: { gateway: gatewayId, epoch: epoch.id, reason, format: ENTRY_FORMAT },
    })
    return epoch
  }

  function append(draft: LedgerDraft): LedgerPosition {
    refresh()
    if (due !== undefined) begin(due)
    return write(draft)
  }

  function write(draft: LedgerDraft): LedgerPosition {
    const index = tree.size
    const sequence = lanes.next(draft.lane)
    const bytes = encodeLeaf(leafOf(draft, sequence))
    const hash = leafHash(bytes)
    const ask = draft.askKey ? askHash(askSeed, draft.askKey.deviceId, draft.askKey.askId) : null
    insert.run(index, positionOf(draft.lane, sequence), ask, hash, bytes)
    lanes.accept(draft.lane)
    tree.append(hash)
    durable.grew(tree.size)
    return { index, sequence }
  }

  function leafOf(draft: LedgerDraft, seq: number): Leaf {
    const { lane, kind, atMs, deviceId, askKey, subject, personal } = draft
    const doubt = time?.doubt()
    const leaf: { -readonly [key in keyof Leaf]: Leaf[key] } = {
      v: ENTRY_FORMAT,
      lane,
      seq,
      kind,
      at: atMs,
      body: withoutUndefined(draft.body),
    }
    if (deviceId !== undefined) leaf.dev = deviceId
    if (askKey)
      leaf.ask = askKey.deviceId === deviceId ? askKey.askId : [askKey.deviceId, askKey.askId]
    if (doubt) leaf.doubt = doubt
    if (personal) {
      const dataClass = draft.dataClass ?? 'C2'
      const part = {
        ...(subject ? { subject } : {}),
        personal: withoutSecrets(withoutUndefined(personal)),
      }
      const sealed = subjectKeys.seal(
        subject,
        dataClass,
        doubt ? undefined : atMs,
        encodeSealed(part),
      )
      leaf.cls = dataClass
      leaf.key = sealed.keyId
      leaf.sealed = sealed.sealed
    }
    return leaf
  }

  function entriesFrom(index: number, count: number, keyIds?: ReadonlySet<number>): LedgerEntry[] {
    const rows = byRange.all(index, index + count)
    if (!keyIds) return rows.map(read)
    return rows.flatMap((row) => {
      const key = decodeLeaf(row.bytes)?.key
      return key !== undefined && keyIds.has(key) ? [read(row)] : []
    })
  }

  function read(row: { readonly idx: number; readonly bytes: Uint8Array }): LedgerEntry {
    const leaf = decodeLeaf(row.bytes)
    if (!leaf) throw new GatewayError('ledger.corrupt', { detail: `entry ${row.idx}` })
    const plain =
      leaf.key !== undefined && leaf.sealed ? subjectKeys.open(leaf.key, leaf.sealed) : undefined
    return toEntry(row.idx, leaf, plain)
  }

  function seen(deviceId: string, askId: string): LedgerEntry | undefined {
    refresh()
    for (const row of byAsk.all(askHash(askSeed, deviceId, askId))) {
      const entry = read(row)
      if (entry.askKey?.deviceId === deviceId && entry.askKey.askId === askId) return entry
    }
    return undefined
  }

  store.onRollback(() => {
    isStale = true
  })
  load()
  const core = {
    store,
    clock,
    lanes,
    tree,
    refresh,
    epochs: () => epochs,
    durable,
    /** The present epoch, made if there is none. Kept with the first entry if this commit is lost. */
    epoch: () => {
      refresh()
      const last = epochs.at(-1)
      if (last && due === undefined) return last
      const reason = due ?? 'new'
      store.commit(() => begin(reason)).catch(() => undefined)
      return epochs.at(-1) ?? { id: '', firstIndex: 0 }
    },
  }

  return {
    append,
    seen,
    balance: () => {
      refresh()
      return lanes.balance()
    },
    settledUpTo: (lane) => {
      refresh()
      return lanes.settledUpTo(lane)
    },
    size: () => {
      refresh()
      return tree.size
    },
    entryAt: (index) => {
      const row = byIndex.get(index)
      return row && read(row)
    },
    entriesFrom,
    openEpoch: (reason) =>
      store.commit(() => {
        refresh()
        return begin(reason).id
      }),
    subjectKeys,
    gatewayId,
    ...createLaneSource(core, disclosing(options.disclosure ?? 'none', subjectKeys)),
    ...createWitnessing(core, {
      gatewayId,
      keys,
      cosigners: options.cosigners ?? [],
      onCheckpoint: (head) => memory?.writeHead(head),
    }),
  }
}
