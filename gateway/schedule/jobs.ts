/** The jobs of the box: what is done at set times, and why. */
import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '@kefu-edge/cloud-sync/make-folder'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Sessions } from '../dialogue/sessions.ts'
import { GatewayError } from '../errors.ts'
import type { FullLedger } from '../ledger/ledger.ts'
import type { TimeDoubt } from '../ledger/port.ts'
import { createRetention } from '../ledger/retention.ts'
import { savedTime, type TimeFloor } from '../ledger/time-floor.ts'
import type { Logger } from '../logger.ts'
import type { BackupReport } from '../storage/backup.ts'
import { backupName, newestBackupMs, pruneBackups } from '../storage/kept-backups.ts'
import type { Store } from '../storage/store.ts'
import { isWithinHours } from './hours.ts'
import type { Job } from './schedule.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Below this SQLite's log and a checkpoint may not fit: what is past its shortest keeping time goes early. */
export const LOW_DISK_BYTES = 500_000_000
/** Rows that `PRAGMA optimize` samples in each index: milliseconds, however long the ledger is. */
const ANALYSIS_LIMIT = 400

export interface JobParts {
  readonly config: Pick<Config, 'dataDir' | 'limits' | 'backup' | 'retention' | 'cloud'>
  readonly clock: Clock
  readonly store: Store
  readonly ledger: FullLedger
  readonly sessions: Pick<Sessions, 'expire'>
  readonly makeBackup: (file: string) => Promise<BackupReport>
  /** Present where the box keeps a floor under its clock. */
  readonly time?: Pick<
    TimeFloor,
    'doubt' | 'persist' | 'restampIfDue' | 'provenMs' | 'unprovenDays'
  >
  /** Told when the newest backup in `backup.dir` was made; undefined where none is there. */
  readonly onBackup?: (atMs: number | undefined) => void
  /** Told of what an operator must know at once. */
  readonly logger?: Pick<Logger, 'warn'>
  /** Present where a cloud is configured. */
  readonly pusher?: { setWindow(isOpen: boolean): void }
  /** Present where this branch's counts are sent to be added up. */
  readonly counts?: { sendDue(signal: AbortSignal): Promise<string> } | undefined
  /** Free bytes of the data folder's disk; a test gives its own. */
  readonly freeBytes?: () => number
}

export function boxJobs(parts: JobParts): readonly Job[] {
  const { config, store, ledger, clock, time } = parts
  const retention = createRetention({
    store,
    clock,
    ledger,
    policy: config.retention,
    ...(time ? { time } : {}),
  })
  const freeBytes = parts.freeBytes ?? (() => freeBytesOf(config.dataDir))
  const jobs: Job[] = [
    {
      name: 'ledger-checkpoint',
      cron: '* * * * *',
      why: 'Signs what the record has grown by, so that a later change can be proved',
      run: async () => {
        if (ledger.size() === (ledger.latestCheckpoint()?.size ?? 0)) return 'nothing new'
        return `${(await ledger.checkpoint()).size} entries signed`
      },
    },
    {
      name: 'sessions-expire',
      cron: '*/5 * * * *',
      why: 'Deletes conversations that nobody goes on with',
      run: () => expireSessions(parts, time?.doubt()),
    },
    {
      name: 'retention',
      cron: '30 2 * * *',
      atStart: () => true,
      why: 'Removes what was kept as long as it may be; hashes stay, so that the record stays provable',
      run: async () => said(await retention.run()),
    },
    {
      name: 'disk-watch',
      cron: '*/10 * * * *',
      why: 'Makes room by removing what is past its shortest keeping time when the disk runs short',
      run: async () => {
        const free = freeBytes()
        if (free >= LOW_DISK_BYTES) return `${Math.floor(free / 1e6)} MB free`
        return `disk is short (${Math.floor(free / 1e6)} MB): ${said(await retention.run({ diskIsShort: true }))}`
      },
    },
    {
      name: 'database-optimize',
      cron: '10 3 * * *',
      why: 'Brings the query plans up to date and folds the write-ahead log into the file',
      run: () => optimize(store),
    },
  ]
  if (time) jobs.push(timeJob(time, parts))
  if (parts.pusher && config.cloud.backlogHours.length > 0) {
    jobs.push(windowJob(parts, parts.pusher, config.cloud.backlogHours))
  }
  if (parts.counts) jobs.push(countsJob(parts.counts, time))
  if (config.backup.dir !== undefined) jobs.push(backupJob(parts, config.backup.dir))
  return jobs
}

async function expireSessions(
  { config, clock, store, sessions }: JobParts,
  doubt: TimeDoubt | undefined,
): Promise<string> {
  if (doubt) return 'skipped: the time is in doubt'
  const before = clock.now() - config.limits.sessionIdleMinutes * MINUTE_MS
  return `${await store.commit(() => sessions.expire(before))} deleted`
}

async function optimize(store: Store): Promise<string> {
  await store.durable()
  store.prepare(`PRAGMA analysis_limit = ${ANALYSIS_LIMIT}`).get()
  store.prepare('PRAGMA optimize').all()
  return (await store.scrub()) ? 'optimized' : 'optimized; the write-ahead log is being read'
}

/** How long the clock of a box goes after its start before it counts as the last good time. */
const CLOCK_STANDS_MS = 120_000

function timeJob(
  time: NonNullable<JobParts['time']>,
  { clock, store, ledger, logger }: JobParts,
): Job {
  const startedMs = clock.monotonic()
  let isJumpSaid = false
  return {
    name: 'time-floor',
    cron: '* * * * *',
    atStart: () => true,
    why: 'Keeps the last time known to be good, and dates what was written while the clock was wrong',
    run: async () => {
      // Network time has its say first: what the clock said before would stand over it. A new box knows no other time.
      const isStanding = clock.monotonic() - startedMs >= CLOCK_STANDS_MS
      if (isStanding || savedTime(store) === undefined) await time.persist()
      const days = time.unprovenDays()
      if (days > 0 && !isJumpSaid) {
        logger?.warn(
          { days },
          'the clock jumped ahead, and nobody confirmed it: nothing is removed for these days until the cloud core agrees, or kefu-edge clock accept says that the clock is right',
        )
      }
      isJumpSaid = days > 0
      if (await time.restampIfDue(ledger)) return 'entries written in doubt were dated'
      if (time.doubt()) return 'the time is in doubt'
      return days > 0 ? `${days} days are not confirmed: kefu-edge clock accept` : 'kept'
    },
  }
}

const windowJob = (
  { clock }: JobParts,
  pusher: NonNullable<JobParts['pusher']>,
  hours: readonly string[],
): Job => ({
  name: 'cloud-window',
  cron: '* * * * *',
  atStart: () => true,
  why: `Sends a backlog only at ${hours.join(', ')}; what is critical or new goes at once`,
  run: () => {
    const isOpen = isWithinHours(hours, new Date(clock.now()))
    pusher.setWindow(isOpen)
    return isOpen ? 'open' : 'closed'
  },
})

const countsJob = (counts: NonNullable<JobParts['counts']>, time: JobParts['time']): Job => ({
  name: 'branch-counts',
  cron: '20 * * * *',
  why: 'Sends what was counted each day, encrypted, to be added up over all branches',
  run: (signal) => (time?.doubt() ? 'skipped: the time is in doubt' : counts.sendDue(signal)),
})

function backupJob(parts: JobParts, dir: string): Job {
  const { config, clock, ledger, makeBackup, time } = parts
  const { gatewayId } = ledger
  const look = async (): Promise<number | undefined> => {
    const newestMs = await newestBackupMs(dir, gatewayId, clock.now())
    parts.onBackup?.(newestMs)
    return newestMs
  }
  const isDue = async () => clock.now() - ((await look()) ?? Number.NEGATIVE_INFINITY) > DAY_MS
  return {
    name: 'backup',
    cron: config.backup.cron,
    why: `Keeps ${config.backup.keep} backups in ${dir}`,
    atStart: async () => time?.doubt() === undefined && (await isDue()),
    run: async () => {
      makeFolder(dir, 0o700)
      const { file, bytes } = await makeBackup(join(dir, backupName(gatewayId, clock.now())))
      const { keep } = config.backup
      const gone = await pruneBackups(dir, gatewayId, { keep, made: file, nowMs: clock.now() })
      await look()
      return `${file}, ${Math.ceil(bytes / 1e6)} MB; ${gone} older removed`
    },
  }
}

function said(report: Awaited<ReturnType<ReturnType<typeof createRetention>['run']>>): string {
  if (report.skipped) return 'skipped: the time is in doubt'
  return `${report.keysDestroyed} keys destroyed, ${report.entriesRemoved} entries removed`
}

/** Throws `storage.open-failed` when the folder is gone. */
export function freeBytesOf(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir)
    return bavail * bsize
  } catch (cause) {
    throw new GatewayError('storage.open-failed', { cause, detail: dir })
  }
}
