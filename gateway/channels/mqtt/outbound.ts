/**
 * Messages of QoS 1 and 2 on their way to one session: in flight by packet id, waiting in memory, and,
 * for a session that is kept, the rest on disk.
 *
 * Order: what is in flight was sent first, then memory, then disk; nothing overtakes. A durable
 * delivery is sent only after its row is committed, so that a crash cannot make a QoS 2 message arrive
 * twice: a publisher that was not acknowledged sends again, and nobody has seen the first copy.
 */
import { PacketType } from './codec/packets.ts'
import { Reason } from './codec/reason-codes.ts'
import type { Delivery, OutboundParts } from './delivery.ts'
import type { Message } from './message.ts'
import type { Session } from './session.ts'
import { WaitingQueue } from './waiting-queue.ts'

const LAST_PACKET_ID = 0xffff
/** Deliveries read from disk at once. */
const PAGE = 200

export class Outbound {
  private readonly session: Session
  private readonly parts: OutboundParts
  private inflight: Map<number, Delivery> | null = null
  private readonly waiting = new WaitingQueue()
  private resend: Delivery[] = []
  /** Sent on this connection and not yet acknowledged. */
  private open = 0
  private lastPacketId = 0
  /** Highest row in memory; rows above it are on disk only while `isSpilled`. */
  private lastSeq = 0
  private isSpilled = false
  /** Deliveries that went to disk in the open transaction. */
  private stagedOnDisk = 0
  private isLoaded: boolean
  private isPumping = false
  count = 0
  bytes = 0

  constructor(session: Session, parts: OutboundParts) {
    this.session = session
    this.parts = parts
    this.isLoaded = true
  }

  /** After a restart: the queue is on disk and is read when the client comes back. */
  startFromDisk(): void {
    this.isSpilled = true
    this.isLoaded = false
  }

  get inflightCount(): number {
    return this.inflight?.size ?? 0
  }

  /** Takes a delivery that lives in memory only. */
  push(delivery: Delivery): void {
    if (!this.makeRoom(delivery)) return
    this.account(delivery, 1)
    this.waiting.push(delivery)
    this.pump()
  }

  /** False when the queue is full and its policy is to refuse. */
  wouldAccept(message: Message): boolean {
    if (this.parts.limits.queueOverflow !== 'refuse') return true
    this.load()
    return !this.isFull(message.bytes)
  }

  /**
   * Takes a delivery whose row is being written in the open transaction, and gives it its packet id
   * when it can go out at once, so that the row need not be touched again. `isKept` false: dropped.
   */
  stage(delivery: Delivery): boolean {
    this.load()
    if (!this.makeRoom(delivery)) return false
    this.account(delivery, 1)
    const { connection } = this.session
    if (this.isSpilled || this.waiting.size >= this.parts.limits.maxMemoryQueue) {
      this.leaveOnDisk(delivery)
      return true
    }
    this.lastSeq = delivery.seq
    if (connection !== null && this.waiting.size === 0 && this.hasWindow()) {
      this.open++
      this.assignPacketId(delivery)
      return true
    }
    if (connection === null) {
      this.lastSeq = delivery.seq - 1
      this.leaveOnDisk(delivery)
    } else this.waiting.push(delivery)
    return true
  }

  /** The row of a staged delivery is on disk. */
  committed(delivery: Delivery): void {
    delivery.isCommitted = true
    if (delivery.isOnDisk) {
      delivery.isOnDisk = false
      this.stagedOnDisk--
    }
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
      return
    }
    if (delivery.isOnDisk) this.stagedOnDisk--
    else this.waiting.remove(delivery)
    this.account(delivery, -1)
  }

  /** A connection took the session: what was in flight goes first, then the rest. */
  connected(): void {
    this.load()
    this.open = 0
    this.resend = this.inflight === null ? [] : [...this.inflight.values()]
    this.pump()
  }

  disconnected(): void {
    this.open = 0
    this.resend = []
    if (!this.session.isDurable) return
    this.spillWaiting()
  }

  pump(): void {
    if (this.isPumping) return
    this.isPumping = true
    try {
      while (this.session.connection !== null && this.hasWindow()) {
        const delivery = this.next()
        if (delivery === undefined) break
        this.open++
        if (delivery.packetId > 0) this.transmit(delivery)
        else this.sendFirst(delivery)
      }
    } finally {
      this.isPumping = false
    }
    this.session.connection?.replay?.advance()
  }

  puback(packetId: number): void {
    const delivery = this.inflight?.get(packetId)
    if (delivery?.qos !== 1) return
    this.finish(delivery)
    this.pump()
  }

  pubrec(packetId: number, reasonCode: number): void {
    const delivery = this.inflight?.get(packetId)
    if (delivery === undefined) {
      if (reasonCode < 0x80) {
        this.session.connection?.sendAck(
          PacketType.pubrel,
          packetId,
          Reason.packetIdentifierNotFound,
        )
      }
      return
    }
    if (delivery.qos !== 2) return
    if (reasonCode >= 0x80) {
      this.finish(delivery)
      this.pump()
      return
    }
    if (delivery.isReleased || delivery.seq === 0) {
      delivery.isReleased = true
      this.session.connection?.sendAck(PacketType.pubrel, packetId, 0)
      return
    }
    // PUBREL leaves after the release is kept: after a crash the message must not be sent again,
    // since its receiver may have forgotten the packet id with our PUBREL.
    const { connection } = this.session
    this.parts.log.released(delivery.seq, () => {
      delivery.isReleased = true
      if (connection === this.session.connection) {
        connection?.sendAck(PacketType.pubrel, packetId, 0)
      }
    })
  }

  pubcomp(packetId: number): void {
    const delivery = this.inflight?.get(packetId)
    if (delivery?.isReleased !== true) return
    this.finish(delivery)
    this.pump()
  }

  /** Empties the queue as its session ends; gives what may go to other members of a group [MQTT-4.8.2-5]. */
  drain(): Delivery[] {
    this.load()
    const returned: Delivery[] = []
    for (const delivery of this.inflight?.values() ?? []) {
      if (delivery.group !== null && delivery.qos === 1) returned.push(delivery)
    }
    for (const delivery of this.waiting.clear()) {
      if (delivery.group !== null) returned.push(delivery)
    }
    while (this.isSpilled) {
      const page = this.parts.log.page(this.session.rowId, this.lastSeq, PAGE)
      for (const delivery of page) {
        this.lastSeq = delivery.seq
        if (delivery.group !== null && (delivery.packetId === 0 || delivery.qos === 1)) {
          returned.push(delivery)
        }
      }
      this.isSpilled = page.length === PAGE
    }
    this.inflight = null
    this.resend = []
    this.count = 0
    this.bytes = 0
    return returned
  }

  /** Rows were removed behind its back, by age. */
  recount(): void {
    if (!this.isLoaded) return
    const size = this.parts.log.size(this.session.rowId)
    this.count = size.count
    this.bytes = size.bytes
  }

  private countDropped(): void {
    this.session.counters.droppedQueue++
    this.parts.totals.publishesDropped++
  }

  private leaveOnDisk(delivery: Delivery): void {
    this.isSpilled = true
    this.stagedOnDisk++
    delivery.isOnDisk = true
  }

  private hasWindow(): boolean {
    const connection = this.session.connection
    return connection !== null && this.open < connection.sendWindow && connection.hasRoom()
  }

  private next(): Delivery | undefined {
    const again = this.resend.shift()
    if (again !== undefined) return again
    for (;;) {
      if (this.waiting.size === 0) this.readPage()
      const first = this.waiting.first()
      if (first === undefined || (first.seq > 0 && !first.isCommitted)) return undefined
      this.waiting.shift()
      if (!first.message.isExpired(this.parts.nowMs())) return first
      this.forget(first)
    }
  }

  private readPage(): void {
    if (!this.isSpilled) return
    const { session, parts } = this
    const page = parts.log.page(session.rowId, this.lastSeq, PAGE)
    this.isSpilled = page.length === PAGE || this.stagedOnDisk > 0
    for (const delivery of page) {
      this.lastSeq = delivery.seq
      if (!parts.mayReceive(session, delivery.message.topic)) {
        this.forget(delivery)
        this.countDropped()
      } else this.waiting.push(delivery)
    }
  }

  /** First use after a restart: counts, and what had been sent before it goes back in flight. */
  private load(): void {
    if (this.isLoaded) return
    this.isLoaded = true
    const { session, parts } = this
    const size = parts.log.size(session.rowId)
    this.count = size.count
    this.bytes = size.bytes
    for (;;) {
      const page = parts.log.page(session.rowId, this.lastSeq, PAGE)
      for (const delivery of page) {
        if (delivery.packetId === 0) return
        this.lastSeq = delivery.seq
        this.lastPacketId = delivery.packetId
        this.inflight ??= new Map()
        this.inflight.set(delivery.packetId, delivery)
      }
      if (page.length < PAGE) {
        this.isSpilled = false
        return
      }
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
    this.assignPacketId(delivery)
    const { seq, packetId } = delivery
    if (seq > 0 && delivery.qos === 2) {
      this.parts.log.sendingOnce(seq, packetId, () => this.committed(delivery))
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
    this.countDropped()
    this.finish(delivery)
  }

  private finish(delivery: Delivery): void {
    this.inflight?.delete(delivery.packetId)
    if (this.open > 0) this.open--
    this.forget(delivery)
  }

  private forget(delivery: Delivery): void {
    this.account(delivery, -1)
    if (delivery.seq > 0) this.parts.log.removed(delivery.seq)
  }

  private account(delivery: Delivery, sign: 1 | -1): void {
    this.count += sign
    this.bytes += sign * delivery.message.bytes
  }

  private isFull(moreBytes: number): boolean {
    const { maxQueuedMessages, maxQueuedBytes } = this.parts.limits
    return this.count >= maxQueuedMessages || this.bytes + moreBytes > maxQueuedBytes
  }

  private makeRoom(delivery: Delivery): boolean {
    const { message } = delivery
    while (this.isFull(message.bytes)) {
      this.countDropped()
      if (this.parts.limits.queueOverflow !== 'drop-oldest' || !this.dropOldest()) return false
    }
    return true
  }

  /** What is in flight is the receiver's already and stays; the oldest waiting one goes. */
  private dropOldest(): boolean {
    const first = this.waiting.shift()
    if (first !== undefined) {
      this.forget(first)
      return true
    }
    if (!this.isSpilled) return false
    const oldest = this.parts.log.oldestWaiting(this.session.rowId, this.lastSeq)
    if (oldest === undefined) return false
    this.parts.log.removed(oldest.seq)
    this.count--
    this.bytes -= oldest.bytes
    return true
  }

  /** While nobody is connected, memory holds only what is in flight. */
  private spillWaiting(): void {
    const left = this.waiting.clear()
    const first = left[0]
    if (first !== undefined) this.lastSeq = first.seq - 1
    for (const delivery of left) {
      if (delivery.isCommitted) this.isSpilled = true
      else this.leaveOnDisk(delivery)
    }
  }
}
