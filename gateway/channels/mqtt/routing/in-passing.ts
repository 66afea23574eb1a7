/** Messages that find no room among the retained ones and are taken all the same, for whoever hears them now. */
import type { Engine } from '../engine.ts'
import { shownText } from '../shown-text.ts'
import type { Message } from './message.ts'

/** A bridge that brings in too much would fill the log; all of it is counted. */
const TELL_EVERY_MS = 60_000

export type InPassingParts = Pick<
  Engine,
  'clock' | 'counters' | 'logger' | 'queueRows' | 'retained' | 'store'
>

export class InPassing {
  private readonly parts: InPassingParts
  private toldAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: InPassingParts) {
    this.parts = parts
  }

  /**
   * Gives the message, or the same without RETAIN where it finds no room, in this share of the whole or, where
   * none is given, in that of its device. Then an older one of its topic goes: it would be given out as if it
   * still held.
   */
  fit(message: Message, share?: number): Message {
    const { counters, retained } = this.parts
    if (!message.retain || retained.wouldAccept(message, share)) return message
    counters.notRetained++
    if (retained.delete(message.topic)) void this.removeRow(message.topic)
    this.tell(message)
    return message.inPassing()
  }

  private tell({ topic, publisher }: Message): void {
    const { clock, counters, logger } = this.parts
    const nowMs = clock.nowMs()
    if (nowMs - this.toldAtMs < TELL_EVERY_MS) return
    this.toldAtMs = nowMs
    logger.warn(
      { clientId: publisher, topic: shownText(topic), notRetained: counters.notRetained },
      'messages are given on but not retained: mqtt.maxRetained says how many the gateway holds, a quarter of them for its devices. Raise it, or let bridges and other boxes bring in fewer topics',
    )
  }

  private async removeRow(topic: string): Promise<void> {
    const { logger, queueRows, store } = this.parts
    // After the rows of this stretch of work, the older message's own among them.
    await Promise.resolve()
    try {
      await store.commit(() => queueRows.removeRetained(topic))
    } catch (error) {
      logger.error({ err: error, topic: shownText(topic) }, 'an outdated message stays retained')
    }
  }
}
