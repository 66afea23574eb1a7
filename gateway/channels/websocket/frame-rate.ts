/**
 * How fast one device may send on its WebSocket. The transport cannot be paused on every adapter, so what
 * is over the rate is refused, and who goes on all the same is cut.
 */
import { GatewayError } from '../../errors.ts'
import { DEFAULT_LIMITS } from '../mqtt/limits.ts'
import { RatePacer } from '../mqtt/rate-pacer.ts'

/** Saved up for a burst, as for a client of MQTT. */
const BURST_SECONDS = DEFAULT_LIMITS.rateBurstSeconds
/** So far ahead of its rate a device is cut: a refusal costs the box nearly as much as an answer. */
const MAX_AHEAD_MS = 1000

export interface FrameLimits {
  /** Over all frames behind hello; 0 sets no limit. */
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
}

export class FrameRate {
  readonly #limits: FrameLimits
  readonly #messages: RatePacer
  readonly #bytes: RatePacer
  readonly #nowMs: () => number
  #aheadMs = 0

  /** `nowMs` is monotonic. */
  constructor(limits: FrameLimits, nowMs: () => number) {
    this.#limits = limits
    this.#nowMs = nowMs
    this.#messages = new RatePacer(limits.messagesPerSecond, BURST_SECONDS, nowMs())
    this.#bytes = new RatePacer(limits.bytesPerSecond, BURST_SECONDS, nowMs())
  }

  /** Counts a frame. */
  count(bytes: number): void {
    const forMessage = this.#messages.spend(1, this.#nowMs)
    this.#aheadMs = Math.max(forMessage, this.#bytes.spend(bytes, this.#nowMs))
  }

  /** Throws `limit.rate` when the frame that was counted last is too early. */
  check(): void {
    if (this.#aheadMs === 0) return
    const { messagesPerSecond, bytesPerSecond } = this.#limits
    const named = [
      ...(messagesPerSecond > 0 ? [`${messagesPerSecond} messages`] : []),
      ...(bytesPerSecond > 0 ? [`${bytesPerSecond} bytes`] : []),
    ]
    throw new GatewayError('limit.rate', { detail: `${named.join(' and ')} a second are taken` })
  }

  get isFarAhead(): boolean {
    return this.#aheadMs > MAX_AHEAD_MS
  }
}
