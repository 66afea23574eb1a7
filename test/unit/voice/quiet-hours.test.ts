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
