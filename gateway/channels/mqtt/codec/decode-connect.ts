/** Strict decoding of CONNECT, section 3.1. */
import {
  type ConnectPacket,
  PacketType,
  ProtocolError,
  type ProtocolVersion,
  type Qos,
  type WillPacket,
} from './packets.ts'
import { checkResponseTopic, ownBytes, readProperties, WILL } from './properties.ts'
import { malformed, protocolError, Reader } from './reader.ts'
import { Reason } from './reason-codes.ts'
import { isTopicName } from './topics.ts'

const USERNAME_FLAG = 0x80
const PASSWORD_FLAG = 0x40
const WILL_RETAIN_FLAG = 0x20
const WILL_FLAG = 0x04
const CLEAN_FLAG = 0x02

/** CONNECT, section 3.1. An unknown protocol level is reported with reason 0x84. */
export function decodeConnect(buffer: Buffer, start: number, end: number): ConnectPacket {
  const reader = new Reader(buffer, start, end)
  const version = readProtocol(reader)
  const flags = reader.byte()
  checkConnectFlags(flags, version)
  const keepAliveSeconds = reader.uint16()
  const properties = version === 5 ? readProperties(reader, PacketType.connect) : undefined
  if (
    properties?.authenticationData !== undefined &&
    properties.authenticationMethod === undefined
  ) {
    throw protocolError('authentication data without a method')
  }
  const clientId = reader.text()
  const will = (flags & WILL_FLAG) !== 0 ? readWill(reader, flags, version) : undefined
  const username = (flags & USERNAME_FLAG) !== 0 ? reader.text() : undefined
  const password = (flags & PASSWORD_FLAG) !== 0 ? Buffer.from(reader.binary()) : undefined
  reader.finish()
  return {
    version,
    clientId,
    cleanStart: (flags & CLEAN_FLAG) !== 0,
    keepAliveSeconds,
    username,
    password,
    will,
    properties,
  }
}

/** Whether these bytes begin a CONNECT of MQTT 5: then even a malformed one is answered. */
export function isVersion5Connect(buffer: Buffer, start: number, end: number): boolean {
  return end - start > 6 && buffer.toString('latin1', start, start + 7) === '\0\u0004MQTT\u0005'
}

function readProtocol(reader: Reader): ProtocolVersion {
  const name = reader.text()
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    throw malformed('the protocol name is not MQTT')
  }
  const level = reader.byte()
  const known = name === 'MQIsdp' ? level === 3 : level === 4 || level === 5
  if (!known) {
    throw new ProtocolError(
      Reason.unsupportedProtocolVersion,
      `protocol level ${level} is not 3.1, 3.1.1 or 5.0`,
    )
  }
  return level as ProtocolVersion
}

/** [MQTT-3.1.2-3] and [MQTT-3.1.2-11] to [MQTT-3.1.2-22]. */
function checkConnectFlags(flags: number, version: ProtocolVersion): void {
  if ((flags & 0x01) !== 0) throw malformed('the reserved connect flag is set')
  const willQos = (flags >> 3) & 3
  if (willQos === 3) throw malformed('will QoS 3')
  if ((flags & WILL_FLAG) === 0 && (willQos !== 0 || (flags & WILL_RETAIN_FLAG) !== 0)) {
    throw malformed('will QoS or will retain without a will')
  }
  if (version < 5 && (flags & USERNAME_FLAG) === 0 && (flags & PASSWORD_FLAG) !== 0) {
    throw malformed('a password without a user name')
  }
}

function readWill(reader: Reader, flags: number, version: ProtocolVersion): WillPacket {
  const properties = version === 5 ? readProperties(reader, WILL) : undefined
  const topic = reader.text()
  if (!isTopicName(topic)) throw new ProtocolError(Reason.topicNameInvalid, 'will topic invalid')
  checkResponseTopic(properties)
  const payload = Buffer.from(reader.binary())
  return {
    topic,
    payload,
    qos: ((flags >> 3) & 3) as Qos,
    retain: (flags & WILL_RETAIN_FLAG) !== 0,
    properties: properties && ownBytes(properties),
  }
}
