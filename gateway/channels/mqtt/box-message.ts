/** What the house publishes, as a message of the broker. */
import type { Properties, Qos } from './codec/packets.ts'
import type { Engine } from './engine.ts'
import { houseProperties, Message } from './message.ts'
import { shownText } from './shown-text.ts'

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
/** A bridge that brings in too much would fill the log; all of it is counted. */
const TELL_EVERY_MS = 60_000

export class BoxMessages {
  private readonly engine: Engine
  private toldAtMs = Number.NEGATIVE_INFINITY

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
    const { clock, retained } = this.engine
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
    if (!retain || publisher === undefined) return message
    if (retained.wouldAccept(message, SHARE_OF_PASSED_ON)) return message
    this.noRoomFor(topic, publisher)
    return message.inPassing()
  }

  private noRoomFor(topic: string, publisher: string): void {
    const { clock, counters, logger } = this.engine
    counters.notRetained++
    // An older and smaller one would be given out as if it still held.
    if (this.engine.retained.delete(topic)) void this.removeRow(topic)
    const nowMs = clock.nowMs()
    if (nowMs - this.toldAtMs < TELL_EVERY_MS) return
    this.toldAtMs = nowMs
    logger.warn(
      { clientId: publisher, topic: shownText(topic), notRetained: counters.notRetained },
      'messages are passed on but not retained: mqtt.maxRetained says how many the gateway holds, a quarter of them for its devices. Raise it, or let the bridge bring in fewer topics',
    )
  }

  private async removeRow(topic: string): Promise<void> {
    const { logger, queueRows, store } = this.engine
    // After the rows of this stretch of work, the older message's own among them.
    await Promise.resolve()
    try {
      await store.commit(() => queueRows.removeRetained(topic))
    } catch (error) {
      logger.error({ err: error, topic: shownText(topic) }, 'an outdated message stays retained')
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
