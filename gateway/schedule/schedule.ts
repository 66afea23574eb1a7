/**
 * What the box does at set times: named jobs with cron expressions (read and matched by node-cron).
 *
 * The minutes are counted here and not by node-cron's own timers: those walk through every minute a
 * clock jumped over (half a century where a box without a battery clock learns the time) and stand
 * still until a clock that was set back has caught up. A box without a right clock still has work to do.
 */
import { createTask, validate } from 'node-cron'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Logger } from '../logger.ts'

const MINUTE_MS = 60_000
/** How often the clock is looked at: every minute is met, and a job starts at most this late. */
const LOOK_EVERY_MS = 5000
/** After a pause or a jump a job that was due within this long runs once; matching 1,440 minutes takes about 13 ms. */
const CATCH_UP_MINUTES = 1440
/** How long `close` waits for jobs that were told to stop. */
const CLOSE_WAIT_MS = 10_000

export interface Job {
  readonly name: string
  /** Five fields, local time: minute, hour, day of month, month, day of week. */
  readonly cron: string
  /** Why the box does this; shown to operators. */
  readonly why: string
  /**
   * Asked at the start, whether to run then too: what must not wait on a box that is off at night. Where it
   * cannot tell, the job runs and says why it fails.
   */
  readonly atStart?: () => boolean | Promise<boolean>
  /** Ends early when `signal` is aborted. The text it returns is shown as its last result. */
  run(signal: AbortSignal): string | undefined | Promise<string | undefined>
}

export interface JobStatus {
  readonly name: string
  readonly cron: string
  readonly why: string
  readonly isRunning: boolean
  readonly runs: number
  readonly failures: number
  /** Times it was due while it still ran. */
  readonly skipped: number
  readonly lastStartedAtMs?: number
  readonly lastTookMs?: number
  readonly lastResult?: string
  /** Of the last run, if that one failed. */
  readonly lastError?: string
}

export type JobOutcome =
  | { readonly kind: 'done'; readonly result?: string }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'already-running' }

export interface Schedule {
  start(): void
  /** Runs a job now, unless it runs already. Throws `schedule.unknown-job`. */
  runNow(name: string): Promise<JobOutcome>
  status(): readonly JobStatus[]
  /** Looks at the clock and starts what is due; the timer calls it, and a test with its own clock. */
  look(): void
  /** Starts nothing more and waits for what runs, for ten seconds at most. */
  close(): Promise<void>
}

interface Entry {
  readonly job: Job
  readonly matches: (date: Date) => boolean
  readonly forget: () => void
  running: Promise<JobOutcome> | undefined
  runs: number
  failures: number
  skipped: number
  lastStartedAtMs?: number
  lastTookMs?: number
  lastResult?: string | undefined
  lastError?: string | undefined
}

/** Throws `config.invalid` where an expression cannot be read. */
export function createSchedule(parts: {
  readonly clock: Clock
  readonly logger: Logger
  readonly jobs: readonly Job[]
}): Schedule {
  const { clock, logger } = parts
  const entries = new Map(parts.jobs.map((job) => [job.name, entryOf(job)]))
  const closing = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let lastMinute = minuteOf(clock.now())

  async function run(entry: Entry): Promise<JobOutcome> {
    const { job } = entry
    const startedAt = clock.monotonic()
    entry.lastStartedAtMs = clock.now()
    entry.runs += 1
    try {
      const result = await job.run(closing.signal)
      entry.lastError = undefined
      entry.lastResult = result
      logger.debug({ job: job.name, result }, 'job done')
      return { kind: 'done', ...(result === undefined ? {} : { result }) }
    } catch (error) {
      entry.failures += 1
      entry.lastError = error instanceof Error ? error.message : String(error)
      logger.error({ error, job: job.name }, 'job failed; it runs again next time')
      return { kind: 'failed', error: entry.lastError }
    } finally {
      entry.lastTookMs = Math.round(clock.monotonic() - startedAt)
      entry.running = undefined
    }
  }

  function begin(entry: Entry): Promise<JobOutcome> {
    if (closing.signal.aborted) return Promise.resolve({ kind: 'already-running' })
    if (entry.running) {
      entry.skipped += 1
      return Promise.resolve({ kind: 'already-running' })
    }
    // A job that throws at once must not do so before `running` is set.
    const running = Promise.resolve().then(() => run(entry))
    entry.running = running
    return running
  }

  function look(): void {
    const minute = minuteOf(clock.now())
    if (minute === lastMinute) return
    // A clock that was set back begins to count anew; nothing is due twice for it.
    const from = minute < lastMinute ? minute - 1 : Math.max(lastMinute, minute - CATCH_UP_MINUTES)
    lastMinute = minute
    for (const entry of entries.values()) {
      if (isDue(entry, from + 1, minute)) begin(entry).catch(() => undefined)
    }
  }

  async function beginAtStart(entry: Entry): Promise<void> {
    const { atStart } = entry.job
    if (!atStart) return
    let isWanted = true
    try {
      isWanted = await atStart()
    } catch {
      // The job meets the same and says so.
    }
    if (isWanted && !closing.signal.aborted) await begin(entry).catch(() => undefined)
  }

  return {
    start: () => {
      if (timer) return
      timer = setInterval(look, LOOK_EVERY_MS)
      timer.unref()
      for (const entry of entries.values()) void beginAtStart(entry)
    },
    runNow: async (name) => {
      const entry = entries.get(name)
      if (!entry) {
        const known = [...entries.keys()].join(', ')
        throw new GatewayError('schedule.unknown-job', { detail: `${name}; jobs: ${known}` })
      }
      return begin(entry)
    },
    status: () => [...entries.values()].map(statusOf),
    look,
    close: async () => {
      clearInterval(timer)
      closing.abort()
      const running = [...entries.values()].flatMap((entry) => entry.running ?? [])
      let waited: NodeJS.Timeout | undefined
      const enough = new Promise<void>((resolve) => {
        waited = setTimeout(resolve, CLOSE_WAIT_MS)
      })
      await Promise.race([Promise.all(running), enough])
      clearTimeout(waited)
      for (const entry of entries.values()) entry.forget()
    },
  }
}

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS)

function isDue(entry: Entry, from: number, to: number): boolean {
  for (let minute = to; minute >= from; minute--) {
    if (entry.matches(new Date(minute * MINUTE_MS))) return true
  }
  return false
}

/** Whether the box can read this cron expression: five fields. */
export const isCron = (expression: string): boolean =>
  expression.trim().split(/\s+/).length === 5 && validate(expression)

function entryOf(job: Job): Entry {
  if (!isCron(job.cron)) {
    throw new GatewayError('config.invalid', {
      detail: `"${job.cron}" (${job.name}): a cron expression of five fields is expected, such as 30 3 * * *`,
    })
  }
  const task = createTask(job.cron, () => undefined, { name: job.name })
  return {
    job,
    matches: (date) => task.match(date),
    forget: () => void task.destroy(),
    running: undefined,
    runs: 0,
    failures: 0,
    skipped: 0,
  }
}

function statusOf({ job, running, ...entry }: Entry): JobStatus {
  return {
    name: job.name,
    cron: job.cron,
    why: job.why,
    isRunning: running !== undefined,
    runs: entry.runs,
    failures: entry.failures,
    skipped: entry.skipped,
    ...(entry.lastStartedAtMs === undefined ? {} : { lastStartedAtMs: entry.lastStartedAtMs }),
    ...(entry.lastTookMs === undefined ? {} : { lastTookMs: entry.lastTookMs }),
    ...(entry.lastResult === undefined ? {} : { lastResult: entry.lastResult }),
    ...(entry.lastError === undefined ? {} : { lastError: entry.lastError }),
  }
}
