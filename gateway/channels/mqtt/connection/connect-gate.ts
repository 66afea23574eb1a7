/**
 * How many may connect each second: one limit for the CONNECTs of plain ports and for TLS handshakes, which
 * cost 2 ms each and are asked about before they begin. Whoever is refused owes nothing, so that a site that
 * comes back and tries again and again does not keep itself out.
 */
import { RatePacer } from '../rate-pacer.ts'

const WINDOW_MS = 1000
/**
 * Of the limit, what one address may always use each second. Above it the address gets what is left over
 * a reserve for the others: a whole site behind one router still connects at the full rate, and a scanner
 * keeps nobody else out. More failed handshakes than this are a scanner: that address rests until the next second.
 */
const SHARE = 0.1
const RESERVE = 0.25

interface Count {
  connects: number
  failures: number
}

export class ConnectGate {
  private readonly pacer: RatePacer
  private readonly nowMs: () => number
  private readonly share: number
  private readonly reserve: number
  /** Of this window, by address; those refused make no entry, so that the limit bounds the map too. */
  private readonly counts = new Map<string, Count>()
  private windowEndsAtMs: number

  /** `perSecond` 0 means no limit. */
  constructor(perSecond: number, nowMs: () => number) {
    this.nowMs = nowMs
    this.pacer = new RatePacer(perSecond, 1, nowMs())
    this.share = Math.max(1, Math.floor(perSecond * SHARE))
    this.reserve = Math.floor(perSecond * RESERVE)
    this.windowEndsAtMs = nowMs() + WINDOW_MS
  }

  /** Counts one who connects; false: this is too many at once. */
  admits(remoteAddress: string): boolean {
    if (this.pacer.isUnlimited) return true
    const nowMs = this.nowMs()
    if (nowMs >= this.windowEndsAtMs) {
      this.counts.clear()
      this.windowEndsAtMs = nowMs + WINDOW_MS
    }
    const count = this.counts.get(remoteAddress) ?? { connects: 0, failures: 0 }
    if (count.failures >= this.share) return false
    const left = count.connects < this.share ? 0 : this.reserve
    if (!this.pacer.take(1, left, this.nowMs)) return false
    count.connects++
    this.counts.set(remoteAddress, count)
    return true
  }

  /** A handshake came to nothing. */
  failed(remoteAddress: string): void {
    // No entry: it began in an earlier window, and counts for nothing in this one.
    const count = this.counts.get(remoteAddress)
    if (count) count.failures++
  }
}
