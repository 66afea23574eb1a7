import type { UpstreamName } from '../protocol/schemas.ts'

/** A message that waits until the gateway has it. */
export interface QueuedMessage {
  /** `name/id`: stays the same however often the message is sent. */
  readonly key: string
  readonly id: string
  readonly name: UpstreamName
  readonly body: Readonly<Record<string, unknown>>
  readonly bytes: number
  readonly queuedAtMs: number
  /** After this it is not worth sending any more. By the device's clock, as `queuedAtMs`. */
  readonly expiresAtMs?: number
}

/** A day of button presses and play reports of a busy speaker. */
export const QUEUE_MAX_MESSAGES = 1_000
/** Fits the flash and the browser storage of small devices several times over. */
export const QUEUE_MAX_BYTES = 1024 * 1024

export interface QueueLimits {
  readonly maxMessages: number
  readonly maxBytes: number
  /**
   * `refuse`: the new message is refused with `client.queue-full`.
   * `drop-oldest`: room is made by dropping the oldest message that is no alarm and no button.
   * An alarm or a button makes room in this way whatever stands here: somebody needs help.
   */
  readonly whenFull: 'refuse' | 'drop-oldest'
}

/** An earlier time is that of a clock that nobody had set yet: no device ran this before. */
const EARLIEST_MS = Date.parse('2026-01-01T00:00:00Z')

/**
 * How much longer the message is worth sending, in milliseconds. What it has waited since an earlier run
 * counts only where the clock can have been right then and now.
 */
export function lifeLeftMs({ queuedAtMs, expiresAtMs }: QueuedMessage, nowMs: number): number {
  if (expiresAtMs === undefined) return Number.POSITIVE_INFINITY
  const waitedMs = queuedAtMs < EARLIEST_MS ? 0 : Math.max(0, nowMs - queuedAtMs)
  return expiresAtMs - queuedAtMs - waitedMs
}

/**
 * Where the offline queue is kept. `append` and `remove` resolve when the change would survive what
 * the store promises to survive (a file: a power cut; memory: nothing).
 */
export interface QueueStore {
  /** Everything kept and not removed, oldest first. Called before anything else, and again if it failed. */
  load(): Promise<readonly QueuedMessage[]>
  append(message: QueuedMessage): Promise<void>
  remove(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** Keeps the queue for as long as the process lives. */
export function memoryQueueStore(): QueueStore {
  const messages = new Map<string, QueuedMessage>()
  return {
    load: async () => [...messages.values()],
    append: async (message) => {
      messages.set(message.key, message)
    },
    remove: async (keys) => {
      for (const key of keys) messages.delete(key)
    },
    close: async () => undefined,
  }
}

/** True when a value read back has the shape of a queued message. */
export function isQueuedMessage(value: unknown): value is QueuedMessage {
  if (typeof value !== 'object' || value === null) return false
  const { key, id, name, body, bytes, queuedAtMs } = value as Record<string, unknown>
  return (
    typeof key === 'string' &&
    typeof id === 'string' &&
    typeof name === 'string' &&
    typeof body === 'object' &&
    body !== null &&
    typeof bytes === 'number' &&
    typeof queuedAtMs === 'number'
  )
}
