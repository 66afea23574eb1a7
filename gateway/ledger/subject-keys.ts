/**
 * Data keys: one for each subject, class of data and month; for anonymous turns one for the box, class
 * and day. Destroying a key makes all that it sealed unreadable, here and in every copy of the entries.
 */
import { createHash } from 'node:crypto'
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import {
  DATA_KEY_BYTES,
  type FillRandom,
  type KeyRing,
  open,
  seal,
  WRAPPED_KEY_BYTES,
} from './key-ring.ts'
import type { DataClass } from './port.ts'

const DAY_MS = 86_400_000
/** A subject's key serves a month: fine enough for retention in months, few rows for a regular patient. */
export const SUBJECT_PERIOD_DAYS = 30
/** The box's key for anonymous turns serves a day, since nobody can ask for those to be erased singly. */
export const BOX_PERIOD_DAYS = 1
/**
 * Keys made while the time is not known; they get their period when it is, and are never too old. Two
 * bytes wide like every day until 2059: a row that kept its length is overwritten where it stands.
 */
export const UNDATED = -32_768
/** Opened keys in memory: 5,000 subjects are more than a site sees in a day, and about 1 MB. */
const CACHE_KEYS = 5000

export const CLASS_NUMBER = { C1: 1, C2: 2, C3: 3 } as const satisfies Record<DataClass, number>
const DESTROYED = Buffer.alloc(WRAPPED_KEY_BYTES)

interface KeyRow {
  readonly id: number
  readonly wrapped: Uint8Array
}

export interface Sealed {
  readonly keyId: number
  readonly sealed: Buffer
}

/** Fingerprints of erased keys, kept beside the database so that an older copy of it stays erased. */
export interface ErasedKeys {
  /** On disk when it returns. */
  addErased(fingerprints: readonly string[]): void
  /** The erasure was not kept: they are as before. */
  removeErased(fingerprints: readonly string[]): void
  readErased(): ReadonlySet<string>
}

export interface SubjectKeys {
  /** Seals with the key of the subject (or the box), made if there is none; inside `store.commit`. */
  seal(
    who: Subject | undefined,
    dataClass: DataClass,
    atMs: number | undefined,
    plain: Uint8Array,
  ): Sealed
  /** Undefined when the key was destroyed, or key and content do not belong together. */
  open(keyId: number, sealed: Uint8Array): Buffer | undefined
  isDestroyed(keyId: number): boolean
  /** A keyed hash (16 bytes), by which rows of a subject are found without his id standing in the file. */
  tagOf(who: Subject): Buffer
  /** Keys that seal what is kept of a subject. */
  idsOf(who: Subject): readonly number[]
  /** Ids of live keys of a class whose period ended before `beforeMs`; never those of a held subject. */
  idsEndedBefore(dataClass: DataClass, beforeMs: number): readonly number[]
  /** Keys of held subjects: neither retention nor erasure touches them. */
  heldIds(): ReadonlySet<number>
  isHeld(who: Subject): boolean
  hold(who: Subject, reason: string, atMs: number): void
  /** False when there was no hold. */
  release(who: Subject): boolean
  /** Overwrites the keys in place; inside `store.commit`. Returns how many there were. */
  destroy(keyIds: readonly number[]): number
  /** The same in every older copy of the database, should one be put back; `undo` where the transaction is lost. */
  destroyForGood(keyIds: readonly number[]): { readonly count: number; readonly undo: () => void }
  /**
   * Destroys what had been erased before the database was put back, but for persons who are held in it;
   * inside `store.commit`. Says which keys went, and how many a hold kept.
   */
  reapplyErasures(): { readonly destroyed: readonly number[]; readonly held: number }
  /** Gives keys made under an unknown time the period of `atMs`. */
  dateUndated(atMs: number): void
}

export function createSubjectKeys(options: {
  readonly store: Store
  readonly keys: KeyRing
  readonly random: FillRandom
  readonly erased?: ErasedKeys | undefined
}): SubjectKeys {
  const { store, keys, random, erased } = options
  const byTag = store.prepare<KeyRow>(
    'SELECT id, wrapped FROM subject_key WHERE tag = ? AND class = ? AND period = ?',
  )
  const byId = store.prepare<KeyRow>('SELECT id, wrapped FROM subject_key WHERE id = ?')
  const insert = store.prepare(
    'INSERT INTO subject_key (tag, class, period, wrapped) VALUES (?, ?, ?, ?)',
  )
  /** Names of keys made in the open transaction. */
  const uncommitted = new Set<string>()
  const current = new Map<string, { readonly id: number; readonly key: Buffer }>()

  const tagOf = (who: Subject): Buffer => keys.tag(subjectName(who))

  function keyFor(who: Subject | undefined, dataClass: DataClass, atMs: number | undefined) {
    const period = periodOf(who, atMs)
    const name = `${who ? subjectName(who) : 'box'}\0${dataClass}\0${period}`
    const cached = current.get(name)
    if (cached) return cached
    const { isNew, ...found } = loadOrMake(who, dataClass, period)
    if (isNew) uncommitted.add(name)
    if (current.size >= CACHE_KEYS) dropOldest()
    current.set(name, found)
    return found
  }

  function loadOrMake(who: Subject | undefined, dataClass: DataClass, period: number) {
    const tag = who ? tagOf(who) : keys.tag('box')
    const row = byTag.get(tag, CLASS_NUMBER[dataClass], period)
    if (row && !isZero(row.wrapped)) return { id: row.id, key: unwrap(row), isNew: false }
    const key = Buffer.alloc(DATA_KEY_BYTES)
    random(key)
    const made = insert.run(tag, CLASS_NUMBER[dataClass], period, keys.wrap(key))
    return { id: Number(made.lastInsertRowid), key, isNew: true }
  }

  store.onCommit(() => uncommitted.clear())
  // At once: what else is in that transaction may be kept, and the number of a lost key is given again.
  store.onRollback(() => {
    for (const name of uncommitted) {
      current.get(name)?.key.fill(0)
      current.delete(name)
    }
    uncommitted.clear()
  })

  function unwrap(row: KeyRow): Buffer {
    const key = keys.unwrap(row.wrapped)
    if (!key) throw new GatewayError('ledger.key-unreadable', { detail: `data key ${row.id}` })
    return key
  }

  function dropOldest(): void {
    const [oldest] = current
    oldest?.[1].key.fill(0)
    if (oldest) current.delete(oldest[0])
  }

  /** Crash story: fingerprints are on disk before the keys go, so an erasure that was told is never undone. */
  function destroyForGood(keyIds: readonly number[]) {
    const fingerprints = keyIds.flatMap((id) => fingerprint(byId.get(id)) ?? [])
    erased?.addErased(fingerprints)
    return { count: destroy(keyIds), undo: () => erased?.removeErased(fingerprints) }
  }

  function destroy(keyIds: readonly number[]): number {
    // The tag goes too: a later question of the same person starts with a key of its own.
    const zero = store.prepare(
      'UPDATE subject_key SET wrapped = ?, tag = zeroblob(16) WHERE id = ?',
    )
    let count = 0
    for (const id of keyIds) count += zero.run(DESTROYED, id).changes
    forget()
    return count
  }

  /** A list beside the database proves no erasure: what is kept against it can still be erased, not the reverse. */
  function reapplyErasures() {
    const gone = erased?.readErased() ?? new Set()
    if (gone.size === 0) return { destroyed: [], held: 0 }
    const rows = store
      .prepare<KeyRow & { readonly isHeld: 0 | 1 }>(
        'SELECT id, wrapped, tag IN (SELECT tag FROM ledger_hold) AS isHeld FROM subject_key',
      )
      .all()
      .filter((row) => gone.has(fingerprint(row) ?? ''))
    const destroyed = rows.filter((row) => !row.isHeld).map((row) => row.id)
    destroy(destroyed)
    return { destroyed, held: rows.length - destroyed.length }
  }

  function forget(): void {
    for (const entry of current.values()) entry.key.fill(0)
    current.clear()
  }

  return {
    seal: (who, dataClass, atMs, plain) => {
      const { id, key } = keyFor(who, dataClass, atMs)
      return { keyId: id, sealed: seal(key, plain, random) }
    },
    open: (keyId, sealed) => {
      const row = byId.get(keyId)
      if (!row || isZero(row.wrapped)) return undefined
      const key = unwrap(row)
      const plain = open(key, sealed)
      key.fill(0)
      return plain
    },
    isDestroyed: (keyId) => {
      const row = byId.get(keyId)
      return !row || isZero(row.wrapped)
    },
    tagOf,
    idsOf: (who) =>
      store
        .prepare<{ id: number }>('SELECT id FROM subject_key WHERE tag = ? ORDER BY id')
        .all(tagOf(who))
        .map((row) => row.id),
    idsEndedBefore: (dataClass, beforeMs) =>
      store
        .prepare<{ id: number }>(
          `SELECT id FROM subject_key
           WHERE class = ? AND period <> ? AND wrapped <> ?
             AND tag NOT IN (SELECT tag FROM ledger_hold)
             AND (period + CASE WHEN tag = ? THEN ? ELSE ? END) * ? <= ?`,
        )
        .all(
          CLASS_NUMBER[dataClass],
          UNDATED,
          DESTROYED,
          keys.tag('box'),
          BOX_PERIOD_DAYS,
          SUBJECT_PERIOD_DAYS,
          DAY_MS,
          beforeMs,
        )
        .map((row) => row.id),
    heldIds: () =>
      new Set(
        store
          .prepare<{ id: number }>(
            'SELECT id FROM subject_key WHERE tag IN (SELECT tag FROM ledger_hold)',
          )
          .all()
          .map((row) => row.id),
      ),
    isHeld: (who) =>
      store.prepare('SELECT 1 FROM ledger_hold WHERE tag = ?').get(tagOf(who)) !== undefined,
    hold: (who, reason, atMs) => {
      store
        .prepare('INSERT OR REPLACE INTO ledger_hold (tag, reason, at_ms) VALUES (?, ?, ?)')
        .run(tagOf(who), reason, atMs)
    },
    release: (who) =>
      store.prepare('DELETE FROM ledger_hold WHERE tag = ?').run(tagOf(who)).changes > 0,
    destroy,
    destroyForGood,
    reapplyErasures,
    dateUndated: (atMs) => {
      const date = store.prepare(
        'UPDATE subject_key SET period = ? WHERE period = ? AND tag = ? AND wrapped <> ?',
      )
      const dateOthers = store.prepare(
        'UPDATE subject_key SET period = ? WHERE period = ? AND tag <> ? AND wrapped <> ?',
      )
      const box = keys.tag('box')
      date.run(periodOf(undefined, atMs), UNDATED, box, DESTROYED)
      dateOthers.run(startOf(atMs, SUBJECT_PERIOD_DAYS), UNDATED, box, DESTROYED)
      forget()
    },
  }
}

/** By what `erased.list` knows a key; undefined where there is none any more. */
export function fingerprint(row: Pick<KeyRow, 'wrapped'> | undefined): string | undefined {
  if (!row || isZero(row.wrapped)) return undefined
  return createHash('sha256').update(row.wrapped).digest('hex')
}

/** Number of the day on which the period began. */
export function periodOf(who: Subject | undefined, atMs: number | undefined): number {
  if (atMs === undefined) return UNDATED
  return startOf(atMs, who ? SUBJECT_PERIOD_DAYS : BOX_PERIOD_DAYS)
}

function startOf(atMs: number, days: number): number {
  const day = Math.floor(atMs / DAY_MS)
  return day - (day % days)
}

export const subjectName = (who: Subject): string => `${who.kind}\0${who.id}`

export function isZero(wrapped: Uint8Array): boolean {
  return DESTROYED.equals(wrapped)
}
