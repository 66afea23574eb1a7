/** What the house publishes, as a message of the broker. */
import type { Properties, Qos } from './codec/packets.ts'
import type { Engine } from './engine.ts'
import { houseProperties, Message } from './routing/message.ts'

export interface BoxMessage {
  readonly topic: string
  readonly payload: Uint8Array | string
  readonly qos?: Qos
  /** Kept for those who subscribe later; where it is passed on for somebody only while there is room. */
  readonly retain?: boolean
  readonly properties?: Properties
  /**
   * Client id of whoever the box passes it on for. Such a message reaches nobody at QoS 1 or 2 before it
   * is on disk, as with a client's own; one of the box itself may.
   */
  readonly publisher?: string
}

/** Of all retained messages; the rest is left to the devices, whose twins the broker must be able to keep. */
const SHARE_OF_PASSED_ON = 3 / 4

export class BoxMessages {
  private readonly engine: Engine

  constructor(engine: Engine) {
    this.engine = engine
  }

  /**
   * Makes the message. One that is passed on for somebody, and finds no room among the retained ones, is given
   * to whoever hears it now: it was accepted elsewhere, and refusing it would hold up all that come behind it.
   */
  toMessage({
    topic,
    payload,
    qos = 0,
    retain = false,
    properties,
    publisher,
  }: BoxMessage): Message {
    const { clock, inPassing } = this.engine
    const expiry = properties?.messageExpiryInterval
    const message = new Message({
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : asBuffer(payload),
      qos,
      retain,
      properties: houseProperties(properties),
      expiresAtMs: expiry === undefined ? undefined : clock.nowMs() + expiry * 1000,
      publisher,
    })
    return publisher === undefined ? message : inPassing.fit(message, SHARE_OF_PASSED_ON)
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
