/**
 * Messages of QoS 1 and 2 to one session: what is in flight by packet id, and the sending of what waits
 * (`outbound-queue.ts`).
 *
 * Order: what is in flight was sent first, then memory, then disk; nothing overtakes. A durable
 * delivery is sent only after its row is committed, so that a crash cannot make a QoS 2 message arrive
 * twice: a publisher that was not acknowledged sends again, and nobody has seen the first copy.
 */
import { PacketType } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import type { Connection } from '../connection/connection.ts'
import type { Message } from '../routing/message.ts'
import type { Session } from '../sessions/session.ts'
import { type Delivery, mayGoToAnother, type OutboundParts } from './delivery.ts'
import { OutboundQueue } from './outbound-queue.ts'

const LAST_PACKET_ID = 0xffff

export class Outbound {
  private readonly session: Session
  private readonly parts: OutboundParts
  private inflight: Map<number, Delivery> | null = null
  private readonly queue: OutboundQueue
  private resend: Delivery[] = []
  /** Sent on this connection and not yet acknowledged. */
  private open = 0
  /** Packet ids of this connection whose release is being written. */
  private releasing: Set<number> | null = null
  private lastPacketId = 0
  private isPumping = false

  constructor(session: Session, parts: OutboundParts) {
    this.session = session
    this.parts = parts
    this.queue = new OutboundQueue(session, parts)
  }

  /** After a restart: the queue is on disk and is read when the client comes back. */
  startFromDisk(): void {
    this.queue.startFromDisk()
  }

  /** Messages that the session is owed, in flight included. */
  get count(): number {
    return this.queue.count
  }

  get bytes(): number {
    return this.queue.bytes
  }

  get inflightCount(): number {
    return this.inflight?.size ?? 0
  }

  /** Takes a delivery that lives in memory only. */
  push(delivery: Delivery): void {
    if (!this.queue.admit(delivery)) return
    this.queue.push(delivery)
    this.pump()
  }

  /** False when the queue is full and its policy is to refuse. */
  wouldAccept(message: Message): boolean {
    if (this.parts.limits.queueOverflow !== 'refuse') return true
    this.load()
    if (!this.queue.isFull(message.bytes)) return true
    this.queue.overflowed()
    return false
  }

  /**
   * Takes a delivery whose row is being written in the open transaction, and gives it its packet id
   * when it can go out at once, so that the row need not be touched again. False: dropped.
   */
  stage(delivery: Delivery): boolean {
    this.load()
    if (!this.queue.admit(delivery)) return false
    if (this.queue.stage(delivery, this.session.connection !== null, this.hasWindow())) {
      this.open++
      this.assignPacketId(delivery)
    }
    return true
  }

  /** The row of a staged delivery is on disk. */
  committed(delivery: Delivery): void {
    this.queue.committed(delivery)
    if (delivery.packetId > 0) {
      const connection = this.session.connection
      const isCurrent = this.inflight?.get(delivery.packetId) === delivery
      if (connection !== null && isCurrent && !delivery.wasSent) this.transmit(delivery)
    } else this.pump()
  }

  /** The transaction of a staged delivery was lost: its publisher hears of it and sends again. */
  lost(delivery: Delivery): void {
    if (delivery.packetId > 0) {
      if (this.inflight?.get(delivery.packetId) !== delivery) return
      this.finish(delivery)
    } else this.queue.lost(delivery)
  }

  /** A connection took the session: what was in flight goes first, then the rest. */
  connected(): void {
    this.load()
    this.queue.connected()
    this.open = 0
    this.resend = this.inflight === null ? [] : [...this.inflight.values()]
    this.pump()
  }

  disconnected(): void {
    this.open = 0
    this.releasing = null
    this.resend = []
    if (this.session.isDurable) this.queue.spill()
  }

  pump(): void {
    if (this.isPumping) return
    this.isPumping = true
    try {
      while (this.session.connection !== null && this.hasWindow()) {
        const delivery = this.next()
        if (delivery === undefined) break
        this.open++
        if (delivery.wasSent) this.transmit(delivery)
        else this.sendFirst(delivery)
      }
    } finally {
      this.isPumping = false
    }
    this.session.replay?.advance()
  }

  /** False, as of the other two: it answers nothing that is open. */
  puback(packetId: number): boolean {
    const delivery = this.inflight?.get(packetId)
    if (delivery?.qos !== 1) return false
    this.finish(delivery)
    this.pump()
    return true
  }

  pubrec(packetId: number, reasonCode: number): boolean {
    const delivery = this.inflight?.get(packetId)
    const { connection } = this.session
    if (delivery === undefined) {
      if (reasonCode < 0x80) {
        connection?.sendAck(PacketType.pubrel, packetId, Reason.packetIdentifierNotFound)
      }
      return false
    }
    if (delivery.qos !== 2) return false
    if (reasonCode >= 0x80) {
      this.finish(delivery)
      this.pump()
      return true
    }
    const isFirst = !delivery.isReleased
    if (delivery.isReleased || delivery.seq === 0) {
      delivery.isReleased = true
      connection?.sendAck(PacketType.pubrel, packetId, 0)
      return isFirst
    }
    if (this.releasing?.has(packetId)) return false
    this.release(delivery)
    return true
  }

  pubcomp(packetId: number): boolean {
    const delivery = this.inflight?.get(packetId)
    if (delivery?.isReleased !== true) return false
    this.finish(delivery)
    this.pump()
    return true
  }

  /**
   * PUBREL leaves after the release is kept: after a crash the message must not be sent again,
   * since its receiver may have forgotten the packet id with our PUBREL.
   */
  private release(delivery: Delivery): void {
    const { connection } = this.session
    const { packetId, seq } = delivery
    this.releasing ??= new Set()
    this.releasing.add(packetId)
    this.parts.log.released(
      seq,
      () => {
        delivery.isReleased = true
        if (connection !== this.session.connection) return
        this.releasing?.delete(packetId)
        connection?.sendAck(PacketType.pubrel, packetId, 0)
      },
      () => sendAway(connection),
    )
  }

  /**
   * Empties the queue as its session ends; gives what of it is in memory only and may go to other members of a
   * group [MQTT-4.8.2-5]. What is on disk is the caller's.
   */
  drain(): Delivery[] {
    const held = [...(this.inflight?.values() ?? []), ...this.queue.drain()]
    this.inflight = null
    this.resend = []
    return held.filter((one) => one.seq === 0 && one.group !== null && mayGoToAnother(one))
  }

  /** Rows were removed behind its back, by age. */
  dropped(count: number, bytes: number): void {
    this.queue.dropped(count, bytes)
  }

  /** That was lost again: they are there still. */
  recount(): void {
    this.queue.recount()
  }

  private hasWindow(): boolean {
    const connection = this.session.connection
    return connection !== null && this.open < connection.sendWindow && connection.hasRoom()
  }

  private next(): Delivery | undefined {
    return this.resend.shift() ?? this.queue.next()
  }

  /** First use after a restart: what had been sent before goes back in flight. */
  private load(): void {
    for (const delivery of this.queue.load()) {
      this.lastPacketId = delivery.packetId
      this.inflight ??= new Map()
      this.inflight.set(delivery.packetId, delivery)
    }
  }

  private assignPacketId(delivery: Delivery): void {
    this.inflight ??= new Map()
    do {
      this.lastPacketId = this.lastPacketId >= LAST_PACKET_ID ? 1 : this.lastPacketId + 1
    } while (this.inflight.has(this.lastPacketId))
    delivery.packetId = this.lastPacketId
    this.inflight.set(delivery.packetId, delivery)
  }

  /** The first time: it gets its packet id, which must be on disk before a QoS 2 message leaves. */
  private sendFirst(delivery: Delivery): void {
    if (delivery.packetId === 0) this.assignPacketId(delivery)
    const { seq, packetId } = delivery
    if (seq > 0 && delivery.qos === 2) {
      const { connection } = this.session
      this.parts.log.sendingOnce(
        seq,
        packetId,
        () => this.committed(delivery),
        () => sendAway(connection),
      )
      return
    }
    if (seq > 0) this.parts.log.sending(seq, packetId)
    this.transmit(delivery)
  }

  private transmit(delivery: Delivery): void {
    const { session } = this
    const connection = session.connection
    if (connection === null) return
    if (delivery.isReleased) {
      connection.sendAck(PacketType.pubrel, delivery.packetId, 0)
      return
    }
    const { message, qos, packetId, wasSent, retain, identifiers } = delivery
    delivery.wasSent = true
    if (connection.sendPublish(message, qos, packetId, wasSent, retain, identifiers)) return
    // Larger than the client takes: dropped as if it had been acknowledged [MQTT-3.1.2-25].
    this.queue.countDropped()
    this.finish(delivery)
    // Of QoS 2 this is after its row was written, and nothing that comes from the client would go on with the next.
    this.pump()
  }

  private finish(delivery: Delivery): void {
    this.inflight?.delete(delivery.packetId)
    if (this.open > 0) this.open--
    this.queue.forget(delivery)
  }
}

/** What must be known before the next packet leaves could not be kept: once the client is back it is tried again. */
const sendAway = (connection: Connection | null): void =>
  connection?.disconnect(Reason.implementationSpecificError, 'storage failed')
