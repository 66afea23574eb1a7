/** How long a message on its way between boxes still lives [MQTT-3.3.2-5, 3.3.2-6]. */
import type { CrossingMessage } from './frames.ts'

/** The same message with so many milliseconds left; undefined when none is. Whole seconds travel, rounded up. */
export function withLifeLeft(
  message: CrossingMessage,
  leftMs: number,
): CrossingMessage | undefined {
  if (leftMs <= 0) return undefined
  const messageExpiryInterval = Math.ceil(leftMs / 1000)
  return { ...message, properties: { ...message.properties, messageExpiryInterval } }
}

/** What is left of it after it has waited; itself where it has no term, undefined when that is over. */
export function afterWaiting(
  message: CrossingMessage,
  waitedMs: number,
): CrossingMessage | undefined {
  const lifeMs = lifeMsOf(message)
  return lifeMs === undefined ? message : withLifeLeft(message, lifeMs - waitedMs)
}

/** Undefined: it never expires. */
export function lifeMsOf({ properties }: CrossingMessage): number | undefined {
  const seconds = properties?.messageExpiryInterval
  return seconds === undefined ? undefined : seconds * 1000
}
