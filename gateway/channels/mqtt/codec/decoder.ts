/**
 * Strict decoding of the packets a client may send after CONNECT (`decode-connect.ts`). Each function takes the body of one whole packet
 * and throws a ProtocolError with the reason code that the specification asks for.
 */
import {
  type AckPacket,
  type AuthPacket,
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
} from './packets.ts'
import { checkResponseTopic, readProperties } from './properties.ts'
import { malformed, protocolError, Reader } from './reader.ts'
import { mayCarry, Reason } from './reason-codes.ts'
import { isTopicName, parseFilter } from './topics.ts'
import { decodeUtf8 } from './utf8.ts'

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
    if (!mayCarry(packetType, reasonCode))
      throw malformed(`reason code ${reasonCode} in this packet`)
    if (reader.remaining > 0) properties = readProperties(reader, packetType)
  }
  reader.finish()
  return { packetId, reasonCode, properties }
}

/**
 * SUBSCRIBE, section 3.8. Filters that are malformed are refused one by one later, not here; more than
 * `maxFilters` are refused all together.
 */
export function decodeSubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
  maxFilters: number,
): SubscribePacket {
  const reader = new Reader(buffer, start, end)
  const packetId = reader.packetId()
  const properties = version === 5 ? readProperties(reader, PacketType.subscribe) : undefined
  const subscriptions: SubscriptionRequest[] = []
  while (reader.remaining > 0) {
    if (subscriptions.length === maxFilters) throw tooManyFilters(maxFilters)
    const filter = reader.text()
    subscriptions.push(readOptions(filter, reader.byte(), version))
  }
  if (subscriptions.length === 0) throw protocolError('a SUBSCRIBE without filters')
  return { packetId, subscriptions, properties }
}

const tooManyFilters = (most: number): ProtocolError =>
  new ProtocolError(Reason.quotaExceeded, `a packet has ${most} filters at most`)

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

/** UNSUBSCRIBE, section 3.10, of `maxFilters` at most. */
export function decodeUnsubscribe(
  buffer: Buffer,
  start: number,
  end: number,
  version: ProtocolVersion,
  maxFilters: number,
): UnsubscribePacket {
  const reader = new Reader(buffer, start, end)
  const packetId = reader.packetId()
  const properties = version === 5 ? readProperties(reader, PacketType.unsubscribe) : undefined
  const filters: string[] = []
  while (reader.remaining > 0) {
    if (filters.length === maxFilters) throw tooManyFilters(maxFilters)
    filters.push(reader.text())
  }
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
