/** What cloud-sync needs of the box it runs in. The gateway implements these; nothing is imported from it. */

/** One ledger entry on its way up. */
export interface SourceEntry {
  /** Random, made with the gateway's data folder and anew at each restore. */
  readonly epoch: string
  /** Position in its lane, from 1, strictly rising; gaps are entries that expired or were quarantined. */
  readonly sequence: number
  /** Leaf index in the gateway's Merkle tree. */
  readonly index: number
  /** The leaf, byte for byte: a MessagePack map (see protocol/entry.ts for the keys that the core reads). */
  readonly bytes: Uint8Array
  /** MessagePack map of what the disclosure policy lets the core read of the sealed part. */
  readonly disclosed?: Uint8Array
}

/** The gateway's ledger as the pusher sees it. Idempotency key of an entry: gateway, epoch, lane, sequence. */
export interface LedgerSource<Lane extends string = string> {
  readonly gatewayId: string
  epoch(): string
  /**
   * Unsettled entries of a lane after `afterSequence`, in order, only such as are on disk. All of one
   * epoch. At least one if there is one, however small `maxBytes` is.
   */
  readLane(
    lane: Lane,
    afterSequence: number,
    maxEntries: number,
    maxBytes: number,
  ): readonly SourceEntry[]
  /**
   * Everything of the lane up to here is in the core's store. Entries read from now on lie beyond it. It
   * need not be on disk at once: what is lost of it goes again, and the core drops it.
   */
  acknowledge(lane: Lane, upToSequence: number): Promise<void>
  /** The core cannot take this one entry: it stays in the record and leaves the way. */
  quarantine(lane: Lane, sequence: number, reason: string): Promise<void>
  /** The last sequence that was given out in this lane; 0 where none was. */
  accepted(lane: Lane): number
  /**
   * The core has entries of another history under this epoch, from `fromSequence` of the lane on: the data
   * folder is an older copy of itself, or one of two. From now on those of the lane are read under a new epoch.
   */
  fork(lane: Lane, epoch: string, fromSequence: number): Promise<void>
  /**
   * Called after entries became durable; returns the way to stop. Listeners must not throw. Without it the
   * pusher looks every `pollMs`.
   */
  onAppend?(listener: () => void): () => void
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Monotonic milliseconds. */
  monotonic(): number
}

/** Time that terms are judged by: of certificates, of releases. */
export interface TrustedTime {
  readonly nowMs: number
  /** False: the clock is in doubt, and `nowMs` the last time known to be good and what has passed since. */
  readonly isKnown: boolean
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** Uniform in [0, 1). */
export type Random = () => number

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const silent = () => {}
/** For tests and for parts whose caller does not want to hear. */
export const silentLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent }

/** Why a request had no answer. `unreachable`: it never left the site, so trying again costs the core nothing. */
export type LinkFailure = 'unreachable' | 'refused' | 'timeout' | 'reset' | 'untrusted' | 'aborted'

export type LinkResult =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: Buffer
      readonly retryAfterMs?: number
    }
  | { readonly kind: 'failure'; readonly failure: LinkFailure; readonly detail: string }

export interface LinkRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: Uint8Array
  readonly contentType?: string
  readonly contentEncoding?: 'gzip'
  /** No byte moved for so long: given up. Default STALL_TIMEOUT_MS. */
  readonly stallTimeoutMs?: number
  readonly signal?: AbortSignal
  /** Critical entries have a socket of their own; asks, however many wait, share a few. */
  readonly sockets?: 'critical' | 'asks'
}

/** One connection to the core; never throws for what a network does. */
export interface Link {
  request(request: LinkRequest): Promise<LinkResult>
  close(): void
}
