import { expect, test } from 'vitest'
import { quietForMs } from '../../../gateway/voice/quiet-hours.ts'

const night = { fromMinute: 22 * 60, untilMinute: 6 * 60 + 30, allow: ['critical'] } as const
const at = (hour: number, minute: number, second = 0) => Date.UTC(2026, 4, 1, hour, minute, second)
const minuteOfDay = (ms: number) => Math.floor(ms / 60_000) % 1440

test.each([
  [at(21, 59), 0],
  [at(22, 0), 510 * 60_000],
  [at(23, 59, 30), 391 * 60_000 - 30_000],
  [at(6, 29), 60_000],
  [at(6, 30), 0],
  [at(12, 0), 0],
])('at %d normal speech waits %d ms', (nowMs, waitMs) => {
  expect(quietForMs(night, 'normal', nowMs, minuteOfDay)).toBe(waitMs)
})

test('critical speech never waits, and without quiet hours nothing does', () => {
  expect(quietForMs(night, 'critical', at(23, 0), minuteOfDay)).toBe(0)
  expect(quietForMs(undefined, 'background', at(23, 0), minuteOfDay)).toBe(0)
})

/** As a box in Berlin reads its wall. */
const inBerlin = (ms: number) => {
  const wall = new Date(ms).toLocaleTimeString('sv', { timeZone: 'Europe/Berlin' })
  const [hour, minute] = wall.split(':').map(Number)
  return (hour ?? 0) * 60 + (minute ?? 0)
}
const evening = { ...night, fromMinute: 21 * 60 + 30 }
const lateEnd = { ...evening, untilMinute: 2 * 60 + 30 }

test.each([
  ['back', evening, '2026-10-24T22:00:00+02:00', '2026-10-25T06:30:00+01:00'],
  [
    'back, in the hour that comes twice',
    evening,
    '2026-10-25T02:10:30+01:00',
    '2026-10-25T06:30:00+01:00',
  ],
  ['forward', evening, '2026-03-28T22:00:00+01:00', '2026-03-29T06:30:00+02:00'],
  ['forward over their end', lateEnd, '2026-03-28T22:00:00+01:00', '2026-03-29T03:30:00+02:00'],
  ['not', evening, '2026-11-24T22:00:00+01:00', '2026-11-25T06:30:00+01:00'],
])('in a night in which the clocks go %s quiet hours end by the wall', (_, hours, from, until) => {
  const nowMs = Date.parse(from)
  const endMs = nowMs + quietForMs(hours, 'normal', nowMs, inBerlin)
  expect(new Date(endMs).toISOString()).toBe(new Date(until).toISOString())
  expect(quietForMs(hours, 'normal', endMs, inBerlin)).toBe(0)
})
