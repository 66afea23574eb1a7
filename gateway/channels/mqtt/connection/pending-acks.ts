/**
 * Acknowledgements that one client is waiting for. Each leaves when what it stands for is on disk, and
 * never before that of an earlier message [MQTT-4.6.0-2] [MQTT-4.6.0-3].
 */
import { PacketType, type PublishPacket } from '../codec/packets.ts'
import { Reason, reasonText } from '../codec/reason-codes.ts'
import type { Message } from '../routing/message.ts'
import type { Session } from '../sessions/session.ts'
import type { Connection } from './connection.ts'

/** One QoS 1 or 2 message that is not acknowledged yet. */
export interface PendingAck {
  readonly packetId: number
  readonly qos: 1 | 2
  reasonCode: number
  reason: string | undefined
  isReady: boolean
  /** To be given to subscribers when its turn comes. */
  message: Message | null
  /** A repeat: its first copy is taken already. */
  isRepeat: boolean
}

export class PendingAcks {
  private readonly connection: Connection
  /** Gives a message to subscribers; sets `isReady` at once or later. */
  private readonly route: (ack: PendingAck, message: Message, session: Session) => void
  private pending: PendingAck[] = []
  private isHolding = false
  private isClosed = false
  /** QoS 1 and 2 messages of this connection that count against the receive maximum. */
  open = 0

  constructor(
    connection: Connection,
    route: (ack: PendingAck, message: Message, session: Session) => void,
  ) {
    this.connection = connection
    this.route = route
  }

  get size(): number {
    return this.pending.length
  }

  close(): void {
    this.isClosed = true
    this.pending = []
  }

  /** Whether the message of this id is still being worked on. */
  has(packetId: number): boolean {
    return this.pending.some((one) => one.qos === 2 && one.packetId === packetId)
  }

  /** One message is no longer open. */
  settled(): void {
    if (this.open > 0) this.open--
  }

  /** The client has released this id: a repeat of its message that still waits is answered no more. */
  released(packetId: number): void {
    if (this.pending.length === 0) return
    this.pending = this.pending.filter((one) => !one.isRepeat || one.packetId !== packetId)
  }

  /** Takes a place in line; too long a line stops the reading, as 3.1.1 clients know no receive maximum. */
  add(packet: PublishPacket): PendingAck {
    const ack: PendingAck = {
      packetId: packet.packetId,
      qos: packet.qos as 1 | 2,
      reasonCode: 0,
      reason: undefined,
      isReady: false,
      message: null,
      isRepeat: false,
    }
    this.pending.push(ack)
    if (!this.isHolding && this.pending.length > this.connection.engine.limits.maxPendingAcks) {
      this.isHolding = true
      this.connection.hold()
    }
    return ack
  }

  /** The outcome is known. */
  ready(ack: PendingAck, reasonCode = ack.reasonCode, reason = ack.reason): void {
    ack.reasonCode = reasonCode
    ack.reason = reason
    ack.isReady = true
    this.flush()
  }

  /** What it stood for was lost: MQTT 5 clients hear so, others are cut off, so that they send again. */
  failed(ack: PendingAck): void {
    if (this.isClosed) return
    if (this.connection.version < 5) {
      this.connection.disconnect(Reason.implementationSpecificError, 'storage failed')
      return
    }
    ack.message = null
    const reason = 'the message could not be stored; send it again'
    this.ready(ack, Reason.implementationSpecificError, reason)
  }

  /** Sends what is ready at the head of the line. */
  flush(): void {
    const { connection } = this
    const { session } = connection
    if (this.isClosed || session === null) return
    let sent = 0
    for (const ack of this.pending) {
      if (!ack.isReady) break
      if (ack.message !== null) {
        const { message } = ack
        ack.message = null
        ack.isReady = false
        this.route(ack, message, session)
        if (!ack.isReady) break
      }
      sent++
      this.send(ack, session)
    }
    if (sent > 0) this.pending.splice(0, sent)
    if (this.isHolding && this.pending.length <= connection.engine.limits.maxPendingAcks / 2) {
      this.isHolding = false
      connection.release()
    }
  }

  private send(ack: PendingAck, session: Session): void {
    const isRefused = ack.reasonCode >= 0x80
    const reason = isRefused ? (ack.reason ?? reasonText(ack.reasonCode)) : ack.reason
    if (ack.qos === 1) {
      this.settled()
      this.connection.sendAck(PacketType.puback, ack.packetId, ack.reasonCode, reason)
      return
    }
    if (isRefused && this.connection.version === 5) this.settled()
    else session.addReceived(ack.packetId)
    this.connection.sendAck(PacketType.pubrec, ack.packetId, ack.reasonCode, reason)
  }
}
