/**
 * When may the link, or a lane at whose entries the core fails, be tried again: exponential backoff with
 * full jitter.
 *
 * Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): each wait is uniform in [0, bound), so
 * ten thousand gateways that lost the same core do not come back in step.
 */
import type { LinkFailure, Random } from './ports.ts'

/** First bound: an ordinary hiccup is over within it. */
export const BACKOFF_BASE_MS = 500
/** Last bound: ten thousand gateways make about 330 attempts a second at a dead core. */
export const BACKOFF_CAP_MS = 60_000
/** Bound while the site itself has no network: such an attempt reaches no core, so it may be frequent. */
export const UNREACHABLE_CAP_MS = 2_000

export interface BackoffLimits {
  readonly baseMs: number
  readonly capMs: number
}

export interface Backoff {
  /** Resolves when the next attempt is due, at once while the link is well, or when `signal` aborts. */
  ready(signal: AbortSignal): Promise<void>
  succeeded(): void
  /** `retryAfterMs` is what the core asked for, and a lower bound then. */
  failed(failure: LinkFailure | 'busy', retryAfterMs?: number): void
  /** The network is back: whoever waits goes on now. */
  resume(): void
  /** Attempts that failed in a row. */
  readonly attempts: number
  /** The next attempt is not due yet. */
  readonly isWaiting: boolean
}

export function createBackoff(
  random: Random,
  limits: BackoffLimits = { baseMs: BACKOFF_BASE_MS, capMs: BACKOFF_CAP_MS },
): Backoff {
  let attempts = 0
  let timer: NodeJS.Timeout | undefined
  let gate: { readonly promise: Promise<void>; open(): void } | undefined

  function resume(): void {
    clearTimeout(timer)
    timer = undefined
    gate?.open()
    gate = undefined
  }

  return {
    get attempts() {
      return attempts
    },
    get isWaiting() {
      return gate !== undefined
    },
    ready: (signal) => (gate ? abortable(gate.promise, signal) : Promise.resolve()),
    succeeded() {
      attempts = 0
      resume()
    },
    failed(failure, retryAfterMs = 0) {
      // Lanes and echo notice one outage together: one attempt has failed, not three.
      if (gate && retryAfterMs === 0) return
      if (!gate) attempts += 1
      const cap =
        failure === 'unreachable' ? Math.min(limits.capMs, UNREACHABLE_CAP_MS) : limits.capMs
      const bound = Math.min(cap, limits.baseMs * 2 ** Math.min(attempts - 1, 30))
      const waitMs = Math.min(retryAfterMs, limits.capMs) + random() * bound
      gate ??= createGate()
      clearTimeout(timer)
      timer = setTimeout(resume, waitMs)
    },
    resume,
  }
}

function createGate(): { readonly promise: Promise<void>; open(): void } {
  let open = () => {}
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open }
}

/** Resolves with the promise or at the abort, whichever comes first. */
export function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
    promise.then(done, done)
  })
}

/** The waits of one loop, which whoever has news for it ends early. */
export interface Waker {
  /** Ends the wait in hand; without one it does nothing. */
  wake(): void
  /** Waits `ms`, less when woken or closed. */
  sleep(ms: number): Promise<void>
  /** Until the next attempt is due, less when woken or closed. */
  ready(backoff: Pick<Backoff, 'ready'>): Promise<void>
}

/** `closing` ends its waits for good. */
export function createWaker(closing: AbortSignal): Waker {
  let wait = new AbortController()
  const wake = () => wait.abort()

  async function during(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (closing.aborted) return
    wait = new AbortController()
    closing.addEventListener('abort', wake, { once: true })
    await work(wait.signal)
    closing.removeEventListener('abort', wake)
  }

  return {
    wake,
    sleep: (ms) => during((signal) => sleep(ms, signal)),
    ready: (backoff) => during((signal) => backoff.ready(signal)),
  }
}

/** Waits `ms`, less when `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
