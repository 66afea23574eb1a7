/**
 * Failed logins make the next try wait, per key (an address and a name): one device with a wrong token slows
 * itself and never its neighbours behind the same router. Tokens are too long to be guessed over many names.
 */

import { createHash } from 'node:crypto'

/** Waits double from the first with each further failure, up to the longest. */
const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 60_000
/** Without a failure for this long, all is forgotten. */
const FORGET_AFTER_MS = 15 * 60_000
/** Keys remembered in each of two maps: 10,000 are about 2 MB. */
const MAX_ENTRIES = 10_000
/** Longest name remembered as it is: no device id is longer. Of others a hash is. */
const MAX_NAME_CHARACTERS = 64

/** Whose failures are counted together: those of a name at an address. */
export const loginKey = (remoteAddress: string, name: string): string =>
  `${remoteAddress} ${name.length > MAX_NAME_CHARACTERS ? hashOfSecret(name) : name}`

/** What is remembered of a secret that was shown: nothing that lets anybody in. */
export const hashOfSecret = (secret: string): string =>
  createHash('sha256').update(secret).digest('base64')

interface Failures {
  count: number
  lastAtMs: number
}

export class FailedLogins {
  private readonly nowMs: () => number
  private readonly free: number
  private readonly failures = new Map<string, Failures>()
  /** Those of them who have to wait, apart: who fails once under many names must not have them forgotten. */
  private readonly waiting = new Map<string, Failures>()

  /** `nowMs` is monotonic; `free` failures cost no wait: typing errors of an installer. */
  constructor(nowMs: () => number, free: number) {
    this.nowMs = nowMs
    this.free = free
  }

  /** Milliseconds until the next try; 0: now. */
  waitMs(key: string): number {
    const entry = this.waiting.get(key)
    if (entry === undefined) return 0
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (entry.count - this.free - 1), MAX_WAIT_MS)
    return Math.max(0, entry.lastAtMs + waitMs - this.nowMs())
  }

  failed(key: string): void {
    const nowMs = this.nowMs()
    const old = this.waiting.get(key) ?? this.failures.get(key)
    const isRecent = old !== undefined && nowMs - old.lastAtMs < FORGET_AFTER_MS
    const count = isRecent ? old.count + 1 : 1
    // Deleted first, so that a map stays in order of the last failure and the oldest goes first.
    this.succeeded(key)
    const kept = count > this.free ? this.waiting : this.failures
    kept.set(key, { count, lastAtMs: nowMs })
    if (kept.size <= MAX_ENTRIES) return
    const oldest = kept.keys().next()
    if (!oldest.done) kept.delete(oldest.value)
  }

  succeeded(key: string): void {
    this.failures.delete(key)
    this.waiting.delete(key)
  }
}
