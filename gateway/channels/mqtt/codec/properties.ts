/** MQTT 5.0 section 2.2.2: which property may stand in which packet, and how it is written. */
import { MAX_USER_PROPERTIES } from '../limits.ts'
import { PacketType, type Properties, ProtocolError, type UserProperty } from './packets.ts'
import { CleaningReader, malformed, protocolError, Reader } from './reader.ts'
import { Reason } from './reason-codes.ts'
import { isTopicName } from './topics.ts'

type Kind = 'byte' | 'flag' | 'uint16' | 'uint32' | 'varint' | 'text' | 'binary' | 'pair'

interface PropertyEntry {
  readonly name: keyof Properties
  readonly kind: Kind
  /** Bit n is set when packet type n may carry it; bit 0 stands for the will of a CONNECT. */
  readonly packets: number
  readonly repeats?: true
  readonly notZero?: true
}

/**
 * User property by which a bridge marks what has passed it. The marks of so many bridges have room beside
 * `MAX_USER_PROPERTIES`: what a gateway took from its client, the next one takes from the bridge.
 */
export const BRIDGE_MARK = 'kefu-via'
export const MAX_BRIDGE_MARKS = 8

/** Pseudo packet type of will properties. */
export const WILL = 0

const bits = (...types: number[]): number => types.reduce((mask, type) => mask | (1 << type), 0)
const P = PacketType
const MESSAGE = bits(P.publish, WILL)
const ACKS = bits(P.puback, P.pubrec, P.pubrel, P.pubcomp, P.suback, P.unsuback)

const ENTRIES: readonly (readonly [id: number, entry: PropertyEntry])[] = [
  [0x01, { name: 'payloadFormatIndicator', kind: 'flag', packets: MESSAGE }],
  [0x02, { name: 'messageExpiryInterval', kind: 'uint32', packets: MESSAGE }],
  [0x03, { name: 'contentType', kind: 'text', packets: MESSAGE }],
  [0x08, { name: 'responseTopic', kind: 'text', packets: MESSAGE }],
  [0x09, { name: 'correlationData', kind: 'binary', packets: MESSAGE }],
  [
    0x0b,
    {
      name: 'subscriptionIdentifiers',
      kind: 'varint',
      packets: bits(P.publish, P.subscribe),
      repeats: true,
      notZero: true,
    },
  ],
  [
    0x11,
    {
      name: 'sessionExpiryInterval',
      kind: 'uint32',
      packets: bits(P.connect, P.connack, P.disconnect),
    },
  ],
  [0x12, { name: 'assignedClientIdentifier', kind: 'text', packets: bits(P.connack) }],
  [0x13, { name: 'serverKeepAlive', kind: 'uint16', packets: bits(P.connack) }],
  [
    0x15,
    { name: 'authenticationMethod', kind: 'text', packets: bits(P.connect, P.connack, P.auth) },
  ],
  [
    0x16,
    { name: 'authenticationData', kind: 'binary', packets: bits(P.connect, P.connack, P.auth) },
  ],
  [0x17, { name: 'requestProblemInformation', kind: 'flag', packets: bits(P.connect) }],
  [0x18, { name: 'willDelayInterval', kind: 'uint32', packets: bits(WILL) }],
  [0x19, { name: 'requestResponseInformation', kind: 'flag', packets: bits(P.connect) }],
  [0x1a, { name: 'responseInformation', kind: 'text', packets: bits(P.connack) }],
  [0x1c, { name: 'serverReference', kind: 'text', packets: bits(P.connack, P.disconnect) }],
  [
    0x1f,
    { name: 'reasonString', kind: 'text', packets: ACKS | bits(P.connack, P.disconnect, P.auth) },
  ],
  [
    0x21,
    {
      name: 'receiveMaximum',
      kind: 'uint16',
      packets: bits(P.connect, P.connack),
      notZero: true,
    },
  ],
  [0x22, { name: 'topicAliasMaximum', kind: 'uint16', packets: bits(P.connect, P.connack) }],
  [0x23, { name: 'topicAlias', kind: 'uint16', packets: bits(P.publish) }],
  [0x24, { name: 'maximumQos', kind: 'flag', packets: bits(P.connack) }],
  [0x25, { name: 'retainAvailable', kind: 'flag', packets: bits(P.connack) }],
  [
    0x26,
    {
      name: 'userProperties',
      kind: 'pair',
      packets:
        MESSAGE |
        ACKS |
        bits(P.connect, P.connack, P.subscribe, P.unsubscribe, P.disconnect, P.auth),
      repeats: true,
    },
  ],
  [
    0x27,
    {
      name: 'maximumPacketSize',
      kind: 'uint32',
      packets: bits(P.connect, P.connack),
      notZero: true,
    },
  ],
  [0x28, { name: 'wildcardSubscriptionAvailable', kind: 'flag', packets: bits(P.connack) }],
  [0x29, { name: 'subscriptionIdentifierAvailable', kind: 'flag', packets: bits(P.connack) }],
  [0x2a, { name: 'sharedSubscriptionAvailable', kind: 'flag', packets: bits(P.connack) }],
]

const BY_ID: readonly (PropertyEntry | undefined)[] = (() => {
  const table: (PropertyEntry | undefined)[] = new Array(0x2b).fill(undefined)
  for (const [id, entry] of ENTRIES) table[id] = entry
  return table
})()

/**
 * Reads the properties of a packet of `packetType`; undefined when there are none. Throws a ProtocolError,
 * where there are more user properties than `MAX_USER_PROPERTIES`, and bridges' marks beside them, too.
 */
export function readProperties(reader: Reader, packetType: number): Properties | undefined {
  const length = reader.varint()
  if (length === 0) return undefined
  if (length > reader.remaining) throw malformed('properties are longer than the packet')
  const end = reader.at + length
  const properties: Properties = {}
  while (reader.at < end) {
    readProperty(reader, packetType, properties)
    const { userProperties } = properties
    if (userProperties !== undefined && areTooMany(userProperties)) throw tooMany()
  }
  if (reader.at !== end) throw malformed('a property is longer than the property length says')
  return properties
}

function areTooMany(pairs: readonly UserProperty[]): boolean {
  if (pairs.length <= MAX_USER_PROPERTIES) return false
  if (pairs.length > MAX_USER_PROPERTIES + MAX_BRIDGE_MARKS) return true
  return pairs.filter(([name]) => name !== BRIDGE_MARK).length > MAX_USER_PROPERTIES
}

const tooMany = (): ProtocolError =>
  new ProtocolError(
    Reason.quotaExceeded,
    `a packet has ${MAX_USER_PROPERTIES} user properties at most`,
  )

/**
 * Property bytes without their length, as `encodeProperties` made them for a row. Of a row that is damaged, or
 * was written before its texts were looked at, comes what can be read: no row may keep the broker from starting.
 */
export function readPropertyBytes(bytes: Buffer, packetType: number): Properties {
  const strict: Properties = {}
  if (readAll(new Reader(bytes, 0, bytes.length), packetType, strict)) return strict
  const cleaned: Properties = {}
  readAll(new CleaningReader(bytes, 0, bytes.length), packetType, cleaned)
  return cleaned
}

/** False: it ended at a property that cannot be read. */
function readAll(reader: Reader, packetType: number, properties: Properties): boolean {
  try {
    while (reader.remaining > 0) readProperty(reader, packetType, properties)
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

function readProperty(reader: Reader, packetType: number, properties: Properties): void {
  const id = reader.varint()
  const entry = BY_ID[id]
  if (entry === undefined || (entry.packets & (1 << packetType)) === 0) {
    throw malformed(`property 0x${id.toString(16)} does not belong in this packet`)
  }
  const value = readValue(reader, entry)
  const target = properties as Record<string, unknown>
  if (entry.repeats) {
    const list = target[entry.name] as unknown[] | undefined
    if (list === undefined) target[entry.name] = [value]
    else if (packetType === PacketType.subscribe && entry.kind === 'varint') {
      throw protocolError('a SUBSCRIBE has one subscription identifier at most')
    } else list.push(value)
    return
  }
  if (target[entry.name] !== undefined) throw protocolError(`${entry.name} stands twice`)
  target[entry.name] = value
}

function readValue(reader: Reader, entry: PropertyEntry): number | string | Buffer | UserProperty {
  switch (entry.kind) {
    case 'text':
      return reader.text()
    case 'binary':
      return reader.binary()
    case 'pair':
      return [reader.text(), reader.text()]
    default:
      return readNumber(reader, entry)
  }
}

function readNumber(reader: Reader, entry: PropertyEntry): number {
  const value =
    entry.kind === 'uint32'
      ? reader.uint32()
      : entry.kind === 'uint16'
        ? reader.uint16()
        : entry.kind === 'varint'
          ? reader.varint()
          : reader.byte()
  if (entry.kind === 'flag' && value > 1) throw protocolError(`${entry.name} is neither 0 nor 1`)
  if (value === 0 && entry.notZero) throw protocolError(`${entry.name} is 0`)
  if (value === 0 && entry.name === 'topicAlias') {
    throw new ProtocolError(Reason.topicAliasInvalid, 'topic alias 0')
  }
  return value
}

/** Bytes of properties without their length field, in the order of the table; user properties in theirs. */
export function encodeProperties(properties: Properties): Buffer {
  const parts: Buffer[] = []
  for (const [id, entry] of ENTRIES) {
    const value = properties[entry.name]
    if (value === undefined) continue
    if (entry.repeats) {
      for (const one of value as readonly (number | UserProperty)[]) {
        parts.push(encodeValue(id, entry.kind, one))
      }
    } else parts.push(encodeValue(id, entry.kind, value as number | string | Buffer))
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

function encodeValue(
  id: number,
  kind: Kind,
  value: number | string | Buffer | UserProperty,
): Buffer {
  switch (kind) {
    case 'uint16': {
      const number = value as number
      return Buffer.from([id, number >> 8, number & 0xff])
    }
    case 'uint32': {
      const bytes = Buffer.allocUnsafe(5)
      bytes[0] = id
      bytes.writeUInt32BE(value as number, 1)
      return bytes
    }
    case 'varint':
      return Buffer.from([id, ...varintBytes(value as number)])
    case 'text':
    case 'binary':
      return Buffer.concat([Buffer.from([id]), prefixed(value as string | Buffer)])
    case 'pair': {
      const [name, text] = value as UserProperty
      return Buffer.concat([Buffer.from([id]), prefixed(name), prefixed(text)])
    }
    default:
      return Buffer.from([id, value as number])
  }
}

/** Bytes or text with their two-byte length in front. */
export function prefixed(value: string | Buffer): Buffer {
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
  if (length > 0xffff) throw new RangeError('an MQTT string is at most 65535 bytes')
  const bytes = Buffer.allocUnsafe(2 + length)
  bytes.writeUInt16BE(length, 0)
  if (typeof value === 'string') bytes.write(value, 2)
  else value.copy(bytes, 2)
  return bytes
}

/** A variable byte integer (section 1.5.5). */
export function varintBytes(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return bytes
}

/** A copy whose binary values do not hold the connection's read buffer in memory. */
export function ownBytes(properties: Properties): Properties {
  return properties.correlationData === undefined
    ? properties
    : { ...properties, correlationData: Buffer.from(properties.correlationData) }
}

/** Throws where a Response Topic has wildcards [MQTT-3.3.2-14]. */
export function checkResponseTopic(properties: Properties | undefined): void {
  if (properties?.responseTopic !== undefined && !isTopicName(properties.responseTopic)) {
    throw protocolError('the response topic is not a topic name')
  }
}
