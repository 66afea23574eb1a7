import { binary, text, u8, u16, u32, varint } from './bytes.ts'

type PropertyType = 'u8' | 'u16' | 'u32' | 'varint' | 'text' | 'binary' | 'pair'

/** Every property of MQTT 5 (table 2-4): identifier and data type. */
export const PROPERTIES = {
  payloadFormatIndicator: [0x01, 'u8'],
  messageExpiryInterval: [0x02, 'u32'],
  contentType: [0x03, 'text'],
  responseTopic: [0x08, 'text'],
  correlationData: [0x09, 'binary'],
  subscriptionIdentifier: [0x0b, 'varint'],
  sessionExpiryInterval: [0x11, 'u32'],
  assignedClientIdentifier: [0x12, 'text'],
  serverKeepAlive: [0x13, 'u16'],
  authenticationMethod: [0x15, 'text'],
  authenticationData: [0x16, 'binary'],
  requestProblemInformation: [0x17, 'u8'],
  willDelayInterval: [0x18, 'u32'],
  requestResponseInformation: [0x19, 'u8'],
  responseInformation: [0x1a, 'text'],
  serverReference: [0x1c, 'text'],
  reasonString: [0x1f, 'text'],
  receiveMaximum: [0x21, 'u16'],
  topicAliasMaximum: [0x22, 'u16'],
  topicAlias: [0x23, 'u16'],
  maximumQos: [0x24, 'u8'],
  retainAvailable: [0x25, 'u8'],
  userProperty: [0x26, 'pair'],
  maximumPacketSize: [0x27, 'u32'],
  wildcardSubscriptionAvailable: [0x28, 'u8'],
  subscriptionIdentifiersAvailable: [0x29, 'u8'],
  sharedSubscriptionAvailable: [0x2a, 'u8'],
} as const satisfies Record<string, readonly [number, PropertyType]>

export type PropertyName = keyof typeof PROPERTIES
export type PropertyValue = number | string | Uint8Array | readonly [string | Uint8Array, string]
/** Name and value; an array of these keeps order and repetition. */
export type Property = readonly [PropertyName, PropertyValue]

const NAMES_BY_ID = new Map(
  Object.entries(PROPERTIES).map(([name, [id]]) => [id as number, name as PropertyName]),
)

/** Name of a property identifier, or undefined when MQTT 5 has none of that number. */
export function propertyName(id: number): PropertyName | undefined {
  return NAMES_BY_ID.get(id)
}

function encodeValue(type: PropertyType, value: PropertyValue): Buffer {
  if (type === 'pair') {
    const [key, entry] = value as readonly [string | Uint8Array, string]
    return Buffer.concat([text(key), text(entry)])
  }
  if (type === 'text') return text(value as string | Uint8Array)
  if (type === 'binary') return binary(Buffer.from(value as string | Uint8Array))
  const number = value as number
  if (type === 'u8') return u8(number)
  if (type === 'u16') return u16(number)
  return type === 'u32' ? u32(number) : varint(number)
}

/** One encoded property: identifier and value. */
export function property(name: PropertyName, value: PropertyValue): Buffer {
  const [id, type] = PROPERTIES[name]
  return Buffer.concat([u8(id), encodeValue(type, value)])
}

/** A property section: length, then each property in the order given. */
export function properties(entries: readonly Property[] = []): Buffer {
  const body = Buffer.concat(entries.map(([name, value]) => property(name, value)))
  return Buffer.concat([varint(body.length), body])
}

/** What a packet from the server carried, with order and repetition kept. */
export class PropertyList {
  readonly entries: readonly Property[]

  constructor(entries: readonly Property[]) {
    this.entries = entries
  }

  all(name: PropertyName): PropertyValue[] {
    return this.entries.filter(([key]) => key === name).map(([, value]) => value)
  }

  get(name: PropertyName): PropertyValue | undefined {
    return this.all(name)[0]
  }

  number(name: PropertyName): number | undefined {
    const value = this.get(name)
    return typeof value === 'number' ? value : undefined
  }
}
