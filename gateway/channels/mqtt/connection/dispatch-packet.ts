/** Which packet goes where, and which may come when (MQTT 5.0 section 2.1.2). */
import { decodeConnect, isVersion5Connect } from '../codec/decode-connect.ts'
import {
  decodeAck,
  decodeAuth,
  decodeDisconnect,
  decodePublish,
  decodeSubscribe,
  decodeUnsubscribe,
} from '../codec/decoder.ts'
import { PINGRESP } from '../codec/encoder.ts'
import { type AckPacket, PacketType, ProtocolError } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import { MAX_FILTERS_PER_PACKET } from '../limits.ts'
import type { Session } from '../sessions/session.ts'
import type { Connection } from './connection.ts'
import { subscribe, unsubscribe } from './subscribing.ts'

/** Gives a whole packet to who deals with it. Throws a ProtocolError where it may not come. */
export function dispatchPacket(
  connection: Connection,
  head: number,
  buffer: Buffer,
  from: number,
  start: number,
  end: number,
): void {
  const type = head >> 4
  if (connection.state !== 'open') {
    beforeOpen(connection, type, buffer, start, end)
    return
  }
  const { version } = connection
  switch (type) {
    case PacketType.publish: {
      const packet = decodePublish(head, buffer, start, end, version)
      connection.inbound.publish(packet, buffer, from, end)
      return
    }
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp: {
      const answers = acknowledge(connection, type, decodeAck(type, buffer, start, end, version))
      // What answers something open is free, for it was asked for; other ones are messages like any.
      if (!answers) connection.charge(1)
      return
    }
    case PacketType.subscribe:
      subscribe(
        connection,
        decodeSubscribe(buffer, start, end, version, maxFiltersPerPacket(connection)),
      )
      return
    case PacketType.unsubscribe:
      unsubscribe(
        connection,
        decodeUnsubscribe(buffer, start, end, version, maxFiltersPerPacket(connection)),
      )
      return
    case PacketType.pingreq:
      connection.send(PINGRESP)
      return
    case PacketType.disconnect: {
      const { reasonCode, properties } = decodeDisconnect(buffer, start, end, version)
      connection.handshake.disconnected(reasonCode, properties)
      return
    }
    case PacketType.auth:
      if (version < 5) throw new ProtocolError(Reason.malformedPacket, 'AUTH before MQTT 5')
      connection.handshake.enhanced.renew(decodeAuth(buffer, start, end))
      return
    default:
      throw new ProtocolError(Reason.protocolError, 'a second CONNECT')
  }
}

/** False: it answers nothing that is open. */
function acknowledge(
  { inbound, session }: Connection,
  type: number,
  { packetId, reasonCode }: AckPacket,
): boolean {
  const { outbound } = session as Session
  switch (type) {
    case PacketType.puback:
      return outbound.puback(packetId)
    case PacketType.pubrec:
      return outbound.pubrec(packetId, reasonCode)
    case PacketType.pubcomp:
      return outbound.pubcomp(packetId)
    default:
      return inbound.pubrel(packetId)
  }
}

const maxFiltersPerPacket = ({ engine }: Connection): number =>
  Math.max(MAX_FILTERS_PER_PACKET, engine.limits.maxSubscriptionsPerClient)

function beforeOpen(
  connection: Connection,
  type: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (connection.state === 'closed') return
  if (connection.state === 'new' && type === PacketType.connect) {
    if (isVersion5Connect(buffer, start, end)) connection.version = 5
    connection.handshake.connect(decodeConnect(buffer, start, end))
  } else if (connection.state === 'authenticating' && type === PacketType.auth) {
    connection.handshake.enhanced.continue(decodeAuth(buffer, start, end))
  } else {
    connection.turnAway(Reason.protocolError, 'the first packet was not CONNECT')
  }
}
