/**
 * The end of a client that is held back: its DISCONNECT may stand behind what it sent faster than it may. What
 * it had sent is still handled, at its rate; where that takes too long only the goodbye is looked for.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { findDisconnect, holdsPacket } from '../codec/goodbye.ts'
import { Reason } from '../codec/reason-codes.ts'
import type { Deadline } from '../deadlines.ts'
import type { Engine } from '../engine.ts'
import type { Connection } from './connection.ts'

/** By then it is known whether a client that has gone was lost, or by one and a half times its keep alive. */
const LOST_AFTER_MS = 30_000
/** Of one that said goodbye so much longer is spent on what it had sent: nobody misses it. */
const GOODBYE_AFTER_MS = 300_000
/**
 * How long the next connection of a client waits for the last one: less than a client waits for its CONNACK
 * (10 s on an ESP32), and more than a second of messages takes that came in one go.
 */
const HEIR_WAITS_MS = 8000
/** Where the last one has not gone by then it is another client of that name, or a link that broke. */
const LOOK_MS = 1000
/** The same while the gateway stops: what the kernel holds is read in less. */
const LAST_LOOK_MS = 300
const LOOK_EVERY_MS = 10

/** The next connection of a client, which is held until it may go on. */
interface Heir {
  readonly connection: Connection
  readonly goOn: () => void
}

export class Farewell {
  private readonly connection: Connection
  /** Why the peer has gone; null: it has not. */
  private cause: string | null = null
  private deadline: Deadline | null = null
  private heirs: Heir[] = []

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Whether the peer has gone, and is still heard. */
  get hasBegun(): boolean {
    return this.cause !== null
  }

  /** Whether another connection of the client waits for the end of this one, and has not gone meanwhile. */
  get isAwaited(): boolean {
    return this.heirs.some(isThere)
  }

  /** The peer has gone. It gets nothing more; what is kept of it is still handled. */
  begin(cause: string): void {
    const { connection } = this
    this.cause = cause
    connection.handshake.outOfReach()
    const { keepAliveMs } = connection
    const waitMs = keepAliveMs === 0 ? LOST_AFTER_MS : Math.min(LOST_AFTER_MS, 1.5 * keepAliveMs)
    this.deadline = this.after(waitMs, () => this.look())
  }

  /** Something was handled: if it was the last, the connection ends. */
  handled(): void {
    const { cause, connection } = this
    if (cause !== null && !connection.intake.isHolding) connection.gone(cause)
  }

  /**
   * Another connection of the client waits for the end of this one, not for long. What is left is handled at the
   * whole rate meanwhile: the new one would have a burst anyway.
   */
  hear(heir: Heir): void {
    this.heirs = [...this.heirs.filter(isThere), heir]
    this.connection.intake.readAhead()
    this.after(LOOK_MS, () => this.hasBegun || this.makeWayFor(heir))
    this.after(HEIR_WAITS_MS, () => this.makeWayFor(heir))
  }

  /** Drops what is kept but the goodbye, which is handled. False: there is none, and the connection still stands. */
  cutShort(): boolean {
    const { connection } = this
    const { isResting } = connection.intake
    const kept = connection.intake.take()
    const goodbye = findDisconnect(kept)
    // Where nothing holds it, half a packet is all that came before its link broke.
    if (isResting || holdsPacket(kept)) this.tell(kept.length - (goodbye?.length ?? 0))
    if (goodbye !== undefined) connection.intake.handle(goodbye)
    return connection.state === 'closed'
  }

  /** The connection has ended. */
  settled(): void {
    if (this.deadline !== null) this.connection.engine.deadlines.cancel(this.deadline)
    this.makeWay()
  }

  /** Who said goodbye may take longer than who was lost: the will of that one is due. */
  private look(): void {
    const hasGoodbye = findDisconnect(this.connection.intake.peek()) !== undefined
    if (hasGoodbye) this.deadline = this.after(GOODBYE_AFTER_MS, () => this.finish())
    else this.finish()
  }

  private finish(): void {
    const { cause, connection } = this
    if (!this.cutShort() && cause !== null) connection.gone(cause)
  }

  /** It has waited long enough, and so have those with it. */
  private makeWayFor(heir: Heir): void {
    if (isThere(heir) && this.heirs.includes(heir)) this.makeWay()
  }

  private makeWay(): void {
    const { heirs } = this
    this.heirs = []
    for (const { connection, goOn } of heirs) {
      goOn()
      connection.release()
    }
  }

  private after(ms: number, run: () => void): Deadline {
    const { clock, deadlines } = this.connection.engine
    return deadlines.at(clock.nowMs() + ms, run)
  }

  private tell(bytes: number): void {
    const { clientId, engine } = this.connection
    if (bytes === 0) return
    engine.logger.warn(
      { clientId, bytes },
      'a client left with more unhandled than its rate allows in time: that is dropped. mqtt.messagesPerSecond and mqtt.bytesPerSecond set the rate',
    )
  }
}

const isThere = ({ connection }: Heir): boolean => connection.state !== 'closed'

/** Ends an earlier connection of a client, by its own goodbye where it said one. */
export function takeOver(earlier: Connection, { clientId, engine, io }: Connection): void {
  if (earlier.isBehind && earlier.farewell.cutShort()) return
  engine.logger.info(
    { clientId, from: earlier.io.remoteAddress, to: io.remoteAddress },
    'another connection takes over the client identifier',
  )
  earlier.disconnect(Reason.sessionTakenOver)
}

/** The gateway stops: who has said goodbye, behind what was held back, is not lost. Drops the rest. */
export async function hearGoodbyes({ connections }: Pick<Engine, 'connections'>): Promise<void> {
  const behind = [...connections].filter(({ isBehind }) => isBehind)
  for (const { intake } of behind) intake.readAhead()
  const mayCome = ({ state, farewell }: Connection): boolean =>
    state !== 'closed' && !farewell.hasBegun
  for (let ms = 0; ms < LAST_LOOK_MS && behind.some(mayCome); ms += LOOK_EVERY_MS) {
    await delay(LOOK_EVERY_MS)
  }
  for (const { farewell, isBehind } of behind) if (isBehind) farewell.cutShort()
}
