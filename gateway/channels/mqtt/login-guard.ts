/**
 * Failed logins make the next try wait, per address and device: one device with a wrong token slows
 * itself and never its neighbours behind the same router. Tokens are too long to be guessed over many ids.
 */

/** Typing errors of an installer are free. */
const FREE_FAILURES_PER_CLIENT = 3
const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 60_000
/** Without a failure for this long, all is forgotten. */
const FORGET_AFTER_MS = 15 * 60_000
/** Addresses and clients remembered in each of two maps: 10,000 are about 2 MB. */
const MAX_ENTRIES = 10_000

interface Failures {
  count: number
  lastAtMs: number
}

export class LoginGuard {
  private readonly nowMs: () => number
  private readonly failures = new Map<string, Failures>()
  /** Those of them who have to wait, apart: who fails once under many names must not have them forgotten. */
  private readonly waiting = new Map<string, Failures>()

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
  }

  /** Milliseconds until this client may try again; 0: now. */
  waitMs(remoteAddress: string, clientId: string): number {
    return this.remaining(clientKey(remoteAddress, clientId), FREE_FAILURES_PER_CLIENT)
  }

  failed(remoteAddress: string, clientId: string): void {
    this.count(clientKey(remoteAddress, clientId))
  }

  succeeded(remoteAddress: string, clientId: string): void {
    if (this.failures.size + this.waiting.size === 0) return
    const key = clientKey(remoteAddress, clientId)
    this.failures.delete(key)
    this.waiting.delete(key)
  }

  private remaining(key: string, free: number): number {
    const entry = this.waiting.get(key)
    if (entry === undefined || entry.count <= free) return 0
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (entry.count - free - 1), MAX_WAIT_MS)
    return Math.max(0, entry.lastAtMs + waitMs - this.nowMs())
  }

  private count(key: string): void {
    const nowMs = this.nowMs()
    const old = this.waiting.get(key) ?? this.failures.get(key)
    const isRecent = old !== undefined && nowMs - old.lastAtMs < FORGET_AFTER_MS
    const count = isRecent ? old.count + 1 : 1
    // Deleted first, so that a map stays in order of the last failure and the oldest goes first.
    this.failures.delete(key)
    this.waiting.delete(key)
    const kept = count > FREE_FAILURES_PER_CLIENT ? this.waiting : this.failures
    kept.set(key, { count, lastAtMs: nowMs })
    if (kept.size <= MAX_ENTRIES) return
    const oldest = kept.keys().next()
    if (!oldest.done) kept.delete(oldest.value)
  }
}

/** A device may use `ID:name` for further connections; they wait together, or each name would be a new try. */
const clientKey = (remoteAddress: string, clientId: string): string =>
  `${remoteAddress} ${clientId.split(':', 1)[0]}`
