/**
 * A sink whose engine may be away when the core starts, after a power cut of the whole data centre, say: the
 * core takes entries all the same, and the relay goes on trying.
 */
import type { Sink } from './sink.ts'

/** Opens on first use, and again after each failure. `name` is what the opened sink is called, see `Sink`. */
export function openWhenThere(name: string, open: () => Promise<Sink>): Sink {
  let opened: Promise<Sink> | undefined

  function sink(): Promise<Sink> {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }

  return {
    name,
    publish: async (records) => (await sink()).publish(records),
    lastSequence: async (stream) => (await sink()).lastSequence?.(stream),
    close: async () => {
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}
