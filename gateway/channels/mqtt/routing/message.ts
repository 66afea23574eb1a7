/** An application message on its way through the gateway, and its encodings, made once for all receivers. */
import { encodePublish, type PublishFrame } from '../codec/encoder.ts'
import type { Properties, ProtocolVersion, Qos, UserProperty } from '../codec/packets.ts'
import { encodeProperties, varintBytes } from '../codec/properties.ts'
import { isTopicName } from '../codec/topics.ts'
import { isAllowedText, toAllowedText } from '../codec/utf8.ts'

const NO_EXPIRY = Number.POSITIVE_INFINITY
/** Size of Node's buffer pool: what a small copy may hold in memory besides itself, and so not worth a copy. */
const POOL_BYTES = 8192
const EXPIRY_ID = 0x02
const SUBSCRIPTION_ID = 0x0b
const TOPIC_ALIAS_ID = 0x23

export interface MessageFields {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  /** Properties that travel to receivers. Topic alias, expiry and subscription ids are not among them. */
  readonly properties?: Properties | undefined
  /** Broker time at which the message is no longer delivered. */
  readonly expiresAtMs?: number | undefined
  /** Client id of the publisher; undefined for the gateway itself. */
  readonly publisher?: string | undefined
}

export class Message {
  readonly topic: string
  payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties | undefined
  readonly expiresAtMs: number
  readonly publisher: string | undefined
  private propertyBytes: Buffer | null | undefined
  private frames: (PublishFrame | undefined)[] | undefined
  private framesExpirySeconds = -1
  private offered: PublishFrame | undefined
  private offeredSlot = 0

  constructor(fields: MessageFields) {
    this.topic = fields.topic
    this.payload = fields.payload
    this.qos = fields.qos
    this.retain = fields.retain
    this.properties = fields.properties
    this.expiresAtMs = fields.expiresAtMs ?? NO_EXPIRY
    this.publisher = fields.publisher
  }

  /**
   * Makes the payload stand alone, for a message that is to be kept: a view of a few bytes would hold
   * the whole read buffer that they came in.
   */
  own(): void {
    const { payload, offered } = this
    if (payload.buffer.byteLength <= 2 * payload.length + POOL_BYTES) return
    const source = offered?.bytes ?? payload
    // From Node's pool of 8 KB: an array buffer of its own would cost more than the message.
    const copy = Buffer.allocUnsafe(source.length)
    source.copy(copy)
    this.payload = copy.subarray(copy.length - payload.length)
    if (offered !== undefined) this.offered = { bytes: copy, packetIdAt: offered.packetIdAt }
  }

  /** The same for whoever hears it now; nothing is kept of it for later. */
  inPassing(): Message {
    const { topic, payload, qos, properties, expiresAtMs, publisher } = this
    return new Message({ topic, payload, qos, retain: false, properties, expiresAtMs, publisher })
  }

  /** The same, as it expires at another time. */
  expiringAt(expiresAtMs: number): Message {
    const { topic, payload, qos, retain, properties, publisher } = this
    return new Message({ topic, payload, qos, retain, properties, expiresAtMs, publisher })
  }

  isExpired(nowMs: number): boolean {
    return this.expiresAtMs <= nowMs
  }

  /** Payload, topic and properties: what a queue is charged for it. */
  get bytes(): number {
    return this.topic.length + this.payload.length + (this.encodedProperties()?.length ?? 0)
  }

  /** The frame shared by all receivers of one version without ids or alias of their own. */
  frame(version: ProtocolVersion, qos: Qos, nowMs: number): PublishFrame {
    if (version === 5 && this.expiresAtMs !== NO_EXPIRY) {
      const left = this.secondsLeft(nowMs)
      if (left !== this.framesExpirySeconds) {
        this.framesExpirySeconds = left
        this.frames = undefined
      }
    }
    const slot = (version === 5 ? 2 : 0) | (qos > 0 ? 1 : 0)
    if (this.offered !== undefined && this.offeredSlot === slot) return this.offered
    this.frames ??= [undefined, undefined, undefined, undefined]
    let frame = this.frames[slot]
    if (frame === undefined) {
      const properties = version === 5 ? this.receiverProperties(nowMs, null, 0) : undefined
      frame = encodePublish(version, this.topic, this.payload, qos > 0 ? 1 : 0, false, properties)
      this.frames[slot] = frame
    }
    return frame
  }

  /** A frame for one receiver: with subscription identifiers, or a topic alias, or both. MQTT 5 only. */
  ownFrame(
    qos: Qos,
    nowMs: number,
    identifiers: readonly number[] | null,
    alias: number,
    isAliasKnown: boolean,
  ): PublishFrame {
    const properties = this.receiverProperties(nowMs, identifiers, alias)
    return encodePublish(5, isAliasKnown ? '' : this.topic, this.payload, qos, false, properties)
  }

  /** A frame that is already encoded exactly as it will leave, when the sender's bytes can be passed on. */
  offerFrame(version: ProtocolVersion, frame: PublishFrame): void {
    this.offered = frame
    this.offeredSlot = (version === 5 ? 2 : 0) | (frame.packetIdAt > 0 ? 1 : 0)
  }

  encodedProperties(): Buffer | undefined {
    if (this.propertyBytes === undefined) {
      this.propertyBytes = this.properties === undefined ? null : encodeProperties(this.properties)
    }
    return this.propertyBytes ?? undefined
  }

  /** 0 only where it was sent with 0 and never waited: what expired meanwhile is not sent at all [MQTT-3.3.2-6]. */
  private secondsLeft(nowMs: number): number {
    return Math.max(0, Math.ceil((this.expiresAtMs - nowMs) / 1000))
  }

  private receiverProperties(
    nowMs: number,
    identifiers: readonly number[] | null,
    alias: number,
  ): Buffer | undefined {
    const base = this.encodedProperties()
    const extra: number[] = []
    if (this.expiresAtMs !== NO_EXPIRY) {
      const left = this.secondsLeft(nowMs)
      extra.push(EXPIRY_ID, left >>> 24, (left >>> 16) & 0xff, (left >>> 8) & 0xff, left & 0xff)
    }
    if (identifiers !== null) {
      for (const id of identifiers) extra.push(SUBSCRIPTION_ID, ...varintBytes(id))
    }
    if (alias > 0) extra.push(TOPIC_ALIAS_ID, alias >> 8, alias & 0xff)
    if (extra.length === 0) return base
    const bytes = Buffer.from(extra)
    return base === undefined ? bytes : Buffer.concat([bytes, base])
  }
}

/** What of a publisher's properties goes on to receivers; undefined when nothing does. */
export function forwardedProperties(properties: Properties | undefined): Properties | undefined {
  if (properties === undefined) return undefined
  const kept: Properties = {}
  let any = false
  for (const name of FORWARDED) {
    const value = properties[name]
    if (value === undefined) continue
    Object.assign(kept, { [name]: Buffer.isBuffer(value) ? Buffer.from(value) : value })
    any = true
  }
  return any ? kept : undefined
}

/**
 * The same of what the house publishes, for others too: what another broker lets through must not have a
 * receiver of ours end its connection. A response topic that nobody can publish to is left out.
 */
export function houseProperties(properties: Properties | undefined): Properties | undefined {
  const kept = forwardedProperties(properties)
  if (kept === undefined) return undefined
  const { contentType, responseTopic, userProperties, ...rest } = kept
  const isTopic =
    responseTopic !== undefined && isTopicName(responseTopic) && isAllowedText(responseTopic)
  return {
    ...rest,
    ...(contentType === undefined ? {} : { contentType: toAllowedText(contentType) }),
    ...(isTopic ? { responseTopic } : {}),
    ...(userProperties === undefined ? {} : { userProperties: userProperties.map(toAllowedPair) }),
  }
}

const toAllowedPair = ([name, value]: UserProperty): UserProperty => [
  toAllowedText(name),
  toAllowedText(value),
]

/** [MQTT-3.3.2-4], -15, -16, -17, -20: sent on unaltered. */
const FORWARDED = [
  'payloadFormatIndicator',
  'contentType',
  'responseTopic',
  'correlationData',
  'userProperties',
] as const
