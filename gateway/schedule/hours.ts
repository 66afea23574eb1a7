/** Hours of the day, as a site writes them: `22:00-06:00`, `18:00-24:00`. */
const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/
/** For the configuration's schema. */
export const HOURS_PATTERN = HOURS.source

/**
 * Whether the local time lies in one of these: over midnight where the end is before the beginning, all day
 * where both are the same.
 */
export function isWithinHours(hours: readonly string[], at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes()
  return hours.some((range) => {
    const [, fromHour, fromMinute, toHour, toMinute] = (HOURS.exec(range) ?? []).map(Number)
    const from = (fromHour ?? 0) * 60 + (fromMinute ?? 0)
    const to = (toHour || 0) * 60 + (toMinute || 0)
    return from < to ? minute >= from && minute < to : minute >= from || minute < to
  })
}
