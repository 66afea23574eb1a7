/** The last connections that ended or were refused, with the reason in plain words, for the operator. */

export interface ConnectionEnd {
  readonly atMs: number
  readonly clientId: string
  readonly remoteAddress: string
  /** Refused before it was connected. */
  readonly wasRefused: boolean
  readonly reasonCode: number
  readonly reason: string
}

/** Enough to see what happened this morning; about 100 KB. */
const KEPT = 500

export class RecentEnds {
  private readonly ends: ConnectionEnd[] = []
  private next = 0

  add(end: ConnectionEnd): void {
    this.ends[this.next] = end
    this.next = (this.next + 1) % KEPT
  }

  /** Newest first. */
  list(): ConnectionEnd[] {
    return [...this.ends.slice(this.next), ...this.ends.slice(0, this.next)].reverse()
  }
}
