/**
 * How fast the packets of one client are handled. What is over its rate rests in the socket, so that
 * the device feels it, and is then handled a little at a time: neither the packets that a rest has earned
 * nor those that a large read brought make the others wait.
 */
import { PacketType } from './codec/packets.ts'
import type { FairTurns } from './fair-turns.ts'
import type { MqttLimits } from './limits.ts'
import { RatePacer } from './rate-pacer.ts'

export type PaceLimits = Pick<
  MqttLimits,
  | 'maxMessagesPerSecond'
  | 'maxBytesPerSecond'
  | 'rateBurstSeconds'
  | 'rateRestMs'
  | 'maxPacketsPerTurn'
>

/** So long after it was over its rate a client has a smaller share of each turn. */
const WATCHED_MS = 1000
/**
 * That share: with it one turn or two are enough for what a rest earns at the default rate. Each turn of the
 * loop has reads, writes and wake-ups of its own: one packet a turn cost the others four times the work.
 */
const WATCHED_PACKETS_PER_TURN = 16

/** What comes after a packet: the next at once, or in the next turn, or after so many milliseconds. */
export const AT_ONCE = 0
export const NEXT_TURN = -1

export class Pace {
  private readonly limits: PaceLimits
  private readonly turns: FairTurns
  private readonly messages: RatePacer
  private readonly bytes: RatePacer
  private turn = -1
  private leftOfTurn = 0
  private watchedUntilMs = Number.NEGATIVE_INFINITY

  constructor(limits: PaceLimits, turns: FairTurns, nowMs: number) {
    const { maxMessagesPerSecond, maxBytesPerSecond, rateBurstSeconds } = limits
    this.limits = limits
    this.turns = turns
    this.messages = new RatePacer(maxMessagesPerSecond, rateBurstSeconds, nowMs)
    this.bytes = new RatePacer(maxBytesPerSecond, rateBurstSeconds, nowMs)
  }

  /** Counts one packet, and says when the next one may be handled. */
  spend(packetType: number, bytes: number, now: () => number): number {
    const bytesWaitMs = this.bytes.spend(bytes, now)
    const messageWaitMs = isAnswer(packetType) ? 0 : this.messages.spend(1, now)
    const waitMs = Math.max(bytesWaitMs, messageWaitMs)
    if (waitMs > 0) return this.restFor(waitMs, now)
    const turn = this.turns.now
    if (turn !== this.turn) {
      this.turn = turn
      this.leftOfTurn = this.shareOfTurn(now)
    }
    return --this.leftOfTurn > 0 ? AT_ONCE : NEXT_TURN
  }

  /** Counts the work of so many more packets, and says when the next one may be handled. */
  charge(packets: number, now: () => number): number {
    const waitMs = this.messages.spend(packets, now)
    return waitMs > 0 ? this.restFor(waitMs, now) : AT_ONCE
  }

  private restFor(waitMs: number, now: () => number): number {
    this.watchedUntilMs = now() + WATCHED_MS
    return Math.max(waitMs, this.limits.rateRestMs)
  }

  private shareOfTurn(now: () => number): number {
    const { maxPacketsPerTurn } = this.limits
    return this.isWatched(now)
      ? Math.min(WATCHED_PACKETS_PER_TURN, maxPacketsPerTurn)
      : maxPacketsPerTurn
  }

  private isWatched(now: () => number): boolean {
    if (this.watchedUntilMs === Number.NEGATIVE_INFINITY) return false
    if (now() < this.watchedUntilMs) return true
    this.watchedUntilMs = Number.NEGATIVE_INFINITY
    return false
  }
}

/** As many of these come as we have sent messages: a client that receives much does not send too much. */
const isAnswer = (packetType: number): boolean =>
  packetType >= PacketType.puback && packetType <= PacketType.pubcomp
