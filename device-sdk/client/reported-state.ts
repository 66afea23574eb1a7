/** The device's side of the twin: only the last state counts, and each connection tells it, so it needs no queue. */
import type { TwinState } from '../protocol/schemas.ts'
import { type Clock, monotonicMs } from './clock.ts'
import { DeviceClientError } from './errors.ts'
import type { Link } from './link.ts'
import { messageBytes } from './message-size.ts'

/** As many as the gateway remembers of one device. */
const MAX_GONE_FIELDS = 256
/** A state that was refused for now: the gateway names seconds. */
const TELL_AGAIN_MS = 10_000
/** A gateway that cannot keep something says so at once; the rest is a slow link. */
const REFUSED_WITHIN_MS = 10_000

export interface ReportedStateOptions {
  readonly clock: Clock
  /** It could not be told again, for a reason that is no lost link. */
  readonly onError: (error: unknown) => void
}

export class ReportedState {
  readonly #options: ReportedStateOptions
  #reported: TwinState | undefined
  #link: Link | undefined
  #toldAtMs = Number.NEGATIVE_INFINITY
  #cancelTellAgain: () => void = () => undefined

  constructor(options: ReportedStateOptions) {
    this.#options = options
  }

  /** Tells the state, whole; without a link the next one does. Throws `client.too-large`. */
  async report(state: Readonly<Record<string, unknown>>, at: string): Promise<void> {
    const before = Object.keys(this.#reported?.state ?? {})
    // The gateway keeps a field until it is told that it is gone.
    const gone = before.filter((field) => !(field in state)).slice(-MAX_GONE_FIELDS)
    const nulls = Object.fromEntries(gone.map((field) => [field, null]))
    const reported = { state: { ...nulls, ...state }, at }
    messageBytes('reported', reported)
    this.#reported = reported
    await this.#tell()
  }

  linkUp(link: Link): void {
    this.#link = link
    this.#tell().catch(this.#options.onError)
  }

  linkDown(): void {
    this.#link = undefined
    this.#cancelTellAgain()
  }

  /**
   * The gateway refused something for now and named no message. A state has no id, and only MQTT 5 refuses it
   * by itself; told once too often it does no harm.
   */
  refusedSomething(): void {
    const sinceMs = monotonicMs(this.#options.clock) - this.#toldAtMs
    if (this.#link !== undefined && sinceMs < REFUSED_WITHIN_MS) this.#tellLater()
  }

  #tellLater(): void {
    this.#cancelTellAgain()
    this.#cancelTellAgain = this.#options.clock.after(TELL_AGAIN_MS, () => {
      this.#tell().catch(this.#options.onError)
    })
  }

  async #tell(): Promise<void> {
    const link = this.#link
    if (this.#reported === undefined || link === undefined) return
    this.#cancelTellAgain()
    this.#toldAtMs = monotonicMs(this.#options.clock)
    const message = { name: 'reported', body: { ...this.#reported } } as const
    const delivery = await link.send(message).catch((error: unknown) => {
      // Lost with the link; the next connection tells it again.
      if (!(error instanceof DeviceClientError)) throw error
    })
    if (delivery?.kind === 'refused' && delivery.passing && this.#link === link) this.#tellLater()
  }
}
