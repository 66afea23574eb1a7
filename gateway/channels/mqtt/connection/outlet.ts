/** What leaves towards one client: packets of one turn joined into one write, with an eye on how fast it reads. */
import type { ByteConnection } from '../byte-connection.ts'
import { type PublishFrame, stampPublish } from '../codec/encoder.ts'
import type { ProtocolVersion, Qos } from '../codec/packets.ts'
import type { Engine } from '../engine.ts'
import type { Message } from '../routing/message.ts'
import type { Session } from '../sessions/session.ts'

/** Parts of one turn are joined up to this size: beyond it copying costs more than another call. */
const JOIN_BYTES = 128 * 1024

export interface OutletOwner {
  readonly session: Session | null
  /** True: too much is waiting for the client, stop reading from it. False: it has caught up. */
  onOutlet(isChoked: boolean): void
}

export class Outlet {
  private readonly io: ByteConnection
  private readonly engine: Engine
  private readonly owner: OutletOwner
  /** Largest packet the client takes. */
  maxPacketBytes = Number.POSITIVE_INFINITY
  /** Topic aliases we may use towards the client. */
  aliasMaximum = 0
  /**
   * The client sends and does not read: with its messages held back, only acknowledgements can have
   * filled the buffer this far, and they are never dropped. So we stop reading from it. Since when, by
   * broker time; null: it is not so.
   */
  chokedSinceMs: number | null = null
  private aliases: Map<string, number> | null = null
  private parts: Buffer[] = []
  private partBytes = 0
  /** What the transport had not got rid of when we last wrote. */
  private ioBytes = 0
  private wasFull = false
  private isClosed = false

  constructor(io: ByteConnection, engine: Engine, owner: OutletOwner) {
    this.io = io
    this.engine = engine
    this.owner = owner
  }

  get isChoked(): boolean {
    return this.chokedSinceMs !== null
  }

  /** Whether less than `share` of the buffer is taken. The owner is told when there is room again. */
  hasRoom(share = 1): boolean {
    const hasRoom = this.partBytes + this.ioBytes < this.limitBytes() * share
    if (!hasRoom) this.wasFull = true
    return hasRoom
  }

  send(bytes: Buffer): void {
    if (this.partBytes === 0) this.engine.gatherer.add(this)
    this.parts.push(bytes)
    this.partBytes += bytes.length
  }

  /** False when the packet is larger than the client takes; then nothing was sent. */
  publish(
    version: ProtocolVersion,
    message: Message,
    qos: Qos,
    packetId: number,
    dup: boolean,
    retain: boolean,
    identifiers: readonly number[] | null,
  ): boolean {
    const nowMs = message.expiresAtMs === Number.POSITIVE_INFINITY ? 0 : this.engine.clock.nowMs()
    const known = this.aliases?.get(message.topic) ?? 0
    let alias = known > 0 ? known : this.freeAlias()
    const encode = (): PublishFrame =>
      version === 5 && (identifiers !== null || alias > 0)
        ? message.ownFrame(qos, nowMs, identifiers, alias, known > 0)
        : message.frame(version, qos, nowMs)
    let frame = encode()
    if (frame.bytes.length > this.maxPacketBytes && alias > 0 && known === 0) {
      // Setting one takes three bytes, which may be those that are too many.
      alias = 0
      frame = encode()
    }
    if (frame.bytes.length > this.maxPacketBytes) return false
    // An alias counts as set only once its packet really goes.
    if (alias > 0 && known === 0) this.setAlias(message.topic, alias)
    const isShared = qos === 0 && !retain
    this.send(isShared ? frame.bytes : stampPublish(frame, qos, packetId, dup, retain))
    const { counters } = this.engine
    counters.messagesSent++
    counters.publishesSent++
    const { session } = this.owner
    if (session !== null) session.counters.messagesSent++
    return true
  }

  /** Writes what was gathered in this turn. */
  flush(): void {
    const { parts, partBytes } = this
    if (partBytes === 0) return
    this.parts = []
    this.partBytes = 0
    this.engine.counters.bytesSent += partBytes
    const { session } = this.owner
    if (session !== null) session.counters.bytesSent += partBytes
    if (parts.length === 1) this.io.write(parts[0] as Buffer)
    else if (partBytes <= JOIN_BYTES) this.io.write(Buffer.concat(parts, partBytes))
    else this.writeInSlabs(parts)
    this.note(this.io.bufferedBytes())
    if (this.ioBytes > 2 * this.engine.limits.maxSocketBufferBytes) {
      if (!this.isChoked) this.owner.onOutlet(true)
      this.chokedSinceMs ??= this.engine.clock.nowMs()
    } else if (this.wasFull && this.ioBytes === 0) this.drained()
  }

  /** The transport has room again. */
  drained(): void {
    this.note(this.io.bufferedBytes())
    if (!this.wasFull && !this.isChoked) return
    this.wasFull = false
    this.chokedSinceMs = null
    this.owner.onOutlet(false)
  }

  /** The connection has gone, and what waited with it. */
  close(): void {
    this.note(0)
    this.isClosed = true
  }

  /** The next one that the client takes; 0: there is none. */
  private freeAlias(): number {
    const taken = this.aliases?.size ?? 0
    return taken < this.aliasMaximum ? taken + 1 : 0
  }

  private setAlias(topic: string, alias: number): void {
    this.aliases ??= new Map()
    this.aliases.set(topic, alias)
  }

  private limitBytes(): number {
    const { limits, buffered } = this.engine
    return buffered.bytes > limits.maxTotalSocketBufferBytes
      ? limits.crowdedSocketBufferBytes
      : limits.maxSocketBufferBytes
  }

  private note(ioBytes: number): void {
    if (this.isClosed) return
    this.engine.buffered.bytes += ioBytes - this.ioBytes
    this.ioBytes = ioBytes
  }

  private writeInSlabs(parts: readonly Buffer[]): void {
    let slab: Buffer[] = []
    let slabBytes = 0
    for (const part of parts) {
      if (slabBytes + part.length > JOIN_BYTES && slabBytes > 0) {
        this.io.write(slab.length === 1 ? (slab[0] as Buffer) : Buffer.concat(slab, slabBytes))
        slab = []
        slabBytes = 0
      }
      slab.push(part)
      slabBytes += part.length
    }
    if (slabBytes > 0) this.io.write(Buffer.concat(slab, slabBytes))
  }
}
