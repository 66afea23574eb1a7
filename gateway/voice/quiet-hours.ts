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

/** Quiet hours between two times of the day (`HH:MM`); what is urgent is said all the same. */
export const quietHoursOf = (hours: { from: string; until: string }): QuietHours => ({
  fromMinute: minuteOf(hours.from),
  untilMinute: minuteOf(hours.until),
  allow: ['critical', 'urgent'],
})

const minuteOf = (time: string): number => {
  const [hour = '0', minute = '0'] = time.split(':')
  return Number(hour) * 60 + Number(minute)
}

/** Minute of the local day, 0–1439. */
export function localMinuteOfDay(ms: number): number {
  const date = new Date(ms)
  return date.getHours() * 60 + date.getMinutes()
}

/**
 * How long speech of this priority has to wait from now; 0 when it may be said. The end is a time on the
 * wall, also in a night in which the clocks are set.
 */
export function quietForMs(
  hours: QuietHours | undefined,
  priority: Priority,
  nowMs: number,
  minuteOfDay: (ms: number) => number = localMinuteOfDay,
): number {
  if (hours === undefined || hours.allow.includes(priority)) return 0
  const length = minutesBetween(hours.fromMinute, hours.untilMinute)
  const since = minutesBetween(hours.fromMinute, minuteOfDay(nowMs))
  if (since >= length) return 0
  const evenMs = nowMs + (length - since) * MINUTE_MS - (nowMs % MINUTE_MS)
  return atWall(hours.untilMinute, evenMs, minuteOfDay) - nowMs
}

/** When the wall shows `minute`, next to `nearMs`; `nearMs` itself where clocks pass over that minute. */
function atWall(minute: number, nearMs: number, minuteOfDay: (ms: number) => number): number {
  const ahead = minutesBetween(minute, minuteOfDay(nearMs))
  const off = ahead > MINUTES_A_DAY / 2 ? ahead - MINUTES_A_DAY : ahead
  const shownMs = nearMs - off * MINUTE_MS
  return minuteOfDay(shownMs) === minute ? shownMs : nearMs
}

/** From one minute of the day to the next time that it is the other. */
const minutesBetween = (from: number, to: number): number =>
  (to - from + MINUTES_A_DAY) % MINUTES_A_DAY
