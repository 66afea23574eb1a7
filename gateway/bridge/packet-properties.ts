/** Properties of a message as `mqtt-packet` (MQTT.js) has them, and as the house has them. */
import type { IPublishPacket, UserProperties } from 'mqtt-packet'
import type { Properties, UserProperty } from '../channels/mqtt/codec/packets.ts'
import { encodeProperties as packProperties } from '../channels/mqtt/codec/properties.ts'

type PacketProperties = NonNullable<IPublishPacket['properties']>

/** What travels with a message; undefined when nothing does. */
export function fromPacket(properties: PacketProperties | undefined): Properties | undefined {
  if (properties === undefined) return undefined
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic } = properties
  const { correlationData, userProperties } = properties
  const found: Properties = {
    ...(payloadFormatIndicator === undefined
      ? {}
      : { payloadFormatIndicator: payloadFormatIndicator ? 1 : 0 }),
    ...(messageExpiryInterval === undefined ? {} : { messageExpiryInterval }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(userProperties === undefined ? {} : { userProperties: toPairs(userProperties) }),
  }
  return Object.keys(found).length === 0 ? undefined : found
}

export function toPacket(properties: Properties): PacketProperties {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic } = properties
  const { correlationData, userProperties } = properties
  return {
    ...(payloadFormatIndicator === undefined
      ? {}
      : { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(messageExpiryInterval === undefined ? {} : { messageExpiryInterval }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(userProperties === undefined ? {} : { userProperties: fromPairs(userProperties) }),
  }
}

/** Fixed header, lengths and packet id of a PUBLISH at most. */
const FRAMING_BYTES = 16

/** Bytes of a message as a PUBLISH of MQTT 5, at most. */
export const frameBytes = (message: {
  readonly topic: string
  readonly payload: Buffer
  readonly properties: Properties | undefined
}): number =>
  FRAMING_BYTES +
  Buffer.byteLength(message.topic) +
  (message.properties === undefined ? 0 : packProperties(message.properties).length) +
  message.payload.length

/** As text that no masking by field name reaches: what a message carries leaves as it came. */
export function encodeProperties(properties: Properties): string {
  const { correlationData, ...rest } = properties
  return JSON.stringify(
    correlationData === undefined
      ? rest
      : { ...rest, correlationData: correlationData.toString('base64') },
  )
}

export function decodeProperties(text: string): Properties {
  const { correlationData, ...rest } = JSON.parse(text) as Properties & { correlationData?: string }
  return correlationData === undefined
    ? rest
    : { ...rest, correlationData: Buffer.from(correlationData, 'base64') }
}

const toPairs = (properties: UserProperties): UserProperty[] =>
  Object.entries(properties).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): UserProperty => [name, one]),
  )

function fromPairs(pairs: readonly UserProperty[]): UserProperties {
  // Without a prototype: a property may be called `constructor`.
  const properties: Record<string, string[]> = Object.create(null)
  for (const [name, value] of pairs) {
    const values = properties[name] ?? []
    values.push(value)
    properties[name] = values
  }
  return properties
}
