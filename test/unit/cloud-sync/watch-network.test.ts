import { watchNetwork } from '@kefu-edge/cloud-sync/watch-network'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('says when an address appears, not when one goes or all stays', () => {
  let addresses = new Set(['10.0.0.5'])
  let returns = 0
  const stop = watchNetwork(() => (returns += 1), { addresses: () => addresses })
  vi.advanceTimersByTime(3000)
  expect(returns).toBe(0)
  addresses = new Set()
  vi.advanceTimersByTime(1000)
  expect(returns).toBe(0)
  addresses = new Set(['10.0.0.5'])
  vi.advanceTimersByTime(2000)
  expect(returns).toBe(1)
  stop()
  addresses = new Set(['10.0.0.6'])
  vi.advanceTimersByTime(5000)
  expect(returns).toBe(1)
})
