/** Keeps one link open: connects, notices the end, waits with full jitter, connects again. */

import type { Problem } from '../protocol/schemas.ts'
import { type BackoffOptions, backoffDelayMs } from './backoff.ts'
import { type Clock, monotonicMs } from './clock.ts'
import { isPassing, ProblemError } from './errors.ts'
import type { Downstream, Link, LinkInfo, OpenLink } from './link.ts'

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'online'; readonly link: LinkInfo }
  | {
      readonly kind: 'offline'
      readonly reason: string
      readonly retryInMs: number
      /** The gateway refused the login: someone must look at the device's settings. */
      readonly problem?: Problem
    }
  | { readonly kind: 'closed' }

/** A link that lived this long was good: the next wait starts from the first delay again. */
const STABLE_AFTER_MS = 10_000

export interface ConnectionOptions {
  readonly openLink: OpenLink
  readonly clock: Clock
  readonly random: () => number
  readonly backoff: BackoffOptions
  readonly onUp: (link: Link) => void
  readonly onDown: () => void
  readonly onMessage: (message: Downstream) => void
  readonly onState: (state: ConnectionState) => void
}

export class Connection {
  readonly #options: ConnectionOptions
  #state: ConnectionState = { kind: 'connecting' }
  #link: Link | undefined
  #attempt = 0
  #upSinceMs = 0
  #cancelRetry: () => void = () => undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  get state(): ConnectionState {
    return this.#state
  }

  start(): void {
    this.#open().catch((error: unknown) => this.#failed(error))
  }

  /** Drops the link without a goodbye and connects again. */
  drop(): void {
    this.#link?.destroy()
  }

  async close(): Promise<void> {
    const link = this.#shut()
    await link?.close()
  }

  /** Ends at once, as a power cut would: no goodbye. */
  kill(): void {
    this.#shut()?.destroy()
  }

  #shut(): Link | undefined {
    this.#closed = true
    this.#cancelRetry()
    const link = this.#link
    this.#link = undefined
    this.#enter({ kind: 'closed' })
    return link
  }

  async #open(): Promise<void> {
    this.#enter({ kind: 'connecting' })
    let ended = false
    const link = await this.#options.openLink({
      onMessage: (message) => {
        if (!this.#closed) this.#options.onMessage(message)
      },
      onClose: (reason) => {
        ended = true
        this.#lost(reason)
      },
    })
    if (this.#closed) {
      link.destroy()
      return
    }
    if (ended) return
    this.#link = link
    this.#upSinceMs = monotonicMs(this.#options.clock)
    this.#enter({ kind: 'online', link: link.info })
    this.#options.onUp(link)
  }

  #lost(reason: string): void {
    if (this.#closed) return
    const wasUp = this.#link !== undefined
    this.#link = undefined
    const upForMs = monotonicMs(this.#options.clock) - this.#upSinceMs
    if (wasUp && upForMs >= STABLE_AFTER_MS) this.#attempt = 0
    if (wasUp) this.#options.onDown()
    this.#retry(reason)
  }

  #failed(error: unknown): void {
    if (this.#closed) return
    const reason = error instanceof Error ? error.message : String(error)
    this.#retry(reason, error instanceof ProblemError ? error.problem : undefined)
  }

  #retry(reason: string, problem?: Problem): void {
    const { backoff, random, clock } = this.#options
    const jitterMs = backoffDelayMs(this.#attempt++, random, backoff)
    // A wrong token will not become right in a second: a refused device must not hammer the gateway.
    const isRefused = problem !== undefined && !isPassing(problem)
    const retryInMs = isRefused ? backoff.maxDelayMs : jitterMs
    this.#cancelRetry()
    this.#cancelRetry = clock.after(retryInMs, () => this.start())
    this.#enter({
      kind: 'offline',
      reason,
      retryInMs,
      ...(problem === undefined ? {} : { problem }),
    })
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    this.#options.onState(state)
  }
}
