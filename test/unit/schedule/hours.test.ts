import { expect, it } from 'vitest'
import { isWithinHours } from '../../../gateway/schedule/hours.ts'

const at = (hour: number, minute: number) => new Date(2026, 4, 1, hour, minute)

it.each([
  ['08:00-12:00', at(8, 0), true],
  ['08:00-12:00', at(11, 59), true],
  ['08:00-12:00', at(12, 0), false],
  ['22:00-06:00', at(23, 30), true],
  ['22:00-06:00', at(5, 59), true],
  ['22:00-06:00', at(6, 0), false],
  ['22:00-06:00', at(12, 0), false],
  ['00:00-00:00', at(12, 0), true],
  ['08:00-08:00', at(7, 59), true],
  ['18:00-24:00', at(23, 59), true],
  ['18:00-24:00', at(0, 0), false],
  ['00:00-24:00', at(12, 0), true],
])('%s holds %s: %s', (hours, time, isInside) => {
  expect(isWithinHours([hours], time)).toBe(isInside)
})

it('takes any of several', () => {
  expect(isWithinHours(['01:00-02:00', '12:00-13:00'], at(12, 30))).toBe(true)
  expect(isWithinHours([], at(12, 30))).toBe(false)
})
