import { afterEach, describe, expect, it } from 'vitest'
import type { Logger } from '../../../gateway/logger.ts'
import { createSchedule, type Job, type Schedule } from '../../../gateway/schedule/schedule.ts'
import { handClock } from '../../support/clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const open: Schedule[] = []
afterEach(() => Promise.all(open.splice(0).map((schedule) => schedule.close())))

function scheduleOf(jobs: readonly Job[], startMs?: number) {
  const clock = handClock(startMs)
  const errors: unknown[] = []
  const noop = () => undefined
  const logger = {
    trace: noop,
    debug: noop,
    info: noop,
    warn: noop,
    error: (what: unknown) => errors.push(what),
  } as unknown as Logger
  const schedule = createSchedule({ clock, logger, jobs })
  open.push(schedule)
  return { clock, schedule, errors }
}

function job(over: Partial<Job> = {}): Job & { readonly times: () => number } {
  let times = 0
  return {
    name: 'job',
    cron: '* * * * *',
    why: 'a test',
    run: () => {
      times += 1
      return undefined
    },
    ...over,
    times: () => times,
  }
}

/** Jobs begin in a microtask of their own. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('a schedule', () => {
  it('runs a job once in each minute that its expression names, however often the clock is looked at', async () => {
    const each = job()
    const { clock, schedule } = scheduleOf([each])
    schedule.look()
    await settle()
    expect(each.times()).toBe(0)
    for (let second = 0; second < 180; second += 5) {
      clock.advance(5000)
      schedule.look()
      await settle()
    }
    expect(each.times()).toBe(3)
  })

  it('never runs one job twice at the same time, and counts what it skipped', async () => {
    let finish: () => void = () => undefined
    const slow = job({ run: () => new Promise((resolve) => (finish = () => resolve('slow'))) })
    const { clock, schedule } = scheduleOf([slow])
    clock.advance(MINUTE_MS)
    schedule.look()
    await settle()
    clock.advance(MINUTE_MS)
    schedule.look()
    expect(await schedule.runNow('job')).toEqual({ kind: 'already-running' })
    expect(schedule.status()[0]).toMatchObject({ isRunning: true, runs: 1, skipped: 2 })
    finish()
    await settle()
    expect(schedule.status()[0]).toMatchObject({ isRunning: false, lastResult: 'slow' })
  })

  it('logs and counts a job that throws, and runs it again next time', async () => {
    let isBroken = true
    const { clock, schedule, errors } = scheduleOf([
      job({
        run: () => {
          if (isBroken) throw new Error('the disk is away')
          return 'well'
        },
      }),
    ])
    expect(await schedule.runNow('job')).toEqual({ kind: 'failed', error: 'the disk is away' })
    expect(errors).toHaveLength(1)
    expect(schedule.status()[0]).toMatchObject({ failures: 1, lastError: 'the disk is away' })
    isBroken = false
    clock.advance(MINUTE_MS)
    schedule.look()
    await settle()
    expect(schedule.status()[0]).toMatchObject({ runs: 2, failures: 1, lastResult: 'well' })
    expect(schedule.status()[0]).not.toHaveProperty('lastError')
  })

  it('runs each job once, and soon, when the clock jumps from 1970 to the present', async () => {
    const each = job()
    const nightly = job({ name: 'nightly', cron: '30 2 * * *' })
    const { clock, schedule } = scheduleOf([each, nightly], 0)
    clock.advance(Date.UTC(2026, 10, 22) - 0)
    const startedAt = performance.now()
    schedule.look()
    expect(performance.now() - startedAt).toBeLessThan(1000)
    await settle()
    expect([each.times(), nightly.times()]).toEqual([1, 1])
  })

  it('goes on at once when the clock was set back by years', async () => {
    const each = job()
    const { clock, schedule } = scheduleOf([each], Date.UTC(2030, 0, 1))
    clock.advance(-4 * 365 * 24 * HOUR_MS)
    schedule.look()
    clock.advance(MINUTE_MS)
    schedule.look()
    await settle()
    expect(each.times()).toBeGreaterThanOrEqual(1)
    expect(each.times()).toBeLessThanOrEqual(2)
  })

  it('makes up once for what was due while the box slept', async () => {
    const nightly = job({ name: 'nightly', cron: '30 2 * * *' })
    const { clock, schedule } = scheduleOf([nightly], new Date(2026, 4, 1, 1, 0).getTime())
    clock.advance(6 * HOUR_MS)
    schedule.look()
    clock.advance(HOUR_MS)
    schedule.look()
    await settle()
    expect(nightly.times()).toBe(1)
  })

  it('tells its jobs to stop and waits for them when it is closed', async () => {
    let stopped = false
    const { schedule } = scheduleOf([
      job({
        run: (signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              stopped = true
              resolve(undefined)
            })
          }),
      }),
    ])
    const running = schedule.runNow('job')
    await settle()
    await schedule.close()
    expect(stopped).toBe(true)
    expect(await running).toEqual({ kind: 'done' })
  })

  it('refuses an expression that it cannot read and a name that it does not know', async () => {
    expect(() => scheduleOf([job({ cron: 'every day' })])).toThrow(/"every day" \(job\)/)
    expect(() => scheduleOf([job({ cron: '* * * * * *' })])).toThrow(/five fields/)
    await expect(scheduleOf([job()]).schedule.runNow('other')).rejects.toMatchObject({
      code: 'schedule.unknown-job',
    })
  })
})
