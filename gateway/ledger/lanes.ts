/**
 * Lanes: how far each has been accepted, settled (delivered, expired or quarantined) and what happens
 * when it is full. Counters live in memory and are derived from the tables again after a rollback.
 */
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { DEFAULT_LANE_LIMITS, type LaneLimits } from './lane-limits.ts'
import { LANES, type Lane, type LaneBalance } from './port.ts'

/** `pos` of an entry is lane × this + sequence. */
const SEQUENCES_PER_LANE = 2 ** 50
export const positionOf = (lane: Lane, sequence: number): number =>
  LANES.indexOf(lane) * SEQUENCES_PER_LANE + sequence

/** Lane and sequence of a `pos`. */
export const placeOf = (pos: number): { readonly lane: Lane; readonly sequence: number } => ({
  lane: LANES[Math.floor(pos / SEQUENCES_PER_LANE)] ?? 'telemetry',
  sequence: pos % SEQUENCES_PER_LANE,
})

/** A full lane that expires its oldest gives up this share at once, so that not every append writes the counters. */
const EXPIRE_SHARE = 0.01

interface LaneRow {
  readonly settled: number
  readonly delivered: number
  readonly expired: number
  readonly quarantined: number
  readonly removed: number
}

interface LaneState {
  accepted: number
  /** Every sequence up to here is delivered, expired or quarantined. */
  settled: number
  /** Quarantined entries beyond `settled`. */
  asideBeyond: number
  delivered: number
  expired: number
  quarantined: number
}

export interface Lanes {
  /** The next sequence of a lane; makes room or throws `ledger.lane-full`. Inside `store.commit`. */
  next(lane: Lane): number
  /** The entry with that sequence is stored. */
  accept(lane: Lane): void
  /**
   * The core has everything up to `upTo`. At once in memory, in the table with the next transaction: a
   * backlog settles a dozen times a second, and none of that is worth an fsync that asks wait for.
   */
  deliver(lane: Lane, upTo: number): void
  quarantine(lane: Lane, sequence: number, reason: string, atMs: number): void
  /** What is still on its way up to there is not waited for any more. Inside `store.commit`. */
  expire(lane: Lane, upTo: number): void
  settledUpTo(lane: Lane): number
  accepted(lane: Lane): number
  balance(): readonly LaneBalance[]
  reload(): void
}

export function createLanes(store: Store, limits: LaneLimits = DEFAULT_LANE_LIMITS): Lanes {
  const states = new Map<Lane, LaneState>()
  /** How far the core has each lane, as heard since the start; ahead of the table for a moment. */
  const delivered = new Map<Lane, number>()
  const unwritten = new Set<Lane>()
  const save = store.prepare(
    `INSERT INTO ledger_lane (lane, settled, delivered, expired, quarantined) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (lane) DO UPDATE SET settled = excluded.settled, delivered = excluded.delivered,
       expired = excluded.expired, quarantined = excluded.quarantined`,
  )
  const countQuarantined = store.prepare<{ n: number }>(
    'SELECT count(*) AS n FROM ledger_quarantine WHERE pos > ? AND pos <= ?',
  )
  const insertQuarantine = store.prepare(
    'INSERT OR IGNORE INTO ledger_quarantine (pos, reason, at_ms) VALUES (?, ?, ?)',
  )

  function stateOf(lane: Lane): LaneState {
    const state = states.get(lane)
    if (!state) throw new GatewayError('internal', { detail: `lane ${lane}` })
    return state
  }

  function write(lane: Lane, state: LaneState): void {
    const { settled, delivered, expired, quarantined } = state
    save.run(LANES.indexOf(lane), settled, delivered, expired, quarantined)
  }

  function settle(lane: Lane, upTo: number, how: 'delivered' | 'expired'): void {
    const state = stateOf(lane)
    if (upTo <= state.settled) return
    if (upTo > state.accepted) {
      throw new GatewayError('ledger.acknowledged-unknown', {
        detail: `${lane} ${upTo}, the last entry is ${state.accepted}`,
      })
    }
    const apart =
      countQuarantined.get(positionOf(lane, state.settled), positionOf(lane, upTo))?.n ?? 0
    state[how] += upTo - state.settled - apart
    state.settled = upTo
    state.asideBeyond -= apart
    if (how === 'expired') write(lane, state)
    else unwritten.add(lane)
  }

  function deliver(lane: Lane, upTo: number): void {
    settle(lane, upTo, 'delivered')
    delivered.set(lane, Math.max(upTo, delivered.get(lane) ?? 0))
    if (unwritten.size > 0) store.soon(writeDelivered)
  }

  /** Crash story: sequence and counts of a lane are one row, so the books close with or without it. */
  function writeDelivered(): void {
    for (const lane of unwritten) write(lane, stateOf(lane))
    unwritten.clear()
  }

  function next(lane: Lane): number {
    const state = stateOf(lane)
    const limit = limits[lane]
    const pending = pendingOf(state)
    if (pending >= limit.maxPending) {
      if (limit.whenFull === 'refuse') {
        throw new GatewayError('ledger.lane-full', { detail: `${lane}, ${pending} entries wait` })
      }
      const share = Math.max(1, Math.floor(limit.maxPending * EXPIRE_SHARE))
      settle(lane, Math.min(state.accepted, state.settled + share), 'expired')
    }
    return state.accepted + 1
  }

  function quarantine(lane: Lane, sequence: number, reason: string, atMs: number): void {
    const state = stateOf(lane)
    if (sequence <= state.settled || sequence > state.accepted) return
    const added = insertQuarantine.run(positionOf(lane, sequence), reason, atMs).changes
    if (added === 0) return
    state.quarantined += 1
    state.asideBeyond += 1
    write(lane, state)
  }

  function reload(): void {
    const rows = store.prepare<LaneRow>('SELECT * FROM ledger_lane WHERE lane = ?')
    for (const lane of LANES) {
      const row = rows.get(LANES.indexOf(lane))
      const accepted = acceptedOf(store, lane, row?.removed ?? 0)
      const settled = row?.settled ?? 0
      const beyond = [positionOf(lane, settled), positionOf(lane, accepted)] as const
      states.set(lane, {
        accepted,
        settled,
        asideBeyond: countQuarantined.get(...beyond)?.n ?? 0,
        delivered: row?.delivered ?? 0,
        expired: row?.expired ?? 0,
        quarantined: row?.quarantined ?? 0,
      })
      // What the core has it has, whatever became of the transaction that was to say so here.
      const upTo = Math.min(delivered.get(lane) ?? 0, stateOf(lane).accepted)
      if (upTo > stateOf(lane).settled) deliver(lane, upTo)
    }
  }

  reload()
  return {
    next,
    accept: (lane) => {
      stateOf(lane).accepted += 1
    },
    deliver,
    quarantine,
    expire: (lane, upTo) => settle(lane, upTo, 'expired'),
    settledUpTo: (lane) => stateOf(lane).settled,
    accepted: (lane) => stateOf(lane).accepted,
    balance: () =>
      LANES.map((lane) => {
        const state = stateOf(lane)
        const { accepted, delivered, expired, quarantined } = state
        return { lane, accepted, delivered, pending: pendingOf(state), expired, quarantined }
      }),
    reload,
  }
}

/**
 * The balance counted from the rows, independent of the counters: pending and quarantined entries are
 * counted one by one. Slow on a long backlog; for checks and tests.
 */
export function balanceFromDatabase(store: Store): readonly LaneBalance[] {
  const rows = store.prepare<LaneRow>('SELECT * FROM ledger_lane WHERE lane = ?')
  const countPending = store.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM ledger_entry
     WHERE pos > ? AND pos < ? AND pos NOT IN (SELECT pos FROM ledger_quarantine)`,
  )
  const countQuarantined = store.prepare<{ n: number }>(
    'SELECT count(*) AS n FROM ledger_quarantine WHERE pos >= ? AND pos < ?',
  )
  return LANES.map((lane, number) => {
    const row = rows.get(number)
    const start = positionOf(lane, 0)
    const end = start + SEQUENCES_PER_LANE
    return {
      lane,
      accepted: acceptedOf(store, lane, row?.removed ?? 0),
      delivered: row?.delivered ?? 0,
      pending: countPending.get(start + (row?.settled ?? 0), end)?.n ?? 0,
      expired: row?.expired ?? 0,
      quarantined: countQuarantined.get(start, end)?.n ?? 0,
    }
  })
}

/** Lanes whose books do not close: accepted ≠ delivered + pending + expired + quarantined. */
export function unbalanced(balance: readonly LaneBalance[]): readonly LaneBalance[] {
  return balance.filter(
    (lane) => lane.accepted !== lane.delivered + lane.pending + lane.expired + lane.quarantined,
  )
}

function acceptedOf(store: Store, lane: Lane, removed: number): number {
  const start = positionOf(lane, 0)
  const top = store
    .prepare<{ top: number | null }>(
      'SELECT max(pos) AS top FROM ledger_entry WHERE pos >= ? AND pos < ?',
    )
    .get(start, start + SEQUENCES_PER_LANE)?.top
  return Math.max(removed, top === null || top === undefined ? 0 : top - start)
}

/** By sequence, not from the other counts: so the books can be found not to close. */
function pendingOf(state: LaneState): number {
  return state.accepted - state.settled - state.asideBeyond
}
