/** What of a flood is told one by one: the first of each kind, while they are few. The rest is for a sum. */

const WINDOW_MS = 10_000
/** Different ones told in a window: a ward of devices with an old token; some 60 MB of log a day at most. */
const TOLD_PER_WINDOW = 50

export class FewTold {
  private readonly told = new Set<string>()
  /** From when on all are new again. */
  windowEndsAtMs = Number.NEGATIVE_INFINITY

  /** Whether one of this kind is told; those that are told after this count it as told. */
  tells(kind: string, nowMs: number): boolean {
    if (nowMs >= this.windowEndsAtMs) {
      this.told.clear()
      this.windowEndsAtMs = nowMs + WINDOW_MS
    }
    if (this.told.size >= TOLD_PER_WINDOW || this.told.has(kind)) return false
    this.told.add(kind)
    return true
  }
}
