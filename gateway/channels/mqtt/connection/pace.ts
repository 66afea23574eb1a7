/**
 * How fast the packets of one client are handled. What is over its rate rests in the socket, so that
 * the device feels it, and is then handled a little at a time: neither the packets that a rest has earned
 * nor those that a large read brought make the others wait.
 */
import { PacketType } from '../codec/packets.ts'
import type { Engine } from '../engine.ts'
import type { MqttLimits } from '../limits.ts'
import { RatePacer } from '../rate-pacer.ts'
import type { FairTurns } from './fair-turns.ts'
import { FloodWatch } from './flood-watch.ts'

export type PaceLimits = Pick<
  MqttLimits,
  | 'maxMessagesPerSecond'
  | 'maxBytesPerSecond'
  | 'rateBurstSeconds'
  | 'rateRestMs'
  | 'floodShare'
  | 'maxPacketsPerTurn'
>

/**
 * Of a client that was just over its rate: one turn or two are enough for what a rest earns at the default
 * rate. Each turn of the loop has reads, writes and wake-ups of its own: one packet a turn cost the others
 * four times the work.
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
  private readonly flood: FloodWatch
  private readonly isAwaited: () => boolean

  /** While `isAwaited` the client has its whole rate, flood or not. */
  constructor(limits: PaceLimits, turns: FairTurns, nowMs: number, isAwaited = () => false) {
    const { maxMessagesPerSecond, maxBytesPerSecond, rateBurstSeconds } = limits
    this.limits = limits
    this.turns = turns
    this.isAwaited = isAwaited
    this.flood = new FloodWatch(limits.floodShare, nowMs)
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

  /** Rests of a flood are longer by as much as its rate is lower: what one earns is handed out in as few turns. */
  private restFor(waitMs: number, now: () => number): number {
    const nowMs = now()
    const floodShare = this.flood.overRate(nowMs)
    const share = this.isAwaited() ? 1 : floodShare
    this.slowTo(share, nowMs)
    const restMs = Math.max(waitMs, this.limits.rateRestMs / share)
    this.flood.restsUntil(nowMs + restMs)
    return restMs
  }

  private shareOfTurn(now: () => number): number {
    const { maxPacketsPerTurn } = this.limits
    if (!this.flood.isAlert) return maxPacketsPerTurn
    const nowMs = now()
    if (this.flood.isWatching(nowMs)) return Math.min(WATCHED_PACKETS_PER_TURN, maxPacketsPerTurn)
    this.slowTo(1, nowMs)
    return maxPacketsPerTurn
  }

  private slowTo(share: number, nowMs: number): void {
    this.messages.slowTo(share, nowMs)
    this.bytes.slowTo(share, nowMs)
  }
}

/**
 * As many of these come as we have sent messages: a client that receives much does not send too much. One that
 * answers nothing is charged where that is known.
 */
const isAnswer = (packetType: number): boolean =>
  packetType >= PacketType.puback && packetType <= PacketType.pubcomp

/** To be told once a session: a device that is always too fast would fill the log. */
export function tellHeldBack(
  { limits, logger }: Pick<Engine, 'limits' | 'logger'>,
  clientId: string,
): void {
  const { maxMessagesPerSecond, maxBytesPerSecond } = limits
  logger.info(
    { clientId, maxMessagesPerSecond, maxBytesPerSecond },
    'client held to its rate; mqtt.messagesPerSecond and mqtt.bytesPerSecond set it, mqtt.floodShare what is left of it to a client that stays over it',
  )
}
