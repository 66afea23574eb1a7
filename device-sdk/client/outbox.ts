/**
 * What the device has to say and the gateway has not kept yet.
 *
 * A message is in the outbox from the moment it is handed over until its outcome is known: kept,
 * answered, refused, withdrawn or expired. It is sent again with the same id after a lost link, a
 * lost acknowledgement or a refusal that passes; the gateway knows it by its id and counts it once.
 */
import type { Problem, UpstreamName } from '../protocol/schemas.ts'
import { type BackoffOptions, backoffDelayMs } from './backoff.ts'
import { type Clock, monotonicMs } from './clock.ts'
import { DeviceClientError, isPassing, refusedByLink } from './errors.ts'
import { isAlarm, LANES, type Lane, laneOf, type SendState, Slots } from './lanes.ts'
import type { Delivery, Link } from './link.ts'
import { lifeLeftMs, type QueuedMessage, type QueueLimits, type QueueStore } from './queue-store.ts'

/** An acknowledgement takes one disk sync of the gateway; after this the message is sent again. */
const RESEND: BackoffOptions = { firstDelayMs: 10_000, maxDelayMs: 120_000 }
/** After a refusal that passes, such as a rate limit: the gateway names seconds. */
const RETRY: BackoffOptions = { firstDelayMs: 2_000, maxDelayMs: 60_000 }

export type Outcome =
  | { readonly kind: 'kept' | 'written' | 'expired' | 'dropped' }
  | { readonly kind: 'refused'; readonly problem: Problem }

/** How a message is treated; the words of the contract decide, not its name. */
export interface Handling {
  /** Written to the queue store before the promise of `add` resolves. */
  readonly durable: boolean
  /** Done only with an answer; an acknowledgement merely says that the gateway has it. */
  readonly untilAnswered: boolean
}

interface Entry extends Handling {
  readonly message: QueuedMessage
  readonly lane: Lane
  /** By the monotonic clock: setting the other one neither ends a message nor keeps it alive. */
  readonly endsAtMs: number
  state: SendState
  attempts: number
  /** Cancels the timer that sends it again. */
  cancel: () => void
}

export interface OutboxOptions {
  readonly store: QueueStore
  readonly limits: QueueLimits
  readonly clock: Clock
  readonly random: () => number
  /** Called once for each message that leaves the outbox by itself. */
  readonly onOutcome: (message: QueuedMessage, outcome: Outcome) => void
  /** An alarm is not kept by the store; it is sent all the same. */
  readonly onStoreFailure: (error: unknown) => void
  /** Acknowledgements fail to come on a link that looks open: it should be dropped. */
  readonly onSilence: () => void
}

export class Outbox {
  readonly #options: OutboxOptions
  readonly #entries = new Map<string, Entry>()
  readonly #slots = new Slots()
  #link: Link | undefined
  #durableBytes = 0
  #durableCount = 0
  #lastHeardAtMs = 0
  #closed = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Takes over what an earlier run left in the store. */
  async load(handling: (message: QueuedMessage) => Handling): Promise<void> {
    for (const message of await this.#options.store.load()) {
      if (!this.#entries.has(message.key)) this.#insert(message, handling(message))
    }
    this.#pump()
  }

  get size(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#durableCount, bytes: this.#durableBytes }
  }

  /**
   * Resolves when the message would survive what the store survives; an alarm also when the store does not
   * take it. The same key twice is one message.
   */
  async add(message: QueuedMessage, handling: Handling): Promise<void> {
    if (this.#closed) throw new DeviceClientError('client.closed')
    if (this.#entries.has(message.key)) return
    if (handling.durable) this.#makeRoom(message)
    this.#insert(message, handling)
    if (handling.durable) {
      try {
        await this.#options.store.append(message)
      } catch (error) {
        if (!isAlarm(message)) {
          this.#take(message.key)
          throw error
        }
        // Somebody needs help: it goes out from memory.
        this.#options.onStoreFailure(error)
      }
    }
    this.#pump()
  }

  /** The sender does not need it any more: it is not sent again. */
  async withdraw(key: string): Promise<void> {
    const entry = this.#take(key)
    this.#pump()
    if (entry?.durable) await this.#options.store.remove([key])
  }

  /** An answer or a problem came for a message of ours. True when the outbox knew the message. */
  settle(id: string, problem?: Problem): boolean {
    const entry = this.#byId(id, problem === undefined)
    if (entry === undefined) return false
    if (problem !== undefined && isPassing(problem)) {
      this.#again(entry, backoffDelayMs(entry.attempts, this.#options.random, RETRY))
      return true
    }
    this.#finish(entry, problem === undefined ? { kind: 'kept' } : { kind: 'refused', problem })
    return true
  }

  linkUp(link: Link): void {
    this.#link = link
    this.#lastHeardAtMs = this.#nowMs()
    this.#pump()
  }

  linkDown(): void {
    this.#link = undefined
    for (const entry of this.#entries.values()) {
      entry.cancel()
      this.#slots.enter(entry, 'waiting')
    }
  }

  /** Something came from the gateway: the link is alive. */
  heard(): void {
    this.#lastHeardAtMs = this.#nowMs()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.linkDown()
    await this.#options.store.close()
  }

  #nowMs(): number {
    return monotonicMs(this.#options.clock)
  }

  #insert(message: QueuedMessage, handling: Handling): void {
    const lane = laneOf(message, handling.durable)
    const entry: Entry = {
      message,
      ...handling,
      lane,
      endsAtMs: this.#nowMs() + lifeLeftMs(message, this.#options.clock.now()),
      state: 'waiting',
      attempts: 0,
      cancel: () => {},
    }
    this.#entries.set(message.key, entry)
    if (!handling.durable) return
    this.#durableCount++
    this.#durableBytes += message.bytes
  }

  #take(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    entry.cancel()
    this.#slots.enter(entry, 'gone')
    this.#entries.delete(key)
    if (entry.durable) {
      this.#durableCount--
      this.#durableBytes -= entry.message.bytes
    }
    return entry
  }

  #byId(id: string, asks: boolean): Entry | undefined {
    if (asks) return this.#entries.get(`ask/${id}`)
    for (const name of ['ask', 'event', 'played', 'feedback'] satisfies UpstreamName[]) {
      const entry = this.#entries.get(`${name}/${id}`)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  #makeRoom(message: QueuedMessage): void {
    const { maxMessages, maxBytes, whenFull } = this.#options.limits
    if (message.bytes > maxBytes)
      throw new DeviceClientError('client.too-large', `${message.bytes} of ${maxBytes} bytes`)
    const mayDrop = whenFull === 'drop-oldest' || isAlarm(message)
    const full = () =>
      this.#durableCount >= maxMessages || this.#durableBytes + message.bytes > maxBytes
    while (full()) {
      const oldest = mayDrop ? this.#oldestToDrop() : undefined
      if (oldest === undefined)
        throw new DeviceClientError('client.queue-full', `${this.#durableCount} messages wait`)
      this.#finish(oldest, { kind: 'dropped' })
    }
  }

  #oldestToDrop(): Entry | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.durable && !isAlarm(entry.message)) return entry
    }
    return undefined
  }

  #pump(): void {
    const link = this.#link
    if (link === undefined) return
    const nowMs = this.#nowMs()
    for (const entry of this.#entries.values()) {
      if (entry.state === 'waiting' && entry.endsAtMs <= nowMs)
        this.#end(entry, { kind: 'expired' })
    }
    for (const lane of LANES) {
      for (const entry of this.#entries.values()) {
        if (!this.#slots.hasFree(lane)) break
        if (entry.lane === lane && entry.state === 'waiting') this.#send(entry, link)
      }
    }
  }

  #send(entry: Entry, link: Link): void {
    const sentAtMs = this.#nowMs()
    this.#slots.enter(entry, 'sent')
    entry.attempts++
    const waitMs = Math.min(RESEND.firstDelayMs * 2 ** (entry.attempts - 1), RESEND.maxDelayMs)
    entry.cancel = this.#options.clock.after(waitMs, () => {
      this.#slots.enter(entry, 'waiting')
      if (this.#lastHeardAtMs <= sentAtMs) this.#options.onSilence()
      this.#pump()
    })
    const { name, id, body } = entry.message
    link.send({ name, id, body }).then(
      (delivery) => this.#onDelivery(entry, delivery),
      // The link is lost; its end is announced through `linkDown`, and the next link sends again.
      () => undefined,
    )
  }

  #onDelivery(entry: Entry, delivery: Delivery): void {
    if (delivery.kind !== 'written') this.heard()
    if (this.#entries.get(entry.message.key) !== entry || entry.state === 'resting') return
    if (delivery.kind === 'refused') {
      if (delivery.passing) {
        this.#again(entry, backoffDelayMs(entry.attempts, this.#options.random, RETRY))
        return
      }
      this.#finish(entry, {
        kind: 'refused',
        problem: refusedByLink(entry.message.id, delivery.reason),
      })
      return
    }
    if (entry.untilAnswered) return
    this.#finish(entry, { kind: delivery.kind })
  }

  #again(entry: Entry, delayMs: number): void {
    entry.cancel()
    this.#slots.enter(entry, 'resting')
    entry.cancel = this.#options.clock.after(delayMs, () => {
      this.#slots.enter(entry, 'waiting')
      // To the back: what is refused again and again must not hold up what would be taken.
      this.#entries.delete(entry.message.key)
      this.#entries.set(entry.message.key, entry)
      this.#pump()
    })
    this.#pump()
  }

  #finish(entry: Entry, outcome: Outcome): void {
    this.#end(entry, outcome)
    this.#pump()
  }

  #end(entry: Entry, outcome: Outcome): void {
    if (this.#take(entry.message.key) === undefined) return
    if (entry.durable) {
      // A message that stays in the store by mistake is sent once more and recognised by its id.
      this.#options.store.remove([entry.message.key]).catch(() => undefined)
    }
    this.#options.onOutcome(entry.message, outcome)
  }
}
