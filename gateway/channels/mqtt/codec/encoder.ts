/** Encoding of the packets the gateway sends, for each protocol version. */
import { PacketType, type Properties, type ProtocolVersion, type Qos } from './packets.ts'
import { encodeProperties, varintBytes } from './properties.ts'
import { codeFor, connectReturnCode } from './reason-codes.ts'

/** The length of a block without any. */
const NO_PROPERTIES = Buffer.of(0)

/** Fixed header and body joined. */
function packet(head: number, parts: readonly Buffer[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  const lengthBytes = varintBytes(length)
  const bytes = Buffer.allocUnsafe(1 + lengthBytes.length + length)
  bytes[0] = head
  bytes.set(lengthBytes, 1)
  let at = 1 + lengthBytes.length
  for (const part of parts) at += part.copy(bytes, at)
  return bytes
}

/** Properties with their length in front; one zero byte when there are none. */
function propertyBlock(properties: Properties | undefined): Buffer {
  if (properties === undefined) return NO_PROPERTIES
  const body = encodeProperties(properties)
  return Buffer.concat([Buffer.from(varintBytes(body.length)), body])
}

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])

export function encodeConnack(
  version: ProtocolVersion,
  sessionPresent: boolean,
  reasonCode: number,
  properties?: Properties,
): Buffer {
  const present = sessionPresent && reasonCode === 0 ? 1 : 0
  if (version < 5) {
    return Buffer.from([0x20, 2, version === 3 ? 0 : present, connectReturnCode(reasonCode)])
  }
  return packet(0x20, [
    Buffer.of(present, codeFor(PacketType.connack, reasonCode)),
    propertyBlock(properties),
  ])
}

const hasAny = (properties: Properties | undefined): properties is Properties => {
  if (properties !== undefined) for (const _ in properties) return true
  return false
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP; the reason is written to MQTT 5 clients only. */
export function encodeAck(
  version: ProtocolVersion,
  packetType: number,
  packetId: number,
  reasonCode = 0,
  properties?: Properties,
): Buffer {
  const head = (packetType << 4) | (packetType === PacketType.pubrel ? 2 : 0)
  const withProperties = version === 5 && hasAny(properties)
  if (version < 5 || (reasonCode === 0 && !withProperties)) {
    const bytes = Buffer.allocUnsafe(4)
    bytes[0] = head
    bytes[1] = 2
    bytes[2] = packetId >> 8
    bytes[3] = packetId & 0xff
    return bytes
  }
  const parts = [uint16(packetId), Buffer.of(codeFor(packetType, reasonCode))]
  if (withProperties) parts.push(propertyBlock(properties))
  return packet(head, parts)
}

export function encodeSuback(
  version: ProtocolVersion,
  packetId: number,
  reasonCodes: readonly number[],
  properties?: Properties,
): Buffer {
  if (version < 5) {
    const codes = reasonCodes.map((code) => Math.min(code, 0x80))
    return packet(0x90, [uint16(packetId), Buffer.from(codes)])
  }
  const codes = Buffer.from(reasonCodes.map((code) => codeFor(PacketType.suback, code)))
  return packet(0x90, [uint16(packetId), propertyBlock(properties), codes])
}

export function encodeUnsuback(
  version: ProtocolVersion,
  packetId: number,
  reasonCodes: readonly number[],
  properties?: Properties,
): Buffer {
  if (version < 5) return packet(0xb0, [uint16(packetId)])
  const codes = Buffer.from(reasonCodes.map((code) => codeFor(PacketType.unsuback, code)))
  return packet(0xb0, [uint16(packetId), propertyBlock(properties), codes])
}

/** DISCONNECT from the server: MQTT 5 only. */
export function encodeDisconnect(reasonCode: number, properties?: Properties): Buffer {
  if (reasonCode === 0 && !hasAny(properties)) return Buffer.from([0xe0, 0])
  return packet(0xe0, [
    Buffer.of(codeFor(PacketType.disconnect, reasonCode)),
    ...(hasAny(properties) ? [propertyBlock(properties)] : []),
  ])
}

export const encodeAuth = (reasonCode: number, properties: Properties): Buffer =>
  packet(0xf0, [Buffer.from([reasonCode]), propertyBlock(properties)])

export const PINGRESP: Buffer = Buffer.from([0xd0, 0])

/** An encoded PUBLISH without retain and DUP, to be sent as it is (QoS 0) or copied and stamped. */
export interface PublishFrame {
  readonly bytes: Buffer
  /** Where the packet identifier stands; 0 when there is none. */
  readonly packetIdAt: number
}

/** `properties` is the encoded property bytes without their length; ignored before MQTT 5. */
export function encodePublish(
  version: ProtocolVersion,
  topic: string,
  payload: Buffer,
  qos: Qos,
  retain: boolean,
  properties: Buffer | undefined,
): PublishFrame {
  const topicBytes = Buffer.byteLength(topic)
  const propertyBytes = properties?.length ?? 0
  const propertyHead = version === 5 ? varintBytes(propertyBytes) : []
  const length =
    2 +
    topicBytes +
    (qos > 0 ? 2 : 0) +
    (version === 5 ? propertyHead.length + propertyBytes : 0) +
    payload.length
  const header = length < 0x80 ? 2 : length < 0x4000 ? 3 : length < 0x200000 ? 4 : 5
  const bytes = Buffer.allocUnsafe(header + length)
  bytes[0] = 0x30 | (qos << 1) | (retain ? 1 : 0)
  let at = 1
  for (let rest = length; ; ) {
    bytes[at++] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)
    rest >>>= 7
    if (rest === 0) break
  }
  bytes[at++] = topicBytes >> 8
  bytes[at++] = topicBytes & 0xff
  at += bytes.write(topic, at)
  const packetIdAt = qos > 0 ? at : 0
  if (qos > 0) at += 2
  if (version === 5) {
    for (const byte of propertyHead) bytes[at++] = byte
    if (properties !== undefined) at += properties.copy(bytes, at)
  }
  payload.copy(bytes, at)
  return { bytes, packetIdAt }
}

/** A copy of a frame for one receiver, with what is its own. */
export function stampPublish(
  frame: PublishFrame,
  qos: Qos,
  packetId: number,
  dup: boolean,
  retain: boolean,
): Buffer {
  const { bytes, packetIdAt } = frame
  const copy = Buffer.allocUnsafe(bytes.length)
  bytes.copy(copy)
  copy[0] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  if (packetIdAt > 0) {
    copy[packetIdAt] = packetId >> 8
    copy[packetIdAt + 1] = packetId & 0xff
  }
  return copy
}
