import { expect, it } from 'vitest'
import { FailedLogins } from '../../../gateway/devices/failed-logins.ts'

const MINUTE_MS = 60_000

it('the wait doubles with each failure up to a minute, and is forgotten after 15 minutes and not before', () => {
  let nowMs = 0
  const logins = new FailedLogins(() => nowMs, 2)
  const failNow = (): number => {
    nowMs += logins.waitMs('key')
    logins.failed('key')
    return logins.waitMs('key')
  }
  const waits = Array.from({ length: 10 }, failNow)
  expect(waits).toEqual([0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, MINUTE_MS, MINUTE_MS])

  nowMs += 15 * MINUTE_MS - 1
  logins.failed('key')
  expect(logins.waitMs('key')).toBe(MINUTE_MS)
  nowMs += 15 * MINUTE_MS
  logins.failed('key')
  expect(logins.waitMs('key')).toBe(0)
})

it('a login that succeeds ends the wait of its key, and of no other', () => {
  const logins = new FailedLogins(() => 0, 0)
  logins.failed('one')
  logins.failed('another')
  logins.succeeded('one')
  expect([logins.waitMs('one'), logins.waitMs('another')]).toEqual([0, 1000])
})
