import { createBackoff, createWaker } from '@kefu-edge/cloud-sync/backoff'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** The longest wait each time: the generator gives its upper end. */
const longest = () => createBackoff(() => 0.999_999, { baseMs: 500, capMs: 60_000 })

async function waitOf(backoff: ReturnType<typeof longest>): Promise<number> {
  const startedAt = Date.now()
  const ready = backoff.ready(new AbortController().signal)
  let isReady = false
  void ready.then(() => {
    isReady = true
  })
  while (!isReady) await vi.advanceTimersByTimeAsync(10)
  return Date.now() - startedAt
}

it('doubles the bound with each attempt that fails, up to the cap', async () => {
  const backoff = longest()
  const waits: number[] = []
  for (let n = 0; n < 9; n += 1) {
    backoff.failed('reset')
    waits.push(await waitOf(backoff))
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
})

it('takes an outage that two lanes and the echo notice together for one failed attempt', async () => {
  const backoff = longest()
  for (let n = 0; n < 3; n += 1) {
    for (const noticed of ['reset', 'reset', 'timeout'] as const) backoff.failed(noticed)
    await waitOf(backoff)
  }
  expect(backoff.attempts).toBe(3)
  backoff.failed('reset')
  expect(await waitOf(backoff)).toBe(4000)
})

it('waits as long as the core asks for, whoever hears of it', async () => {
  const backoff = longest()
  backoff.failed('reset')
  backoff.failed('busy', 20_000)
  expect(await waitOf(backoff)).toBeGreaterThanOrEqual(20_000)
})

it('goes on at once when the network is back, and forgets after a success', async () => {
  const backoff = longest()
  for (let n = 0; n < 8; n += 1) {
    backoff.failed('refused')
    backoff.resume()
  }
  expect(await waitOf(backoff)).toBeLessThanOrEqual(10)
  backoff.succeeded()
  backoff.failed('refused')
  expect(await waitOf(backoff)).toBe(500)
})

it('a wait of a loop ends with news, and with the end of the loop', async () => {
  const closing = new AbortController()
  const waker = createWaker(closing.signal)
  const hour = 3_600_000
  const woken = waker.sleep(hour)
  waker.wake()
  await woken
  const last = waker.sleep(hour)
  closing.abort()
  await last
  await waker.sleep(hour)
})
