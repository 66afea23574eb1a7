/**
 * How long things are kept: the sealed part by its class (its keys are destroyed after the maximum),
 * and whole segments from the oldest on once nothing in them must be kept. Hashes stay, so the tree and
 * every proof stand. Nothing is deleted while the time is in doubt, and nothing for a jump of the clock
 * that nobody confirmed.
 */
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import { decodeLeaf, type Leaf } from './entry-codec.ts'
import { portionsOf } from './key-entries.ts'
import type { FullLedger } from './ledger.ts'
import { type DataClass, LANES, type Lane } from './port.ts'
import { REMOVED_KIND } from './removal.ts'
import { DEFAULT_RETENTION, type RetentionPolicy } from './retention-policy.ts'
import type { TimeFloor } from './time-floor.ts'
import { TILE_WIDTH } from './tlog/tiles.ts'
import { tileId } from './tree.ts'

const DAY_MS = 86_400_000

/** Removed in one transaction: 1,024 rows take a few milliseconds, which no answer waits for long. */
const SEGMENTS_AT_ONCE = 4
/** A doubtful entry is dated by the next certain one; further than this is not looked. */
const LOOK_AHEAD_ENTRIES = 10_000

export interface RetentionReport {
  readonly keysDestroyed: number
  readonly entriesRemoved: number
  /** First leaf that is still there. */
  readonly firstIndex: number
  readonly skipped?: 'time-in-doubt'
}

export interface Retention {
  /** `diskIsShort`: remove what is past its minimum already, not only past its maximum. */
  run(options?: { readonly diskIsShort?: boolean }): Promise<RetentionReport>
}

export function createRetention(parts: {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly ledger: FullLedger
  /** Absent: `clock` is right. */
  readonly time?: Pick<TimeFloor, 'doubt' | 'provenMs'>
  readonly policy?: Partial<RetentionPolicy>
}): Retention {
  const { store, clock, ledger, time } = parts
  /** By which things are old enough to go; `clock` tells when it was done. */
  const ageingMs = (): number => time?.provenMs() ?? clock.now()
  const policy: RetentionPolicy = { ...DEFAULT_RETENTION, ...parts.policy }
  const rows = store.prepare<{ idx: number; hash: Uint8Array; bytes: Uint8Array }>(
    'SELECT idx, hash, bytes FROM ledger_entry WHERE idx >= ? AND idx < ? ORDER BY idx',
  )
  const keep = store.prepare('UPDATE ledger_tile SET hashes = ? WHERE id = ?')
  const remove = store.prepare('DELETE FROM ledger_entry WHERE idx >= ? AND idx < ?')
  const saveHead = store.prepare(
    `INSERT INTO ledger_lane (lane, removed) VALUES (?, ?)
     ON CONFLICT (lane) DO UPDATE SET removed = excluded.removed`,
  )

  async function run(options: { readonly diskIsShort?: boolean } = {}): Promise<RetentionReport> {
    if (time?.doubt()) {
      return {
        keysDestroyed: 0,
        entriesRemoved: 0,
        firstIndex: firstIndex(),
        skipped: 'time-in-doubt',
      }
    }
    const keysDestroyed = await destroyOldKeys()
    await thinCheckpoints()
    const limitDays = options.diskIsShort ? 'minDays' : 'maxDays'
    let entriesRemoved = 0
    for (;;) {
      const removed = await removeSigned(limitDays)
      entriesRemoved += removed
      if (removed < SEGMENTS_AT_ONCE * TILE_WIDTH) break
    }
    return { keysDestroyed, entriesRemoved, firstIndex: firstIndex() }
  }

  function firstIndex(): number {
    const top = store.prepare<{ idx: number | null }>('SELECT min(idx) AS idx FROM ledger_entry')
    return top.get()?.idx ?? 0
  }

  /** Names the keys, so that the cloud core deletes what it was shown of them too. */
  function appendExpired(dataClass: DataClass, ids: readonly number[], before: number): void {
    const body = { class: dataClass, keys: ids.length, ids, before: new Date(before).toISOString() }
    ledger.append({ lane: 'audit', kind: 'ledger.keys-expired', atMs: clock.now(), body })
  }

  function destroyOldKeys(): Promise<number> {
    return store.commit(() => {
      let count = 0
      for (const dataClass of ['C1', 'C2', 'C3'] as const) {
        const before = ageingMs() - policy[dataClass].maxDays * DAY_MS
        const ids = ledger.subjectKeys.idsEndedBefore(dataClass, before)
        if (ids.length === 0) continue
        count += ledger.subjectKeys.destroy(ids)
        for (const portion of portionsOf(ids)) appendExpired(dataClass, portion, before)
      }
      return count
    })
  }

  /** After a day one checkpoint a day stays, and the newest cosigned one of the day: one a minute is 150 MB a year. */
  function thinCheckpoints(): Promise<unknown> {
    const isCosigned = `note LIKE '%' || char(10) || '— %' || char(10) || '— %'`
    return store.commit(() =>
      store
        .prepare(
          `DELETE FROM ledger_checkpoint WHERE at_ms < ?
           AND size NOT IN (SELECT max(size) FROM ledger_checkpoint GROUP BY at_ms / ${DAY_MS})
           AND size NOT IN (SELECT max(size) FROM ledger_checkpoint WHERE ${isCosigned}
                            GROUP BY at_ms / ${DAY_MS})`,
        )
        .run(ageingMs() - DAY_MS),
    )
  }

  /** An export ends at a checkpoint: without one here it would lack the entry that tells of the removal. */
  async function removeSigned(limit: 'minDays' | 'maxDays'): Promise<number> {
    const signing: Promise<unknown>[] = []
    const removing = store.commit(() => {
      const count = removeSome(limit)
      if (count > 0) signing.push(ledger.checkpoint())
      return count
    })
    const [removed] = await Promise.all([removing, ...signing])
    return removed
  }

  /** Crash story: hashes, deletion, lane heads and the entry that tells of it are one transaction. */
  function removeSome(limit: 'minDays' | 'maxDays'): number {
    const first = firstIndex()
    const signed = ledger.latestCheckpoint()?.size ?? 0
    const heads = headsBefore()
    const held = ledger.subjectKeys.heldIds()
    let to = first
    while (to < first + SEGMENTS_AT_ONCE * TILE_WIDTH && to + TILE_WIDTH <= signed) {
      const segment = rows.all(to, to + TILE_WIDTH)
      const leaves = segment.flatMap((row) => decodeLeaf(row.bytes) ?? [])
      const isReady = leaves.length === TILE_WIDTH && leaves.every((leaf) => mayGo(leaf, held))
      if (!isReady || !isOld(leaves, to + TILE_WIDTH, limit)) break
      keep.run(Buffer.concat(segment.map((row) => row.hash)), tileId(0, to / TILE_WIDTH))
      for (const leaf of leaves) heads[leaf.lane] = leaf.seq
      to += TILE_WIDTH
    }
    if (to === first) return 0
    const { changes } = remove.run(first, to)
    for (const lane of LANES) {
      ledger.expire(lane, heads[lane])
      saveHead.run(LANES.indexOf(lane), heads[lane])
    }
    ledger.append({ lane: 'audit', kind: REMOVED_KIND, atMs: clock.now(), body: { to, heads } })
    return changes
  }

  function headsBefore(): Record<Lane, number> {
    const removed = store.prepare<{ lane: number; removed: number }>(
      'SELECT lane, removed FROM ledger_lane',
    )
    const known = new Map(removed.all().map((row) => [LANES[row.lane], row.removed]))
    return {
      critical: known.get('critical') ?? 0,
      session: known.get('session') ?? 0,
      audit: known.get('audit') ?? 0,
      telemetry: known.get('telemetry') ?? 0,
    }
  }

  function mayGo(leaf: Leaf, held: ReadonlySet<number>): boolean {
    const isAwaited = leaf.seq > ledger.removableUpTo(leaf.lane)
    return !isAwaited && !(leaf.key !== undefined && held.has(leaf.key))
  }

  function isOld(leaves: readonly Leaf[], end: number, limit: 'minDays' | 'maxDays'): boolean {
    const now = ageingMs()
    const later = leaves.some((leaf) => leaf.doubt) ? nextCertainMs(end) : undefined
    return leaves.every((leaf) => {
      const at = leaf.doubt ? later : leaf.at
      // The frame of an entry is C1 whatever it seals: it stays as long as the longer of both rules.
      const days = Math.max(policy.C1[limit], policy[leaf.cls ?? 'C1'][limit])
      return at !== undefined && now - at >= days * DAY_MS
    })
  }

  function nextCertainMs(from: number): number | undefined {
    for (let at = from; at < from + LOOK_AHEAD_ENTRIES; at += TILE_WIDTH) {
      for (const row of rows.all(at, at + TILE_WIDTH)) {
        const leaf = decodeLeaf(row.bytes)
        if (leaf && !leaf.doubt) return leaf.at
      }
    }
    return undefined
  }

  return { run }
}
