import { binary, frame, text, u8, u16 } from './bytes.ts'
import { type Property, properties } from './properties.ts'

/** Protocol level on the wire: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5. */
export type Version = 3 | 4 | 5
export type Qos = 0 | 1 | 2

/** First byte of each packet with the flags the specification asks for. */
export const FIRST = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
} as const

export interface Will {
  topic: string | Uint8Array
  payload?: string | Uint8Array
  qos?: Qos
  retain?: boolean
  props?: readonly Property[]
}

export interface ConnectOptions {
  version: Version
  clientId: string | Uint8Array
  /** Clean Session (3.1.1) or Clean Start (5); true unless said. */
  clean?: boolean
  keepAlive?: number
  will?: Will
  username?: string | Uint8Array
  password?: string | Uint8Array
  props?: readonly Property[]
  /** Overrides for packets that are wrong on purpose. */
  protocolName?: string | Uint8Array
  level?: number
  flags?: number
}

function connectFlags(options: ConnectOptions): number {
  const { will } = options
  return (
    (options.clean === false ? 0 : 0x02) |
    (will ? 0x04 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0) : 0) |
    (options.password === undefined ? 0 : 0x40) |
    (options.username === undefined ? 0 : 0x80)
  )
}

/** CONNECT. */
export function connect(options: ConnectOptions): Buffer {
  const five = options.version === 5
  const { will } = options
  return frame(
    FIRST.connect,
    text(options.protocolName ?? (options.version === 3 ? 'MQIsdp' : 'MQTT')),
    u8(options.level ?? options.version),
    u8(options.flags ?? connectFlags(options)),
    u16(options.keepAlive ?? 0),
    ...(five ? [properties(options.props)] : []),
    text(options.clientId),
    ...(will && five ? [properties(will.props)] : []),
    ...(will ? [text(will.topic), binary(Buffer.from(will.payload ?? ''))] : []),
    ...(options.username === undefined ? [] : [text(options.username)]),
    ...(options.password === undefined ? [] : [binary(Buffer.from(options.password))]),
  )
}

export interface PublishOptions {
  qos?: Qos
  retain?: boolean
  dup?: boolean
  packetId?: number
  props?: readonly Property[]
}

/** PUBLISH; a Packet Identifier is written for QoS 1 and 2 only. */
export function publish(
  version: Version,
  topic: string | Uint8Array,
  payload: string | Uint8Array = '',
  options: PublishOptions = {},
): Buffer {
  const qos = options.qos ?? 0
  return frame(
    FIRST.publish | (options.dup ? 8 : 0) | (qos << 1) | (options.retain ? 1 : 0),
    text(topic),
    ...(qos > 0 ? [u16(options.packetId ?? 1)] : []),
    ...(version === 5 ? [properties(options.props)] : []),
    Buffer.from(payload),
  )
}

type AckName = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'

/** PUBACK, PUBREC, PUBREL or PUBCOMP; the reason code is written when given. */
export function ack(
  name: AckName,
  packetId: number,
  code?: number,
  props?: readonly Property[],
): Buffer {
  return frame(
    FIRST[name],
    u16(packetId),
    ...(code === undefined ? [] : [u8(code)]),
    ...(props === undefined ? [] : [properties(props)]),
  )
}

export interface Subscription {
  filter: string | Uint8Array
  qos?: Qos
  noLocal?: boolean
  retainAsPublished?: boolean
  retainHandling?: 0 | 1 | 2
  /** The whole options byte, to break its rules. */
  options?: number
}

/** The subscription options byte (MQTT 5 section 3.8.3.1). */
export function subscriptionOptions(subscription: Subscription): number {
  return (
    subscription.options ??
    (subscription.qos ?? 0) |
      (subscription.noLocal ? 4 : 0) |
      (subscription.retainAsPublished ? 8 : 0) |
      ((subscription.retainHandling ?? 0) << 4)
  )
}

/** SUBSCRIBE. */
export function subscribe(
  version: Version,
  packetId: number,
  subscriptions: readonly Subscription[],
  props?: readonly Property[],
): Buffer {
  return frame(
    FIRST.subscribe,
    u16(packetId),
    ...(version === 5 ? [properties(props)] : []),
    ...subscriptions.flatMap((one) => [text(one.filter), u8(subscriptionOptions(one))]),
  )
}

/** UNSUBSCRIBE. */
export function unsubscribe(
  version: Version,
  packetId: number,
  filters: readonly (string | Uint8Array)[],
  props?: readonly Property[],
): Buffer {
  return frame(
    FIRST.unsubscribe,
    u16(packetId),
    ...(version === 5 ? [properties(props)] : []),
    ...filters.map((filter) => text(filter)),
  )
}

/** PINGREQ. */
export function pingreq(): Buffer {
  return frame(FIRST.pingreq)
}

/** DISCONNECT; without a code it is the two-byte form every version knows. */
export function disconnect(code?: number, props?: readonly Property[]): Buffer {
  return frame(
    FIRST.disconnect,
    ...(code === undefined ? [] : [u8(code)]),
    ...(props === undefined ? [] : [properties(props)]),
  )
}

/** AUTH. */
export function auth(code: number, props: readonly Property[] = []): Buffer {
  return frame(FIRST.auth, u8(code), properties(props))
}
