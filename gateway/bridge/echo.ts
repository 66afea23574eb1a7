/**
 * Health by measurement: a message to a topic of one's own over the other broker and back. A link counts
 * as connected once an echo came, not because a socket is open.
 */
import type { Clock } from '../clock.ts'

/** Often enough that a status is never older than half a minute, rare enough to cost nothing. */
const ECHO_INTERVAL_MS = 10_000
/** A broker that needs longer for one message is not working. */
export const ECHO_TIMEOUT_MS = 10_000

export interface EchoState {
  readonly isAlive: boolean
  readonly lastEchoAtMs: number | undefined
  readonly roundTripMs: number | undefined
}

export interface Echo {
  /** The link is up: asks at once and then regularly. */
  start(): void
  /** The link is down. */
  stop(): void
  /** A message came in on the topic. */
  received(payload: Uint8Array): void
  state(): EchoState
}

export function createEcho(parts: {
  readonly clock: Clock
  readonly send: (payload: string) => void
  /** Called when it becomes alive and when an echo is missing. */
  readonly onChange: (isAlive: boolean) => void
}): Echo {
  const { clock } = parts
  let timer: NodeJS.Timeout | undefined
  let deadline: NodeJS.Timeout | undefined
  let count = 0
  let asked: { readonly text: string; readonly atMs: number } | undefined
  let isAlive = false
  let lastEchoAtMs: number | undefined
  let roundTripMs: number | undefined

  function become(next: boolean): void {
    const isNews = next !== isAlive || !next
    isAlive = next
    if (isNews) parts.onChange(next)
  }

  function ask(): void {
    count += 1
    const text = `${clock.now()} ${count}`
    asked = { text, atMs: clock.monotonic() }
    clearTimeout(deadline)
    deadline = setTimeout(() => become(false), ECHO_TIMEOUT_MS).unref()
    parts.send(text)
  }

  function stop(): void {
    clearInterval(timer)
    clearTimeout(deadline)
    asked = undefined
    isAlive = false
  }

  return {
    start() {
      stop()
      timer = setInterval(ask, ECHO_INTERVAL_MS).unref()
      ask()
    },
    stop,
    received(payload) {
      if (asked === undefined || Buffer.from(payload).toString() !== asked.text) return
      clearTimeout(deadline)
      roundTripMs = Math.round((clock.monotonic() - asked.atMs) * 100) / 100
      lastEchoAtMs = clock.now()
      asked = undefined
      become(true)
    },
    state: () => ({ isAlive, lastEchoAtMs, roundTripMs }),
  }
}
