/**
 * The port by which boxes of one site reach each other: messages to all others, and values that all may
 * read. What travels is sealed by the caller; the fabric sees bytes.
 *
 * Nothing here waits for the other side for longer than `FABRIC_WAIT_MS`, and nothing throws because it
 * is away: that is an expected outcome.
 */

/** Longest that an ask or a message waits for the fabric: a tenth of what a person notices as a pause. */
export const FABRIC_WAIT_MS = 50
/** Echo of the box's own voice, end to end: so often, */
export const BEAT_MS = 2000
/** and away after this long without one: two beats lost, and some. */
export const AWAY_AFTER_MS = 5000
/** Bytes handed over and not taken: what a slow link may hold in memory before messages are refused. */
export const MAX_UNSENT_BYTES = 16 * 1024 * 1024

export type FabricStatus = {
  /** Where the fabric is, without credentials. */
  readonly url: string
  readonly sinceMs: number
} & (
  | {
      readonly state: 'connected'
      readonly roundTripMs: number
      /** Why nothing can be stored there: messages pass, sessions and retained messages do not. */
      readonly refused?: string
    }
  | { readonly state: 'away'; readonly lastError?: string }
)

/** A value that all boxes keep the newest version of. */
export interface KeptValue {
  readonly field: string
  /** Compared byte by byte: the greater one is the newer one. Always `STAMP_BYTES` long. */
  readonly stamp: Buffer
  readonly value: Buffer
}
export const STAMP_BYTES = 16

export interface Fabric {
  /** Hands bytes to every other box, in order. False: away or choked, nothing was sent. */
  send(bytes: Buffer): boolean
  /** What other boxes send, each once, in the order of its sender; never the box's own. */
  onMessage(listener: (bytes: Buffer) => void): void
  /** Called at each change between away, connected, and connected but refusing to store. */
  onChange(listener: (status: FabricStatus) => void): void
  status(): FabricStatus
  /** Stores under each key for `ttlMs`. Resolves false when it was not stored within `FABRIC_WAIT_MS`. */
  put(entries: readonly (readonly [key: string, value: Buffer])[], ttlMs: number): Promise<boolean>
  /** The values of the keys; undefined when the fabric did not say within `FABRIC_WAIT_MS`. */
  get(keys: readonly string[]): Promise<readonly (Buffer | undefined)[] | undefined>
  /** Removes keys. Resolves false when away. */
  remove(keys: readonly string[]): Promise<boolean>
  /** Keeps a value unless a newer one is there. Resolves false when away. */
  keep(kept: KeptValue): Promise<boolean>
  /** Everything kept, in pages. Rejects when the fabric goes away meanwhile. */
  readKept(): AsyncIterable<readonly KeptValue[]>
  /** Removes a kept value if it still has this stamp. */
  dropKept(kept: Pick<KeptValue, 'field' | 'stamp'>): Promise<boolean>
  close(): Promise<void>
}
