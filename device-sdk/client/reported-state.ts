/** The device's side of the twin: only the last state counts, and each connection tells it, so it needs no queue. */
import type { TwinState } from '../protocol/schemas.ts'
import type { Clock } from './clock.ts'
import { DeviceClientError } from './errors.ts'
import type { Link } from './link.ts'

/** As many as the gateway remembers of one device. */
const MAX_GONE_FIELDS = 256
/** A state that was refused for now: the gateway names seconds. */
const TELL_AGAIN_MS = 10_000

export interface ReportedStateOptions {
  readonly clock: Clock
  /** It could not be told again, for a reason that is no lost link. */
  readonly onError: (error: unknown) => void
}

export class ReportedState {
  readonly #options: ReportedStateOptions
  #reported: TwinState | undefined
  #link: Link | undefined
  #cancelTellAgain: () => void = () => undefined

  constructor(options: ReportedStateOptions) {
    this.#options = options
  }

  /** Tells the state, whole; without a link the next one does. */
  async report(state: Readonly<Record<string, unknown>>, at: string): Promise<void> {
    const before = Object.keys(this.#reported?.state ?? {})
    // The gateway keeps a field until it is told that it is gone.
    const gone = before.filter((field) => !(field in state)).slice(-MAX_GONE_FIELDS)
    const nulls = Object.fromEntries(gone.map((field) => [field, null]))
    this.#reported = { state: { ...nulls, ...state }, at }
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

  async #tell(): Promise<void> {
    const link = this.#link
    if (this.#reported === undefined || link === undefined) return
    this.#cancelTellAgain()
    const message = { name: 'reported', body: { ...this.#reported } } as const
    const delivery = await link.send(message).catch((error: unknown) => {
      // Lost with the link; the next connection tells it again.
      if (!(error instanceof DeviceClientError)) throw error
    })
    if (delivery?.kind !== 'refused' || !delivery.passing || this.#link !== link) return
    this.#cancelTellAgain = this.#options.clock.after(TELL_AGAIN_MS, () => {
      this.#tell().catch(this.#options.onError)
    })
  }
}
