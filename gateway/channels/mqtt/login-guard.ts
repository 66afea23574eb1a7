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
/** Addresses and clients remembered: 10,000 are about 2 MB. */
const MAX_ENTRIES = 10_000

interface Failures {
  count: number
  lastAtMs: number
}

export class LoginGuard {
  private readonly nowMs: () => number
  private readonly failures = new Map<string, Failures>()

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
    if (this.failures.size > 0) this.failures.delete(clientKey(remoteAddress, clientId))
  }

  private remaining(key: string, free: number): number {
    const entry = this.failures.get(key)
    if (entry === undefined || entry.count <= free) return 0
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (entry.count - free - 1), MAX_WAIT_MS)
    return Math.max(0, entry.lastAtMs + waitMs - this.nowMs())
  }

  private count(key: string): void {
    const nowMs = this.nowMs()
    const old = this.failures.get(key)
    const isRecent = old !== undefined && nowMs - old.lastAtMs < FORGET_AFTER_MS
    // Deleted first, so that the map stays in order of the last failure and the oldest goes first.
    this.failures.delete(key)
    this.failures.set(key, { count: isRecent ? old.count + 1 : 1, lastAtMs: nowMs })
    if (this.failures.size <= MAX_ENTRIES) return
    const oldest = this.failures.keys().next()
    if (!oldest.done) this.failures.delete(oldest.value)
  }
}

/** A device may use `ID:name` for further connections; they wait together, or each name would be a new try. */
const clientKey = (remoteAddress: string, clientId: string): string =>
  `${remoteAddress} ${clientId.split(':', 1)[0]}`
