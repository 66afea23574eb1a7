import { DeviceClientError } from './errors.ts'
import { isQueuedMessage, type QueuedMessage, type QueueStore } from './queue-store.ts'

/** The part of the Web Storage API that the queue uses. */
export type WebStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>

/** Digits of the running number in a storage key: 10^12 messages sort as text. */
const NUMBER_DIGITS = 12

/**
 * Keeps the queue in `localStorage`, one entry a message, so that a kiosk's page can be reloaded.
 * Survives what the browser's storage survives; a browser may write it to disk a moment later.
 */
export function localStorageQueueStore(
  queueName: string,
  storage: WebStorage = globalThis.localStorage,
): QueueStore {
  const prefix = `kefu-queue:${queueName}:`
  const slots = new Map<string, string>()
  let next = 1
  const read = () => {
    const found: { slot: string; message: QueuedMessage }[] = []
    for (let i = 0; i < storage.length; i++) {
      const slot = storage.key(i)
      if (slot === null || !slot.startsWith(prefix)) continue
      const message = parse(storage.getItem(slot))
      if (message !== undefined) found.push({ slot, message })
    }
    return found.sort((a, b) => (a.slot < b.slot ? -1 : 1))
  }
  return {
    load: async () => {
      const found = read()
      for (const { slot, message } of found) slots.set(message.key, slot)
      const last = found.at(-1)?.slot.slice(prefix.length)
      next = last === undefined ? 1 : Number(last) + 1
      return found.map(({ message }) => message)
    },
    append: async (message) => {
      const slot =
        slots.get(message.key) ?? `${prefix}${String(next++).padStart(NUMBER_DIGITS, '0')}`
      try {
        storage.setItem(slot, JSON.stringify(message))
      } catch (error) {
        throw new DeviceClientError('client.storage', 'the browser has no room left', error)
      }
      slots.set(message.key, slot)
    },
    remove: async (keys) => {
      for (const key of keys) {
        const slot = slots.get(key)
        if (slot !== undefined) storage.removeItem(slot)
        slots.delete(key)
      }
    },
    close: async () => undefined,
  }
}

function parse(text: string | null): QueuedMessage | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null')
    return isQueuedMessage(value) ? value : undefined
  } catch {
    return undefined
  }
}
