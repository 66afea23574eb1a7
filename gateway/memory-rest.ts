/**
 * Gives memory back while the box rests.
 *
 * V8 collects when its heap grows, so a box that has started, or has had its busy hour, keeps for hours what
 * that took. One collection at rest shrinks the young generation and the heap to what is alive. It stops
 * the box for some 20 ms, so it is made only when there is nothing to do and enough to win.
 */
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface MemoryRest {
  /** Looks whether the box rests; call every `LOOK_MS`. Gives whether memory was given back. */
  look(): boolean
}

export interface MemoryRestParts {
  readonly collect: () => void
  /** Share of the time since the last call in which the event loop worked, 0–1. */
  readonly busyShare: () => number
  /** Bytes that the heap holds, and that are in use or garbage in it. */
  readonly heap: () => { readonly heapTotal: number; readonly heapUsed: number }
}

/** V8 takes the last five seconds for the rate of allocation by which it decides to shrink. */
export const LOOK_MS = 10_000
/** An idle box with its timers works less than this. */
const RESTING_SHARE = 0.05
/** Less is not worth a pause. */
const MIN_SPARE_BYTES = 12 * 1024 * 1024

export function createMemoryRest({ collect, busyShare, heap }: MemoryRestParts): MemoryRest {
  const spareBytes = () => {
    const { heapTotal, heapUsed } = heap()
    return heapTotal - heapUsed
  }
  /** What a collection could not give back: it is not tried again for that. */
  let keptBytes = 0
  return {
    look() {
      const isBusy = busyShare() > RESTING_SHARE
      const spare = spareBytes()
      keptBytes = Math.min(keptBytes, spare)
      if (isBusy || spare - keptBytes < MIN_SPARE_BYTES) return false
      collect()
      keptBytes = spareBytes()
      return true
    },
  }
}

/** The collector of this process: V8 hands it out in this way only. */
export function loadCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Watches this process. */
export function restHere(): MemoryRest {
  let since = performance.eventLoopUtilization()
  return createMemoryRest({
    collect: loadCollector(),
    heap: process.memoryUsage,
    busyShare() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, since)
      since = now
      return utilization
    },
  })
}
