/** Days as retention counts them: whole days since 1970 by the core's proven time. */
export const DAY_MS = 86_400_000

export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS)
}
