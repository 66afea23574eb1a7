/** Figures that a site sets its alarms on: what `kefu-edge doctor` would find, before somebody asks it. */
import { X509Certificate } from 'node:crypto'
import { readFileSync, statfsSync } from 'node:fs'
import type { Config } from './config/schema.ts'
import type { Figure } from './metrics.ts'
import type { JobStatus } from './schedule/schedule.ts'

const SECOND_MS = 1000

export interface BoxFigureParts {
  readonly config: Pick<Config, 'dataDir' | 'tls'>
  /** From memory: its disk may be another machine's that does not answer. */
  readonly newestBackupMs: () => number | undefined
  readonly nowMs: () => number
  readonly isTimeInDoubt: () => boolean
  readonly jobs: () => readonly JobStatus[]
}

/** Read when the page is asked for: a few system calls. What cannot be read is no figure. */
export function boxFigures(parts: BoxFigureParts): readonly Figure[] {
  const { config, nowMs, jobs } = parts
  return [
    {
      name: 'kefu_job_failing',
      help: '1 while the last run of a job at set times failed, else 0',
      labelNames: ['job'],
      read: () =>
        jobs().map(({ name, lastError }) => ({
          labels: { job: name },
          value: lastError === undefined ? 0 : 1,
        })),
    },
    {
      name: 'kefu_backup_age_seconds',
      help: 'Since the newest backup in backup.dir was made; absent where there is none',
      read: () => known(() => (nowMs() - (parts.newestBackupMs() ?? Number.NaN)) / SECOND_MS),
    },
    {
      name: 'kefu_disk_free_bytes',
      help: 'Free on the disk of the data folder',
      read: () =>
        known(() => {
          const { bavail, bsize } = statfsSync(config.dataDir)
          return bavail * bsize
        }),
    },
    {
      name: 'kefu_certificate_left_seconds',
      help: 'Until the certificate of the TLS ports expires; below 0 it has',
      read: () => known(() => (expiryMs(config.tls?.certFile) - nowMs()) / SECOND_MS),
    },
    {
      name: 'kefu_time_in_doubt',
      help: '1 while the clock cannot be right, else 0',
      read: () => [{ value: parts.isTimeInDoubt() ? 1 : 0 }],
    },
  ]
}

/** Nothing where the value is not a number or cannot be read. */
function known(read: () => number): readonly { readonly value: number }[] {
  try {
    const value = read()
    return Number.isNaN(value) ? [] : [{ value }]
  } catch {
    return []
  }
}

const expiryMs = (certFile: string | undefined): number =>
  certFile === undefined
    ? Number.NaN
    : Date.parse(new X509Certificate(readFileSync(certFile)).validTo)
