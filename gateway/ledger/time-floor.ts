/**
 * Time that a box without a battery clock can stand on: never before the last time that was known
 * good, and in doubt when the clock says what cannot be. Entries written in doubt carry the start of
 * the box and monotonic milliseconds; once the time is known, one entry tells what to add.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import type { FillRandom } from './key-ring.ts'
import type { Ledger, TimeDoubt } from './port.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** No box is older than this program. */
export const EARLIEST_MS = Date.parse('2026-11-01T00:00:00Z')
const DAY_MS = 86_400_000
/** A clock further ahead of the last good time than this is broken, not right after a long rest. */
export const LONGEST_REST_DAYS = 400
/** On its first start a box may have lain in a store room for years. */
const LONGEST_SHELF_DAYS = 3650
/** A clock this far from a confirmed time is overruled by it. */
const TOLERANCE_MS = 120_000

/** Entries take the correction, and keys made in doubt their period. */
type Restampable = Pick<Ledger, 'append'> & {
  readonly subjectKeys: Pick<SubjectKeys, 'dateUndated'>
}

export interface TimeFloor extends Clock {
  /** Best knowledge: the clock where it is plausible, else the floor and what has passed since. */
  now(): number
  /** Undefined where `now` may be trusted. */
  doubt(): TimeDoubt | undefined
  /**
   * Somebody who knows says what time it is: the cloud core, an operator. False, and not taken: it is
   * before the last time known to be good, or further ahead than a box rests and the clock disagrees.
   */
  confirm(trueMs: number, uncertaintyMs: number): Promise<boolean>
  /** Writes the floor; the scheduler calls it every minute. */
  persist(): Promise<void>
  /** Writes the entry that dates what was written in doubt, once the time is known. True if it wrote one. */
  restampIfDue(ledger: Restampable): Promise<boolean>
}

export function createTimeFloor(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly random: FillRandom
}): TimeFloor {
  const { store, clock, random } = parts
  const saved = store
    .prepare<{ floor_ms: number }>('SELECT floor_ms FROM ledger_clock WHERE id = 1')
    .get()?.floor_ms
  const save = store.prepare(
    `INSERT INTO ledger_clock (id, floor_ms) VALUES (1, ?)
     ON CONFLICT (id) DO UPDATE SET floor_ms = max(floor_ms, excluded.floor_ms)`,
  )
  const boot = newId(Math.max(0, clock.now()), random)
  const bootMonotonic = clock.monotonic()
  const floorAtBoot = Math.max(saved ?? EARLIEST_MS, EARLIEST_MS)
  const restDays = saved === undefined ? LONGEST_SHELF_DAYS : LONGEST_REST_DAYS
  /** Wall clock minus monotonic as last confirmed; overrules a clock that is far from it. */
  let confirmedOffset: number | undefined
  let uncertaintyMs = 0
  let isRestampDue = false

  const passed = (): number => clock.monotonic() - bootMonotonic
  const floor = (): number => floorAtBoot + passed()

  function isPlausible(wall: number): boolean {
    if (confirmedOffset !== undefined) {
      return Math.abs(wall - confirmedOffset - clock.monotonic()) <= TOLERANCE_MS + uncertaintyMs
    }
    return isPossible(wall, 0)
  }

  const isPossible = (ms: number, toleranceMs: number): boolean =>
    ms >= floorAtBoot - toleranceMs && ms <= floor() + restDays * DAY_MS

  function now(): number {
    const wall = clock.now()
    if (isPlausible(wall)) return wall
    // The monotonic clock counts fractions; times are stored as whole milliseconds.
    return Math.floor(confirmedOffset === undefined ? floor() : confirmedOffset + clock.monotonic())
  }

  const isKnown = (): boolean => confirmedOffset !== undefined || isPlausible(clock.now())

  return {
    now,
    monotonic: () => clock.monotonic(),
    doubt: () => {
      if (isKnown()) return undefined
      isRestampDue = true
      return { boot, monotonicMs: Math.round(passed()) }
    },
    confirm: async (trueMs, uncertainty) => {
      const toleranceMs = TOLERANCE_MS + uncertainty
      const isAgreed = Math.abs(clock.now() - trueMs) <= toleranceMs && trueMs >= floorAtBoot
      if (!isAgreed && !isPossible(trueMs, toleranceMs)) return false
      confirmedOffset = trueMs - clock.monotonic()
      uncertaintyMs = uncertainty
      await store.commit(() => void save.run(Math.floor(trueMs - uncertainty)))
      return true
    },
    persist: async () => {
      if (!isKnown()) return
      await store.commit(() => void save.run(Math.floor(now())))
    },
    restampIfDue: async (ledger) => {
      if (!isRestampDue || !isKnown()) return false
      const bootAtMs = Math.round(now() - passed())
      const by = confirmedOffset === undefined ? 'clock' : 'core'
      await store.commit(() => {
        ledger.subjectKeys.dateUndated(now())
        ledger.append({
          lane: 'audit',
          kind: 'clock.restamped',
          atMs: now(),
          body: { boot, bootAtMs, uncertaintyMs, by },
        })
      })
      isRestampDue = false
      return true
    },
  }
}
