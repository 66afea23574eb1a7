/**
 * Entries that the core would not take: which, why, and whether an operator has dealt with them.
 *
 * None is sent again. The core's mark has passed its sequence, so that it would take the entry for one
 * that it has, and a second one under a new sequence would be another event in the record. What was
 * agreed with whoever runs the core is noted in the audit lane; the books stay as they are.
 */
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { decodeLeaf } from './entry-codec.ts'
import { placeOf, positionOf } from './lanes.ts'
import type { Lane } from './port.ts'

export interface QuarantinedEntry {
  readonly lane: Lane
  readonly sequence: number
  readonly reason: string
  readonly atMs: number
  readonly handledAtMs?: number
  /** Absent where retention has removed the entry, as what follows. */
  readonly index?: number
  readonly bytes?: number
  readonly kind?: string
  readonly writtenAtMs?: number
}

interface Row {
  readonly pos: number
  readonly reason: string
  readonly atMs: number
  readonly handledAtMs: number | null
  readonly idx: number | null
  readonly bytes: Uint8Array | null
}

/** Newest first. */
export function quarantinedEntries(store: Store, limit: number): readonly QuarantinedEntry[] {
  return store
    .prepare<Row>(
      `SELECT q.pos, q.reason, q.at_ms AS atMs, q.handled_ms AS handledAtMs, e.idx, e.bytes
       FROM ledger_quarantine q LEFT JOIN ledger_entry e ON e.pos = q.pos
       ORDER BY q.at_ms DESC, q.pos DESC LIMIT ?`,
    )
    .all(limit)
    .map(({ pos, reason, atMs, handledAtMs, idx, bytes }) => {
      const leaf = bytes ? decodeLeaf(bytes) : undefined
      return {
        ...placeOf(pos),
        reason,
        atMs,
        ...(handledAtMs === null ? {} : { handledAtMs }),
        ...(idx === null ? {} : { index: idx }),
        ...(bytes ? { bytes: bytes.length } : {}),
        ...(leaf ? { kind: leaf.kind, writtenAtMs: leaf.at } : {}),
      }
    })
}

/** How many of each lane nobody has dealt with; lanes that have none are left out. */
export function unhandledByLane(store: Store): ReadonlyMap<Lane, number> {
  const found = new Map<Lane, number>()
  for (const { lane } of unhandled(store)) found.set(lane, (found.get(lane) ?? 0) + 1)
  return found
}

export interface Place {
  readonly lane: Lane
  readonly sequence: number
}

/**
 * Notes that these were dealt with, or all that nobody has; gives those that were not before. Inside
 * `store.commit`. Throws `ledger.not-quarantined` and notes none.
 */
export function markHandled(store: Store, which: 'all' | readonly Place[], nowMs: number): Place[] {
  const isThere = store.prepare<{ one: 1 }>('SELECT 1 AS one FROM ledger_quarantine WHERE pos = ?')
  const places = which === 'all' ? unhandled(store) : which
  for (const { lane, sequence } of places) {
    if (isThere.get(positionOf(lane, sequence))) continue
    throw new GatewayError('ledger.not-quarantined', { detail: `${lane}:${sequence}` })
  }
  const mark = store.prepare(
    'UPDATE ledger_quarantine SET handled_ms = ? WHERE pos = ? AND handled_ms IS NULL',
  )
  return places.filter(
    ({ lane, sequence }) => mark.run(nowMs, positionOf(lane, sequence)).changes > 0,
  )
}

const unhandled = (store: Store): Place[] =>
  store
    .prepare<{ pos: number }>(
      'SELECT pos FROM ledger_quarantine WHERE handled_ms IS NULL ORDER BY pos',
    )
    .all()
    .map(({ pos }) => placeOf(pos))
