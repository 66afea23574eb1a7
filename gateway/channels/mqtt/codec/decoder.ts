/**
 * Strict decoding of the packets a client may send. Each function takes the body of one whole packet
 * and throws a ProtocolError with the reason code that the specification asks for.
 */
import {
  type AckPacket,
  type AuthPacket,
  type ConnectPacket,
  type DisconnectPacket,
  PacketType,
  type Properties,
  ProtocolError,
  type ProtocolVersion,
  type PublishPacket,
  type Qos,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
  type WillPacket,
} from './packets.ts'
import { readProperties, WILL } from './properties.ts'
import { malformed, protocolError, Reader } from './reader.ts'
import { Reason } from './reason-codes.ts'
import { isTopicName, parseFilter } from './topics.ts'
import { decodeUtf8 } from './utf8.ts'

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

function checkResponseTopic(properties: Properties | undefined): void {
  if (properties?.responseTopic !== undefined && !isTopicName(properties.responseTopic)) {
    throw protocolError('the response topic is not a topic name')
  }
}

/** A copy whose binary values do not hold the connection's read buffer in memory. */
export function ownBytes(properties: Properties): Properties {
  return properties.correlationData === undefined
    ? properties
    : { ...properties, correlationData: Buffer.from(properties.correlationData) }
}

/** PUBLISH, section 3.3. The payload is a view of `buffer`. */
export function decodePublish(
  head: number,
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
): PublishPacket {
  const qos = (head >> 1) & 3
  if (qos === 3) throw malformed('QoS 3')
  const dup = (head & 8) !== 0
  if (dup && qos === 0) throw malformed('DUP on QoS 0')
  if (end - start < 2) throw malformed('the packet ends too early')
  const topicEnd = start + 2 + (((buffer[start] as number) << 8) | (buffer[start + 1] as number))
  if (topicEnd > end) throw malformed('the packet ends too early')
  const topic = decodeTopicName(buffer, start + 2, topicEnd)
  let at = topicEnd
  let packetId = 0
  if (qos > 0) {
    if (end - at < 2) throw malformed('the packet ends too early')
    packetId = ((buffer[at] as number) << 8) | (buffer[at + 1] as number)
    if (packetId === 0) throw malformed('packet identifier 0')
    at += 2
  }
  let properties: Properties | undefined
  if (version === 5) {
    if (buffer[at] === 0 && at < end) at++
    else {
      const reader = new Reader(buffer, at, end)
      properties = readProperties(reader, PacketType.publish)
      at = reader.at
      checkPublishProperties(properties)
    }
  }
  if (topicEnd === start + 2 && properties?.topicAlias === undefined) {
    throw protocolError('neither topic nor alias')
  }
  return {
    topic,
    payload: buffer.subarray(at, end),
    qos: qos as Qos,
    retain: (head & 1) !== 0,
    dup,
    packetId,
    properties,
  }
}

const PLUS = 0x2b
const HASH = 0x23
const SPACE = 0x20
const DELETE = 0x7f

/** One pass for plain ASCII, which nearly all topics are. An empty topic stands for an alias. */
function decodeTopicName(buffer: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number
    if (byte < SPACE || byte >= DELETE) return decodeWideTopicName(buffer, start, end)
    if (byte === PLUS || byte === HASH) throw wildcardTopic()
  }
  return buffer.toString('latin1', start, end)
}

function decodeWideTopicName(buffer: Buffer, start: number, end: number): string {
  const topic = decodeUtf8(buffer, start, end)
  if (topic === undefined) throw malformed('the topic is not the UTF-8 that MQTT allows')
  if (!isTopicName(topic)) throw wildcardTopic()
  return topic
}

const wildcardTopic = (): ProtocolError =>
  new ProtocolError(Reason.topicNameInvalid, 'a topic name has no wildcards')

function checkPublishProperties(properties: Properties | undefined): void {
  if (properties === undefined) return
  if (properties.subscriptionIdentifiers !== undefined) {
    throw protocolError('a client does not send subscription identifiers [MQTT-3.3.4-6]')
  }
  checkResponseTopic(properties)
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP, sections 3.4 to 3.7. */
export function decodeAck(
  packetType: number,
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
): AckPacket {
  const reader = new Reader(buffer, start, end)
  const packetId = reader.packetId()
  let reasonCode = 0
  let properties: Properties | undefined
  if (version === 5 && reader.remaining > 0) {
    reasonCode = reader.byte()
    const allowed = packetType >= PacketType.pubrel ? RELEASE_CODES : RECEIVE_CODES
    if (!allowed.has(reasonCode)) throw malformed(`reason code ${reasonCode} in this packet`)
    if (reader.remaining > 0) properties = readProperties(reader, packetType)
  }
  reader.finish()
  return { packetId, reasonCode, properties }
}

const RECEIVE_CODES = new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const RELEASE_CODES = new Set([0, 0x92])

/** SUBSCRIBE, section 3.8. Filters that are malformed are refused one by one later, not here. */
export function decodeSubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
): SubscribePacket {
  const reader = new Reader(buffer, start, end)
  const packetId = reader.packetId()
  const properties = version === 5 ? readProperties(reader, PacketType.subscribe) : undefined
  const subscriptions: SubscriptionRequest[] = []
  while (reader.remaining > 0) {
    const filter = reader.text()
    subscriptions.push(readOptions(filter, reader.byte(), version))
  }
  if (subscriptions.length === 0) throw protocolError('a SUBSCRIBE without filters')
  return { packetId, subscriptions, properties }
}

function readOptions(
  filter: string,
  options: number,
  version: ProtocolVersion,
): SubscriptionRequest {
  const qos = options & 3
  if (qos === 3) throw malformed('subscription QoS 3')
  if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0) {
    throw malformed('reserved bits of the subscription options are set')
  }
  const retainHandling = (options >> 4) & 3
  if (retainHandling === 3) throw protocolError('retain handling 3')
  const noLocal = (options & 4) !== 0
  if (noLocal && parseFilter(filter)?.group !== undefined) {
    throw protocolError('no-local on a shared subscription [MQTT-3.8.3-4]')
  }
  return {
    filter,
    qos: qos as Qos,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

/** UNSUBSCRIBE, section 3.10. */
export function decodeUnsubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
): UnsubscribePacket {
  const reader = new Reader(buffer, start, end)
  const packetId = reader.packetId()
  const properties = version === 5 ? readProperties(reader, PacketType.unsubscribe) : undefined
  const filters: string[] = []
  while (reader.remaining > 0) filters.push(reader.text())
  if (filters.length === 0) throw protocolError('an UNSUBSCRIBE without filters')
  return { packetId, filters, properties }
}

const DISCONNECT_CODES = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
])

/** DISCONNECT, section 3.14. */
export function decodeDisconnect(
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
): DisconnectPacket {
  const reader = new Reader(buffer, start, end)
  if (version < 5 || reader.remaining === 0) {
    reader.finish()
    return { reasonCode: 0, properties: undefined }
  }
  const reasonCode = reader.byte()
  if (!DISCONNECT_CODES.has(reasonCode)) throw malformed(`DISCONNECT with reason ${reasonCode}`)
  const properties =
    reader.remaining > 0 ? readProperties(reader, PacketType.disconnect) : undefined
  if (properties?.serverReference !== undefined)
    throw protocolError('a client has no server reference')
  reader.finish()
  return { reasonCode, properties }
}

/** AUTH, section 3.15. */
export function decodeAuth(buffer: Buffer, start: number, end: number): AuthPacket {
  const reader = new Reader(buffer, start, end)
  if (reader.remaining === 0) return { reasonCode: 0, properties: undefined }
  const reasonCode = reader.byte()
  if (reasonCode !== Reason.continueAuthentication && reasonCode !== Reason.reAuthenticate) {
    throw protocolError(`AUTH with reason ${reasonCode}`)
  }
  const properties = reader.remaining > 0 ? readProperties(reader, PacketType.auth) : undefined
  reader.finish()
  return { reasonCode, properties }
}
