/** A cloud core that was put back from a copy shows erased persons again: it is told anew who they are. */
import type { Box } from '../compose.ts'
import { nameDestroyedKeys } from '../ledger/name-again.ts'
import type { Logger } from '../logger.ts'

/** Each lane notices by itself, and one telling is enough; a core that forgets all the time fills no disk. */
const TELL_EVERY_MS = 30_000

/** Resolves once the record names the keys again; rejects where it cannot be written. */
export function createErasureReminder(
  box: Pick<Box, 'store' | 'ledger' | 'clock'>,
  logger: Logger,
): () => Promise<void> {
  let told: { readonly atMs: number; readonly done: Promise<void> } | undefined

  async function tell(): Promise<void> {
    const keys = await nameDestroyedKeys(box, 'the cloud core was put back')
    if (keys > 0) {
      logger.warn(
        { keys },
        'the cloud core was put back from a copy: the record names all destroyed keys again, so that it deletes what it shows of erased persons',
      )
    }
  }

  return () => {
    const nowMs = box.clock.monotonic()
    if (told && nowMs - told.atMs < TELL_EVERY_MS) return told.done
    const done = tell()
    told = { atMs: nowMs, done }
    done.catch(() => {
      told = undefined
    })
    return done
  }
}
