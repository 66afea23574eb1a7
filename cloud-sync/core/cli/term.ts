/** How long a release is offered. */
import type { ReleaseKind } from '../../protocol/release.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What is said or done now is wrong tomorrow; what a box should know is right until it is replaced. */
const DEFAULT_TERM_MS: Readonly<Record<ReleaseKind, number>> = {
  pack: 365 * DAY_MS,
  config: 365 * DAY_MS,
  twin: 365 * DAY_MS,
  command: DAY_MS,
  announcement: DAY_MS,
}

/** Milliseconds since 1970 for `12h`, `30d` or a date; throws a TypeError for anything else. */
export function termOf(kind: ReleaseKind, term: string | undefined, now: Date): number {
  if (term === undefined) return now.getTime() + DEFAULT_TERM_MS[kind]
  const [, count, unit] = /^(\d{1,5})([hd])$/.exec(term) ?? []
  if (count !== undefined) return now.getTime() + Number(count) * (unit === 'h' ? HOUR_MS : DAY_MS)
  const date = /^\d{4}-\d{2}-\d{2}/.test(term) ? Date.parse(term) : Number.NaN
  if (Number.isNaN(date)) throw new TypeError(`--expires ${term}: 12h, 30d or 2027-01-31`)
  return date
}
