/**
 * The announcer on the device: decides what is played, what waits, what is interrupted.
 *
 * A pure machine: each input returns what to do, and the time is an argument. The rules:
 * - a higher class goes first; within a class, first come, first played;
 * - `critical` and `urgent` interrupt lower classes; what was interrupted is played again after them;
 * - a person who speaks interrupts speech that allows it (`bargeIn`), which then counts as skipped; what has to
 *   be acknowledged is played again, and the play that was talked over does not count;
 * - expired speech is never played; speech for later waits for its time;
 * - `critical` and `urgent` speech is judged by the gateway's time alone: before that was told it is neither
 *   over nor too early. What is over by it as it comes is held a moment, since a gateway whose clock was
 *   just set tells its time anew, and is played if it is not over by that;
 * - repeated speech waits `everySeconds` between plays and ends with its count or its acknowledgement.
 */
import { type PlayState, PRIORITIES, type Speech } from '../protocol/schemas.ts'

/** A ward's backlog after a night offline; beyond it the least urgent is skipped. */
export const ANNOUNCER_MAX_SPEECH = 64
/** Speech that is over and may still be acknowledged: a person answers a call that was just heard. */
const ENDED_MAX_SPEECH = 64
/** How long urgent speech counts where its own end cannot be read: as long as the gateway lets it. */
const URGENT_LIFE_MS = 10 * 60_000
/** The gateway tells its time anew within a second of a setting of its clock; the rest is the way. */
const DOUBT_MS = 3_000

export type AnnouncerAction =
  | { readonly do: 'play'; readonly speech: Speech }
  | { readonly do: 'stop'; readonly speech: Speech }
  | {
      readonly do: 'report'
      readonly speech: Speech
      readonly state: PlayState
      readonly reason?: string
    }

interface Item {
  readonly speech: Speech
  readonly rank: number
  readonly order: number
  /** Urgent, and over by the gateway's time, which may be told anew. */
  isDoubted: boolean
  notBeforeMs: number
  /** Counted from now, and no time that the speech names. */
  waitsByCount: boolean
  expiresAtMs: number
  endsByCount: boolean
  playsLeft: number
  /** Heard at least once: its end is not "skipped". */
  heard: boolean
}

export class Announcer {
  readonly #items = new Map<string, Item>()
  readonly #ended = new Map<string, Item>()
  #playing: Item | undefined
  #order = 0
  /** While a person speaks nothing starts that could be talked over. */
  #listening = false

  get playing(): Speech | undefined {
    return this.#playing?.speech
  }

  /** Speech that waits or is repeated, without the one that plays. */
  get waiting(): readonly Speech[] {
    return [...this.#items.values()].filter((i) => i !== this.#playing).map((i) => i.speech)
  }

  /**
   * New speech. The same id twice is one speech. `isTimeKnown`: `nowMs` is the gateway's time, and not a
   * clock of the device's own.
   */
  offer(speech: Speech, nowMs: number, isTimeKnown = false): AnnouncerAction[] {
    if (this.#items.has(speech.id)) return []
    const item: Item = {
      speech,
      rank: PRIORITIES.indexOf(speech.priority),
      order: this.#order++,
      ...timesOf(speech, nowMs, isTimeKnown),
      playsLeft: speech.repeat?.times ?? 1,
      heard: false,
    }
    if (item.expiresAtMs <= nowMs) return [report(item, 'skipped', 'expired')]
    this.#items.set(speech.id, item)
    return [...this.#shed(), report(item, 'queued'), ...this.#next(nowMs)].filter(
      (action) => action.do !== 'report' || action.state !== 'queued' || this.#items.has(speech.id),
    )
  }

  /** The player is through with the speech that plays. */
  finished(speechId: string, nowMs: number): AnnouncerAction[] {
    const item = this.#playing
    if (item === undefined || item.speech.id !== speechId) return []
    this.#playing = undefined
    item.heard = true
    item.playsLeft--
    const actions = [report(item, 'played')]
    const { repeat } = item.speech
    if (repeat !== undefined && item.playsLeft > 0)
      waitFor(item, nowMs + repeat.everySeconds * 1000)
    else if (!repeat?.untilAcknowledged) this.#end(item)
    else waitFor(item, Number.POSITIVE_INFINITY)
    return [...actions, ...this.#next(nowMs)]
  }

  /** The player could not play it. */
  failed(speechId: string, reason: string, nowMs: number): AnnouncerAction[] {
    const item = this.#playing
    if (item === undefined || item.speech.id !== speechId) return []
    this.#playing = undefined
    this.#end(item)
    return [report(item, 'failed', reason), ...this.#next(nowMs)]
  }

  /** A person confirmed that it was heard: it is not repeated any more. Also when it is over already. */
  acknowledge(speechId: string, nowMs: number): AnnouncerAction[] {
    const item = this.#items.get(speechId) ?? this.#ended.get(speechId)
    if (item === undefined) return []
    this.#items.delete(speechId)
    this.#ended.delete(speechId)
    const stop: AnnouncerAction[] =
      this.#playing === item ? [{ do: 'stop', speech: item.speech }] : []
    if (this.#playing === item) this.#playing = undefined
    return [...stop, report(item, 'acknowledged'), ...this.#next(nowMs)]
  }

  /** A person starts to speak: what may be talked over stops, and nothing like it starts. */
  listen(nowMs: number): AnnouncerAction[] {
    this.#listening = true
    const item = this.#playing
    if (item === undefined || !item.speech.bargeIn) return []
    this.#playing = undefined
    return [
      { do: 'stop', speech: item.speech },
      this.#talkedOver(item, nowMs),
      ...this.#next(nowMs),
    ]
  }

  /** The person is through. */
  listened(nowMs: number): AnnouncerAction[] {
    this.#listening = false
    return this.#next(nowMs)
  }

  /** Time has passed: call at `nextWakeMs`. */
  tick(nowMs: number): AnnouncerAction[] {
    return this.#next(nowMs)
  }

  /** The clock was set by so much: a wait of so many seconds stays one, whatever the time is now called. */
  clockSet(byMs: number): void {
    for (const item of this.#items.values()) {
      if (item.waitsByCount) item.notBeforeMs += byMs
      if (item.endsByCount) item.expiresAtMs += byMs
    }
  }

  /** When `tick` has something to do next; undefined when only an input can change anything. */
  nextWakeMs(): number | undefined {
    let wakeMs = Number.POSITIVE_INFINITY
    for (const item of this.#items.values()) {
      if (item === this.#playing) continue
      wakeMs = Math.min(wakeMs, item.notBeforeMs, item.expiresAtMs)
    }
    return Number.isFinite(wakeMs) ? wakeMs : undefined
  }

  #talkedOver(item: Item, nowMs: number): AnnouncerAction {
    const { repeat } = item.speech
    if (repeat?.untilAcknowledged) {
      waitFor(item, nowMs + repeat.everySeconds * 1000)
      return report(item, 'queued', 'barge-in')
    }
    this.#end(item)
    return report(item, 'skipped', 'barge-in')
  }

  #end(item: Item): void {
    const { id } = item.speech
    this.#items.delete(id)
    this.#ended.delete(id)
    this.#ended.set(id, item)
    const [oldest] = this.#ended.keys()
    if (oldest !== undefined && this.#ended.size > ENDED_MAX_SPEECH) this.#ended.delete(oldest)
  }

  #next(nowMs: number): AnnouncerAction[] {
    const actions = this.#expire(nowMs)
    const best = this.#best(nowMs)
    if (best === undefined) return actions
    const current = this.#playing
    if (current !== undefined) {
      if (best.rank >= current.rank || !interrupts(best)) return actions
      actions.push({ do: 'stop', speech: current.speech })
    }
    this.#playing = best
    actions.push({ do: 'play', speech: best.speech }, report(best, 'playing'))
    return actions
  }

  #best(nowMs: number): Item | undefined {
    let best: Item | undefined
    for (const item of this.#items.values()) {
      if (item === this.#playing || item.notBeforeMs > nowMs || item.playsLeft <= 0) continue
      if (this.#listening && !interrupts(item)) continue
      if (best === undefined || before(item, best)) best = item
    }
    return best
  }

  #expire(nowMs: number): AnnouncerAction[] {
    const actions: AnnouncerAction[] = []
    for (const item of this.#items.values()) {
      if (item.isDoubted && !isOver(item.speech, nowMs)) {
        Object.assign(item, timesOf(item.speech, nowMs, true))
      }
      if (item === this.#playing || item.expiresAtMs > nowMs) continue
      this.#end(item)
      if (!item.heard) actions.push(report(item, 'skipped', 'expired'))
    }
    return actions
  }

  #shed(): AnnouncerAction[] {
    if (this.#items.size <= ANNOUNCER_MAX_SPEECH) return []
    let last: Item | undefined
    for (const item of this.#items.values()) {
      if (item !== this.#playing && (last === undefined || before(last, item))) last = item
    }
    if (last === undefined) return []
    this.#end(last)
    return [report(last, 'skipped', 'too many announcements wait')]
  }
}

const isUrgent = ({ priority }: Speech): boolean => priority === 'critical' || priority === 'urgent'

const interrupts = (item: Item): boolean => isUrgent(item.speech)

function waitFor(item: Item, untilMs: number): void {
  item.notBeforeMs = untilMs
  item.waitsByCount = true
}

type Times = Pick<
  Item,
  'isDoubted' | 'notBeforeMs' | 'waitsByCount' | 'expiresAtMs' | 'endsByCount'
>

function timesOf(speech: Speech, nowMs: number, isTimeKnown: boolean): Times {
  const { notBefore } = speech
  const isByCount = isUrgent(speech) && isOver(speech, nowMs)
  const isDoubted = isByCount && isTimeKnown
  const waitsByCount = isByCount || notBefore === undefined || (isUrgent(speech) && !isTimeKnown)
  const lifeMs = isDoubted ? DOUBT_MS : URGENT_LIFE_MS
  const startsAtMs = waitsByCount ? nowMs : Date.parse(notBefore)
  return {
    isDoubted,
    notBeforeMs: isDoubted ? Number.POSITIVE_INFINITY : startsAtMs,
    waitsByCount,
    expiresAtMs: isByCount ? nowMs + lifeMs : Date.parse(speech.expiresAt),
    endsByCount: isByCount,
  }
}

const isOver = ({ expiresAt }: Speech, nowMs: number): boolean => Date.parse(expiresAt) <= nowMs

const before = (a: Item, b: Item): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.order < b.order)

const report = (item: Item, state: PlayState, reason?: string): AnnouncerAction => ({
  do: 'report',
  speech: item.speech,
  state,
  ...(reason === undefined ? {} : { reason }),
})
