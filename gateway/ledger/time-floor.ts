/**
 * Time that a box without a battery clock can stand on: never before the last time that was known
 * good, and in doubt when the clock says what cannot be. Entries written in doubt carry the start of
 * the box and monotonic milliseconds; once the time is known, one entry tells what to add.
 */
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { FillRandom } from './key-ring.ts'
import type { Ledger, TimeDoubt } from './port.ts'
import { createProvenTime } from './proven-time.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** No box is older than this program. */
export const EARLIEST_MS = Date.parse('2026-11-01T00:00:00Z')
const DAY_MS = 86_400_000
/** A clock further ahead of the last good time than this is broken, not right after a long rest. */
const LONGEST_REST_DAYS = 400
export const LONGEST_REST_MS = LONGEST_REST_DAYS * DAY_MS
/** On its first start a box may have lain in a store room for years. */
const LONGEST_SHELF_DAYS = 3650
/** A clock this far from a confirmed time is overruled by it. */
const TOLERANCE_MS = 120_000
/** Network time may set a clock right by hours: a chip that keeps local time, and a system that takes it for UTC. */
const MOST_SET_RIGHT_MS = DAY_MS
/** The core is heard every 15 s: if a clock that moved ahead is wrong, it says so within this. */
const CORE_SPEAKS_WITHIN_MS = 60_000
/** What a clock by itself may lose or gain: twice what a quartz in a warm cupboard does. */
const DRIFT = 100e-6

/** What somebody who knows said, and what the clock of the box said then. */
interface Confirmed {
  /** True time minus monotonic. */
  readonly offset: number
  /** Wall clock minus monotonic. */
  readonly wallOffset: number
  readonly monotonic: number
  readonly uncertaintyMs: number
}

interface Reading extends TrustedTime {
  readonly by: 'clock' | 'core' | 'floor'
}

/** Entries take the correction, and keys made in doubt their period. */
type Restampable = Pick<Ledger, 'append'> & {
  readonly subjectKeys: Pick<SubjectKeys, 'dateUndated'>
}

export interface TimeFloor extends Clock {
  /**
   * Best knowledge: the clock where it is plausible, else what was confirmed, or the floor, and what has
   * passed since. The monotonic clock stands still while the box sleeps: a clock that was right when the
   * core last spoke, and has moved ahead since, is followed once the core has not spoken against it.
   */
  now(): number
  /** Undefined where `now` may be trusted. */
  doubt(): TimeDoubt | undefined
  /** By which keys are destroyed and entries removed: `now`, but for a jump that nobody confirmed. */
  provenMs(): number
  /** Days that `now` is ahead of `provenMs`; 0 while the time is in doubt. */
  unprovenDays(): number
  /** Both in one: what terms are judged by. In doubt it may be later than this. */
  reading(): TrustedTime
  /**
   * Somebody who knows says what time it is: the cloud core, an operator. False, and not taken: it is
   * before the last time known to be good, or further ahead than a box rests and the clock disagrees; or
   * it jumped, and the clock of the box, which had agreed, did not. What an earlier word of this run left
   * as the floor is taken back where it was later.
   */
  confirm(trueMs: number, uncertaintyMs: number): Promise<boolean>
  /**
   * An operator says that the clock of the box is right, though it was later once: the box had run with a
   * clock set ahead. Gives the floor that is taken back. Throws `clock.before-program`.
   */
  accept(): Promise<{ readonly floorMs: number }>
  /** Writes the floor; the scheduler calls it every minute. */
  persist(): Promise<void>
  /**
   * Once the time is known: dates the keys that were made in doubt, in this run or an earlier one, and
   * writes the entry that dates what this run wrote. True if it wrote one.
   */
  restampIfDue(ledger: Restampable): Promise<boolean>
}

/** The clock of the box and whoever confirmed said the same. */
const isAgreeing = ({ wallOffset, offset, uncertaintyMs }: Confirmed): boolean =>
  Math.abs(wallOffset - offset) <= TOLERANCE_MS + uncertaintyMs

/** The floor and how far time is proven, as they were last kept; undefined before the first start. */
export const savedTime = (store: Store): { floorMs: number; provenMs: number } | undefined =>
  store
    .prepare<{ floorMs: number; provenMs: number }>(
      'SELECT floor_ms AS floorMs, proven_ms AS provenMs FROM ledger_clock WHERE id = 1',
    )
    .get()

export function createTimeFloor(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly random: FillRandom
}): TimeFloor {
  const { store, clock, random } = parts
  const saved = savedTime(store)
  const upsert = store.prepare(
    `INSERT INTO ledger_clock (id, floor_ms, proven_ms) VALUES (1, ?, ?)
     ON CONFLICT (id) DO UPDATE SET floor_ms = max(floor_ms, excluded.floor_ms),
       proven_ms = excluded.proven_ms`,
  )
  const replace = store.prepare(
    'REPLACE INTO ledger_clock (id, floor_ms, proven_ms) VALUES (1, ?, ?)',
  )
  const boot = newId(Math.max(0, clock.now()), random)
  const bootMonotonic = clock.monotonic()
  /** The latest time that was known to be good; it rises while the box runs. */
  let good = {
    atMs: Math.max(saved?.floorMs ?? EARLIEST_MS, EARLIEST_MS),
    monotonic: bootMonotonic,
  }
  /** Without what only the clock said in this run: the core may find that wrong. */
  let earliestConfirmableMs = good.atMs
  const proven = createProvenTime({
    savedMs: saved?.provenMs,
    earliestMs: EARLIEST_MS,
    monotonic: () => clock.monotonic(),
  })
  const restDays = saved === undefined ? LONGEST_SHELF_DAYS : LONGEST_REST_DAYS
  /** Overrules a clock that is far from it. */
  let confirmed: Confirmed | undefined
  let isRestampDue = false
  /** A run that was over before the time was known left keys without a date. */
  let isDatingDue = true

  const passed = (): number => clock.monotonic() - bootMonotonic
  const floor = (): number => good.atMs + clock.monotonic() - good.monotonic

  const isBeforeRest = (ms: number): boolean => ms <= floor() + restDays * DAY_MS
  /** What is set back by weeks is wrong, or was; so is what is before all that earlier runs knew. */
  const isPossible = (wall: number): boolean =>
    wall >= Math.max(good.atMs - MOST_SET_RIGHT_MS, earliestConfirmableMs) - TOLERANCE_MS &&
    isBeforeRest(wall)

  function read(): Reading {
    const wall = clock.now()
    const byClock: Reading = { nowMs: wall, isKnown: true, by: 'clock' }
    // The monotonic clock counts fractions; times are stored as whole milliseconds.
    if (confirmed) return readConfirmed(confirmed, byClock)
    return isPossible(wall) ? byClock : { nowMs: Math.floor(floor()), isKnown: false, by: 'floor' }
  }

  function readConfirmed(known: Confirmed, byClock: Reading): Reading {
    const monotonic = clock.monotonic()
    const wall = byClock.nowMs
    const nowMs = Math.floor(known.offset + monotonic)
    const toleranceMs = TOLERANCE_MS + known.uncertaintyMs
    if (Math.abs(wall - nowMs) <= toleranceMs) return byClock
    const isMovedAhead = wall - monotonic - known.wallOffset > TOLERANCE_MS && wall > nowMs
    if (!isMovedAhead || !isPossible(wall)) return { nowMs, isKnown: true, by: 'core' }
    // The box slept, a paused machine goes on, or somebody set the clock wrong.
    const isUnopposed = monotonic - known.monotonic > CORE_SPEAKS_WITHIN_MS
    return isAgreeing(known) && isUnopposed ? byClock : { nowMs, isKnown: false, by: 'core' }
  }

  /** The clock goes on as it did when the two agreed, and the core does not: its own was set. */
  function isCoreAlone(known: Confirmed, trueMs: number, toleranceMs: number): boolean {
    const monotonic = clock.monotonic()
    const countedMs = known.offset + monotonic
    const driftMs = (monotonic - known.monotonic) * DRIFT
    const isClockKept = Math.abs(clock.now() - countedMs) <= TOLERANCE_MS + known.uncertaintyMs
    return isAgreeing(known) && isClockKept && Math.abs(trueMs - countedMs) > toleranceMs + driftMs
  }

  const now = (): number => read().nowMs
  const isKnown = (): boolean => read().isKnown

  const provenMs = (): number => proven.upTo(isKnown() ? now() : floor())
  const save = (floorMs: number): Promise<void> =>
    store.commit(() => void upsert.run(Math.floor(floorMs), provenMs()))

  return {
    now,
    monotonic: () => clock.monotonic(),
    doubt: () => {
      if (isKnown()) return undefined
      isRestampDue = true
      isDatingDue = true
      return { boot, monotonicMs: Math.round(passed()) }
    },
    provenMs,
    unprovenDays: () => (isKnown() ? Math.floor((now() - provenMs()) / DAY_MS) : 0),
    reading: read,
    confirm: async (trueMs, uncertainty) => {
      const toleranceMs = TOLERANCE_MS + uncertainty
      const isAgreed =
        Math.abs(clock.now() - trueMs) <= toleranceMs && trueMs >= earliestConfirmableMs
      const isPlausible = trueMs >= earliestConfirmableMs - toleranceMs && isBeforeRest(trueMs)
      if (!isAgreed && !isPlausible) return false
      if (!isAgreed && confirmed && isCoreAlone(confirmed, trueMs, toleranceMs)) return false
      const monotonic = clock.monotonic()
      confirmed = {
        offset: trueMs - monotonic,
        wallOffset: clock.now() - monotonic,
        monotonic,
        uncertaintyMs: uncertainty,
      }
      // A core alone is not enough: who took it over must not have the record of years destroyed.
      if (isAgreed) proven.prove(trueMs)
      good = { atMs: Math.floor(trueMs - uncertainty), monotonic }
      await store.commit(
        () => void replace.run(Math.max(good.atMs, earliestConfirmableMs), provenMs()),
      )
      return true
    },
    accept: async () => {
      const atMs = Math.floor(clock.now())
      if (atMs < EARLIEST_MS) {
        throw new GatewayError('clock.before-program', { detail: new Date(atMs).toISOString() })
      }
      const floorMs = Math.floor(floor())
      await store.commit(() => void replace.run(atMs, atMs))
      good = { atMs, monotonic: clock.monotonic() }
      earliestConfirmableMs = atMs
      confirmed = undefined
      proven.prove(atMs)
      return { floorMs }
    },
    persist: async () => {
      const { nowMs, isKnown: isGood } = read()
      if (!isGood) return
      const wasSetRight = nowMs < good.atMs - TOLERANCE_MS
      good = { atMs: nowMs, monotonic: clock.monotonic() }
      if (wasSetRight) {
        await store.commit(
          () => void replace.run(Math.max(nowMs, earliestConfirmableMs), provenMs()),
        )
      } else await save(nowMs)
    },
    restampIfDue: async (ledger) => {
      if (!isDatingDue || !isKnown()) return false
      const isRestamped = isRestampDue
      const { nowMs } = read()
      const bootAtMs = Math.round(nowMs - passed())
      const { uncertaintyMs = 0 } = confirmed ?? {}
      const by = confirmed === undefined ? 'clock' : 'core'
      await store.commit(() => {
        ledger.subjectKeys.dateUndated(nowMs)
        if (!isRestamped) return
        ledger.append({
          lane: 'audit',
          kind: 'clock.restamped',
          atMs: nowMs,
          body: { boot, bootAtMs, uncertaintyMs, by },
        })
      })
      isDatingDue = false
      isRestampDue = false
      return isRestamped
    },
  }
}
