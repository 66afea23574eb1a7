import { varint } from './bytes.ts'
import type { Qos, Version } from './packets.ts'
import {
  PROPERTIES,
  type Property,
  PropertyList,
  type PropertyValue,
  propertyName,
} from './properties.ts'

export type AckType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'

export type Connack = {
  type: 'connack'
  sessionPresent: boolean
  code: number
  props: PropertyList
}
export type Publish = {
  type: 'publish'
  topic: string
  payload: string
  bytes: Buffer
  qos: Qos
  retain: boolean
  dup: boolean
  packetId: number
  props: PropertyList
  /** Length of the whole packet on the wire. */
  size: number
}
export type Ack = { type: AckType; packetId: number; code: number; props: PropertyList }
export type SubAck = {
  type: 'suback' | 'unsuback'
  packetId: number
  codes: number[]
  props: PropertyList
}
export type Notice = { type: 'disconnect' | 'auth'; code: number; props: PropertyList }
/** A packet a server may send. */
export type Packet = Connack | Publish | Ack | SubAck | Notice | { type: 'pingresp' }
export type PacketType = Packet['type']

/** The server sent something no server may send. */
export class WireViolation extends Error {
  override name = 'WireViolation'
}

function must(condition: boolean, complaint: string): asserts condition {
  if (!condition) throw new WireViolation(complaint)
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Buffer {
    must(this.left >= length, `packet cut short: ${this.#bytes.toString('hex')}`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  u8(): number {
    return this.take(1).readUInt8()
  }

  u16(): number {
    return this.take(2).readUInt16BE()
  }

  text(): string {
    const value = UTF8.decode(this.take(this.u16()))
    must(!value.includes('\0'), 'U+0000 in a string from the server')
    return value
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 4; shift++) {
      const digit = this.u8()
      value += (digit & 0x7f) * 128 ** shift
      if (digit < 0x80) {
        must(shift === 0 || digit !== 0, '[MQTT-1.5.5-1] overlong variable byte integer')
        return value
      }
    }
    throw new WireViolation('variable byte integer of more than 4 bytes')
  }

  end(): void {
    must(this.left === 0, `${this.left} trailing bytes: ${this.#bytes.toString('hex')}`)
  }
}

/** Which properties a server may put into which packet (MQTT 5 table 2-4). */
const ALLOWED: Record<string, readonly string[]> = {
  connack: [
    ...['sessionExpiryInterval', 'assignedClientIdentifier', 'serverKeepAlive'],
    ...['authenticationMethod', 'authenticationData', 'responseInformation', 'serverReference'],
    ...['reasonString', 'receiveMaximum', 'topicAliasMaximum', 'maximumQos', 'retainAvailable'],
    ...['userProperty', 'maximumPacketSize', 'wildcardSubscriptionAvailable'],
    ...['subscriptionIdentifiersAvailable', 'sharedSubscriptionAvailable'],
  ],
  publish: [
    ...['payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic'],
    ...['correlationData', 'subscriptionIdentifier', 'topicAlias', 'userProperty'],
  ],
  disconnect: ['serverReference', 'reasonString', 'userProperty'],
  auth: ['authenticationMethod', 'authenticationData', 'reasonString', 'userProperty'],
}
const ALLOWED_IN_ACKS = ['reasonString', 'userProperty']
const REPEATABLE = new Set(['userProperty', 'subscriptionIdentifier'])

/** The reason codes of each packet (MQTT 5 section 2.4 and the packet's own table). */
const REASON_CODES: Record<string, readonly number[]> = {
  connack: [
    ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c],
    ...[0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
  ],
  puback: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrec: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrel: [0x00, 0x92],
  pubcomp: [0x00, 0x92],
  suback: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [
    ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95],
    ...[0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2],
  ],
  auth: [0x00, 0x18],
}

function readValue(reader: Reader, type: string): PropertyValue {
  if (type === 'u8') return reader.u8()
  if (type === 'u16') return reader.u16()
  if (type === 'u32') return reader.take(4).readUInt32BE()
  if (type === 'varint') return reader.varint()
  if (type === 'binary') return Buffer.from(reader.take(reader.u16()))
  return type === 'text' ? reader.text() : [reader.text(), reader.text()]
}

function readProperties(reader: Reader, packet: string): PropertyList {
  const section = new Reader(reader.take(reader.varint()))
  const entries: Property[] = []
  const allowed = ALLOWED[packet] ?? ALLOWED_IN_ACKS
  while (section.left > 0) {
    const id = section.varint()
    const name = propertyName(id)
    must(name !== undefined, `unknown property ${id} in ${packet}`)
    must(allowed.includes(name), `property ${name} is not for the server's ${packet}`)
    const repeated = entries.some(([other]) => other === name)
    must(!repeated || REPEATABLE.has(name), `property ${name} twice in ${packet}`)
    entries.push([name, readValue(section, PROPERTIES[name][1])])
  }
  return new PropertyList(entries)
}

function checkCode(packet: string, code: number): number {
  const known = REASON_CODES[packet]?.includes(code) ?? false
  must(known, `reason code 0x${code.toString(16)} is not for ${packet}`)
  return code
}

const NONE = new PropertyList([])
const TYPES = [
  ...['', '', 'connack', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp', '', 'suback'],
  ...['', 'unsuback', '', 'pingresp', 'disconnect', 'auth'],
] as const

function parsePublish(first: number, reader: Reader, five: boolean, size: number): Publish {
  const qos = (first >> 1) & 3
  must(qos !== 3, '[MQTT-3.3.1-4] QoS 3 from the server')
  const dup = (first & 8) !== 0
  must(!dup || qos > 0, '[MQTT-3.3.1-2] DUP on QoS 0')
  const topic = reader.text()
  must(!/[+#]/.test(topic), '[MQTT-3.3.2-2] wildcard in a topic name from the server')
  const packetId = qos > 0 ? reader.u16() : 0
  must(qos === 0 || packetId !== 0, '[MQTT-2.2.1-4] packet identifier 0 from the server')
  const props = five ? readProperties(reader, 'publish') : NONE
  must(topic !== '' || props.number('topicAlias') !== undefined, 'no topic and no alias')
  const bytes = Buffer.from(reader.take(reader.left))
  const retain = (first & 1) !== 0
  const payload = bytes.toString('utf8')
  return {
    type: 'publish',
    topic,
    payload,
    bytes,
    qos: qos as Qos,
    retain,
    dup,
    packetId,
    props,
    size,
  }
}

function parseConnack(reader: Reader, version: Version): Connack {
  const flags = reader.u8()
  must((flags & 0xfe) === 0, '[MQTT-3.2.2-1] reserved CONNACK flags')
  const code = reader.u8()
  must(version === 5 || code <= 5, `return code ${code} is not of MQTT 3.1.1`)
  if (version === 5) checkCode('connack', code)
  must(code === 0 || flags === 0, '[MQTT-3.2.2-6] Session Present with a refusal')
  const props = version === 5 ? readProperties(reader, 'connack') : NONE
  return { type: 'connack', sessionPresent: flags === 1, code, props }
}

function parseSubAck(type: SubAck['type'], reader: Reader, version: Version): SubAck {
  const packetId = reader.u16()
  const props = version === 5 ? readProperties(reader, type) : NONE
  const codes = [...reader.take(reader.left)]
  if (version === 5) for (const code of codes) checkCode(type, code)
  else if (type === 'unsuback') must(codes.length === 0, 'UNSUBACK of 3.1.1 has no payload')
  else must(!codes.some((code) => ![0, 1, 2, 0x80].includes(code)), '[MQTT-3.9.3-2] SUBACK code')
  return { type, packetId, codes, props }
}

function wireSize(bodyLength: number): number {
  return 1 + varint(bodyLength).length + bodyLength
}

/** Reads one packet from a server and checks every rule that binds the server's encoding. */
export function parsePacket(first: number, body: Buffer, version: Version): Packet {
  const reader = new Reader(body)
  const five = version === 5
  const type = TYPES[first >> 4] ?? ''
  must(type !== '', `a server never sends packet type ${first >> 4}`)
  const flags = first & 0x0f
  const expectedFlags = type === 'pubrel' ? 2 : 0
  must(type === 'publish' || flags === expectedFlags, `flags ${flags} on ${type}`)
  const packet = ((): Packet => {
    if (type === 'publish') return parsePublish(first, reader, five, wireSize(body.length))
    if (type === 'connack') return parseConnack(reader, version)
    if (type === 'suback' || type === 'unsuback') return parseSubAck(type, reader, version)
    if (type === 'pingresp') return { type }
    if (type === 'disconnect' || type === 'auth') {
      must(five, `MQTT 3.1.1 servers never send ${type}`)
      const code = checkCode(type, reader.left > 0 ? reader.u8() : 0)
      return { type, code, props: reader.left > 0 ? readProperties(reader, type) : NONE }
    }
    const packetId = reader.u16()
    must(packetId !== 0, `packet identifier 0 in ${type}`)
    const code = five && reader.left > 0 ? checkCode(type, reader.u8()) : 0
    const props = five && reader.left > 0 ? readProperties(reader, type) : NONE
    return { type, packetId, code, props }
  })()
  reader.end()
  return packet
}
