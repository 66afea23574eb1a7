/** Messages from one client: checked, given to the box or to subscribers, acknowledged in order. */
import { isUtf8 } from 'node:buffer'
import { PacketType, ProtocolError, type PublishPacket } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import { RETAINS_TOO_MUCH } from '../limits.ts'
import type { DeviceMessageOutcome } from '../ports.ts'
import { forwardedProperties, Message } from '../routing/message.ts'
import type { Session } from '../sessions/session.ts'
import { shownText } from '../shown-text.ts'
import type { Connection } from './connection.ts'
import { InboundTopics } from './inbound-topics.ts'
import { type PendingAck, PendingAcks } from './pending-acks.ts'

export class Inbound {
  private readonly connection: Connection
  private readonly acks: PendingAcks
  /** Made with the first message: most connections are idle. */
  private topics: InboundTopics | null = null

  constructor(connection: Connection) {
    this.connection = connection
    // What the box has taken goes on to subscribers, whether there is room to retain it or not.
    this.acks = new PendingAcks(connection, (ack, message, session) =>
      this.dispatchFor(ack, connection.engine.inPassing.fit(message), session),
    )
  }

  close(): void {
    this.acks.close()
  }

  publish(packet: PublishPacket, buffer: Buffer, from: number, end: number): void {
    const { connection } = this
    const { engine } = connection
    const session = connection.session as Session
    session.counters.messagesReceived++
    engine.counters.publishesReceived++
    this.topics ??= new InboundTopics(connection)
    if (connection.version === 5) this.topics.resolveAlias(packet)
    if (packet.qos > 0 && !this.admit(packet, session)) return
    const rights = this.topics.rightsFor(packet.topic)
    if (rights.refusal !== undefined) {
      this.refuse(packet, rights.refusal.reasonCode, rights.refusal.reason)
      return
    }
    if (packet.properties?.payloadFormatIndicator === 1 && !isUtf8(packet.payload)) {
      this.refuse(packet, Reason.payloadFormatInvalid, 'the payload is not UTF-8')
      return
    }
    const retain = packet.retain && rights.mayRetain
    const message = this.toMessage(packet, retain, buffer, from, end)
    if (rights.isForBox) this.toBox(packet, message, session)
    else if (message.retain && !engine.retained.wouldAccept(message)) {
      this.refuse(packet, Reason.quotaExceeded, RETAINS_TOO_MUCH)
    } else this.toSubscribers(packet, message, session)
  }

  /** False: the id was not open. */
  pubrel(packetId: number): boolean {
    const { connection } = this
    const session = connection.session as Session
    const wasOpen = session.removeReceived(packetId)
    if (wasOpen) this.acks.settled()
    this.acks.released(packetId)
    const reasonCode = wasOpen ? Reason.success : Reason.packetIdentifierNotFound
    const answer = (): void => connection.sendAck(PacketType.pubcomp, packetId, reasonCode)
    if (!session.isDurable) {
      answer()
      return wasOpen
    }
    // Were PUBCOMP sent before the id is forgotten on disk, a crash would leave the id behind, and the
    // client's next message under it would be taken for a repeat and lost. One that is not open may be of a
    // release that was sent before and is still being written.
    const { rowId } = session
    const { store, queueRows } = connection.engine
    const kept = wasOpen
      ? store.commit(() => queueRows.removeReceived(rowId, packetId))
      : store.durable()
    kept.then(answer, () => {
      if (wasOpen) session.addReceived(packetId)
      connection.disconnect(Reason.implementationSpecificError, 'storage failed')
    })
    return wasOpen
  }

  /** Counts a QoS 1 or 2 message against the receive maximum; false when it is a repeat. */
  private admit(packet: PublishPacket, session: Session): boolean {
    const { connection } = this
    if (packet.qos === 2 && this.acks.has(packet.packetId)) return false
    if (packet.qos === 2 && session.hasReceived(packet.packetId)) {
      // Its first copy may have come on an earlier connection and be on its way to the disk.
      const ack = this.acks.add(packet)
      ack.isRepeat = true
      connection.engine.store.durable().then(
        () => this.acks.ready(ack),
        () => this.acks.failed(ack),
      )
      return false
    }
    // 3.1.1 knows no such limit: there the length of the line for acknowledgements stops the reading,
    // and open QoS 2 handshakes are bounded by the packet identifiers there are.
    const { receiveMaximum } = connection.engine.limits
    if (connection.version === 5 && this.acks.open >= receiveMaximum) {
      throw new ProtocolError(
        Reason.receiveMaximumExceeded,
        `more than ${receiveMaximum} unacknowledged messages`,
      )
    }
    this.acks.open++
    return true
  }

  private toMessage(
    packet: PublishPacket,
    retain: boolean,
    buffer: Buffer,
    from: number,
    end: number,
  ): Message {
    const { connection } = this
    const { properties, payload, topic, qos } = packet
    const expiry = properties?.messageExpiryInterval
    const message = new Message({
      topic,
      payload: retain ? Buffer.from(payload) : payload,
      qos,
      retain,
      properties: forwardedProperties(properties),
      expiresAtMs:
        expiry === undefined ? undefined : connection.engine.clock.nowMs() + expiry * 1000,
      publisher: connection.clientId,
    })
    if (properties === undefined && !packet.retain) {
      const bytes = buffer.subarray(from, end)
      const packetIdAt =
        qos === 0 ? 0 : end - from - payload.length - (connection.version === 5 ? 3 : 2)
      message.offerFrame(connection.version, { bytes, packetIdAt })
    }
    return message
  }

  private toSubscribers(packet: PublishPacket, message: Message, session: Session): void {
    const { dispatcher, limits } = this.connection.engine
    if (limits.queueOverflow === 'refuse' && !dispatcher.hasRoomFor(message)) {
      this.refuse(packet, Reason.quotaExceeded, 'the queue of a subscriber is full')
      return
    }
    if (packet.qos === 0) {
      dispatcher.dispatch(message, session, null, null)
      return
    }
    if (packet.qos === 1 && this.acks.size === 0) {
      this.dispatchFirst(packet, message, session)
      return
    }
    const ack = this.acks.add(packet)
    this.dispatchFor(ack, message, session)
    this.acks.flush()
  }

  /** The common case: nothing waits before it, and nothing has to be written. */
  private dispatchFirst(packet: PublishPacket, message: Message, session: Session): void {
    const { connection } = this
    let ack: PendingAck | null = null
    const result = connection.engine.dispatcher.dispatch(message, session, null, (error) => {
      if (ack !== null) this.written(ack, session, error)
    })
    if (result === 'pending') {
      ack = this.acks.add(packet)
      return
    }
    this.acks.settled()
    const code = result === 'none' ? Reason.noMatchingSubscribers : Reason.success
    connection.sendAck(PacketType.puback, packet.packetId, code)
  }

  private dispatchFor(ack: PendingAck, message: Message, session: Session): void {
    const { dispatcher, queueRows } = this.connection.engine
    const { qos, packetId } = ack
    const mustRemember = qos === 2 && session.isDurable
    // From here on a repeat is known as such, on whatever connection it comes.
    if (mustRemember) session.addReceived(packetId)
    const { rowId } = session
    const remember = mustRemember ? () => queueRows.putReceived(rowId, packetId) : null
    const result = dispatcher.dispatch(message, session, remember, (error) =>
      this.written(ack, session, error),
    )
    if (result === 'pending') return
    if (result === 'none' && ack.reasonCode === 0) ack.reasonCode = Reason.noMatchingSubscribers
    ack.isReady = true
  }

  private toBox(packet: PublishPacket, message: Message, session: Session): void {
    const { connection } = this
    const { policy } = connection.engine
    const { principal } = session
    if (principal === null) return
    const ack = packet.qos === 0 ? null : this.acks.add(packet)
    if (ack !== null) ack.message = message
    let outcome: Promise<DeviceMessageOutcome> | DeviceMessageOutcome
    try {
      outcome = policy.onDeviceMessage({
        clientId: connection.clientId,
        device: principal,
        topic: message.topic,
        payload: message.payload,
        qos: message.qos,
        retain: message.retain,
        protocolVersion: connection.version,
        properties: packet.properties,
      })
    } catch (error) {
      this.failed(ack, error)
      return
    }
    if (!(outcome instanceof Promise)) {
      this.taken(ack, message, outcome)
      return
    }
    outcome.then(
      (result) => this.taken(ack, message, result),
      (error: unknown) => this.failed(ack, error),
    )
  }

  /** The box has taken a message, or refused it with a reason. */
  private taken(ack: PendingAck | null, message: Message, outcome: DeviceMessageOutcome): void {
    if (ack === null) {
      const { session, engine } = this.connection
      if (outcome.reasonCode < 0x80 && session !== null) {
        engine.dispatcher.dispatch(engine.inPassing.fit(message), session, null, null)
      }
      return
    }
    if (outcome.reasonCode >= 0x80) ack.message = null
    this.acks.ready(ack, outcome.reasonCode, outcome.reason)
  }

  private failed(ack: PendingAck | null, error: unknown): void {
    const { connection } = this
    connection.engine.logger.error(
      { clientId: connection.clientId, err: error },
      'the gateway could not take a message',
    )
    if (ack !== null) this.acks.failed(ack)
  }

  /** What the acknowledgement stands for is on disk, or was lost. */
  private written(ack: PendingAck, session: Session, error: unknown): void {
    if (error === undefined) this.acks.ready(ack)
    else {
      if (ack.qos === 2) session.removeReceived(ack.packetId)
      this.acks.failed(ack)
    }
  }

  private refuse(packet: PublishPacket, reasonCode: number, reason: string): void {
    const { connection } = this
    const { engine, session } = connection
    engine.counters.refusedPublishes++
    // Once a session: a device that is always refused would fill the log, and is counted besides.
    const level = session?.counters.refused === 0 ? 'info' : 'debug'
    if (session?.principal != null) {
      session.counters.refused++
      engine.policy.onRefusedPublish({
        clientId: connection.clientId,
        device: session.principal,
        topic: packet.topic,
        reasonCode,
        reason,
        protocolVersion: connection.version,
      })
    }
    engine.logger[level](
      { clientId: connection.clientId, topic: shownText(packet.topic), reasonCode, reason },
      'publish refused',
    )
    if (packet.qos === 0) return
    this.acks.ready(this.acks.add(packet), reasonCode, reason)
  }
}
