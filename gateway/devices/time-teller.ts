/**
 * Tells connected devices what time it is. They go on from what they were told as they connected and judge
 * by it what is still to be said; so they are told anew when the clock of the box was set, and now and then
 * because no two quartzes run alike.
 */
import { setImmediate } from 'node:timers/promises'
import type { GatewayTime } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'

/** Far below the two minutes that the shortest-lived speech counts, and above what NTP does in small steps. */
const STEP_MS = 2000
/** A quartz that is off by 100 parts in a million is wrong by a third of a second then. */
const TELL_EVERY_MS = 3_600_000
/** How long devices may go by a wrong time after the clock was set. */
const LOOK_EVERY_MS = 1000
/** Devices told in one turn of the loop: more would hold up the questions of the others. */
const MAX_BATCH = 200

export interface TimeTellerParts {
  readonly clock: Clock
  /** Devices connected now. */
  readonly connected: () => readonly string[]
  readonly tell: (deviceId: string, time: GatewayTime) => void
}

export interface TimeTeller {
  close(): void
}

export function createTimeTeller({ clock, connected, tell }: TimeTellerParts): TimeTeller {
  const aheadMs = () => clock.now() - clock.monotonic()
  let told = { aheadMs: aheadMs(), atMs: clock.monotonic() }

  async function tellAll(): Promise<void> {
    const ids = connected()
    for (let at = 0; at < ids.length; at += MAX_BATCH) {
      const time = new Date(clock.now()).toISOString()
      for (const id of ids.slice(at, at + MAX_BATCH)) tell(id, { time })
      await setImmediate()
    }
  }

  const timer = setInterval(() => {
    const wasSet = Math.abs(aheadMs() - told.aheadMs) > STEP_MS
    if (!wasSet && clock.monotonic() - told.atMs < TELL_EVERY_MS) return
    told = { aheadMs: aheadMs(), atMs: clock.monotonic() }
    void tellAll()
  }, LOOK_EVERY_MS)
  timer.unref()
  return { close: () => clearInterval(timer) }
}
