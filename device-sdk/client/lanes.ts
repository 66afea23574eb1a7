/**
 * Who goes first, and how many at once: each lane has slots of its own, so that none holds back another.
 *
 * What a broker of MQTT 5 grants is kept to by the link: it may be less than the lanes together.
 */
import type { QueuedMessage } from './queue-store.ts'

/** Messages sent and not yet acknowledged (asks: not yet answered); the first lane goes first. */
export const LANE_SLOTS = {
  /** Somebody needs help. */
  alarm: 4,
  /** A person waits for the answer. */
  ask: 8,
  report: 16,
  /** Questions that may wait; an answer may take as long as a person does. */
  left: 4,
} as const
export type Lane = keyof typeof LANE_SLOTS
export const LANES = Object.keys(LANE_SLOTS) as readonly Lane[]

/** An event that must get through, whatever else must wait or be dropped. */
export const isAlarm = ({ name, body }: Pick<QueuedMessage, 'name' | 'body'>): boolean =>
  name === 'event' && (body.kind === 'alarm' || body.kind === 'button')

export function laneOf(message: QueuedMessage, isDurable: boolean): Lane {
  if (message.name === 'ask') return isDurable ? 'left' : 'ask'
  return isAlarm(message) ? 'alarm' : 'report'
}

/**
 * `resting`: refused for now; an acknowledgement of the refused sending does not count. `gone`: it has left
 * the outbox.
 */
export type SendState = 'waiting' | 'sent' | 'resting' | 'gone'

interface Placed {
  readonly lane: Lane
  state: SendState
}

/** What was refused for now keeps its slot, so that a gateway that is busy is not asked for more; an alarm does not. */
const takesSlot = ({ state, lane }: Placed): boolean =>
  state === 'sent' || (state === 'resting' && lane !== 'alarm')

/** Counts the slots taken in each lane. */
export class Slots {
  readonly #taken: Record<Lane, number> = { alarm: 0, ask: 0, report: 0, left: 0 }

  hasFree(lane: Lane): boolean {
    return this.#taken[lane] < LANE_SLOTS[lane]
  }

  /** Every change of an entry's state goes through here. */
  enter(entry: Placed, state: SendState): void {
    if (takesSlot(entry)) this.#taken[entry.lane]--
    entry.state = state
    if (takesSlot(entry)) this.#taken[entry.lane]++
  }
}
