/** Hours in which only what cannot wait is said. */
import type { Priority } from '@kefu-edge/device-sdk/protocol/schemas'

const MINUTES_A_DAY = 1440
const MINUTE_MS = 60_000

export interface QuietHours {
  /** Minutes after midnight, local time; the span may cross midnight. */
  readonly fromMinute: number
  readonly untilMinute: number
  /** What is said all the same. */
  readonly allow: readonly Priority[]
}

/** Minute of the local day, 0–1439. */
export function localMinuteOfDay(ms: number): number {
  const date = new Date(ms)
  return date.getHours() * 60 + date.getMinutes()
}

/** How long speech of this priority has to wait from now; 0 when it may be said. */
export function quietForMs(
  hours: QuietHours | undefined,
  priority: Priority,
  nowMs: number,
  minuteOfDay: (ms: number) => number = localMinuteOfDay,
): number {
  if (hours === undefined || hours.allow.includes(priority)) return 0
  const length = (hours.untilMinute - hours.fromMinute + MINUTES_A_DAY) % MINUTES_A_DAY
  const since = (minuteOfDay(nowMs) - hours.fromMinute + MINUTES_A_DAY) % MINUTES_A_DAY
  if (since >= length) return 0
  return (length - since) * MINUTE_MS - (nowMs % MINUTE_MS)
}
