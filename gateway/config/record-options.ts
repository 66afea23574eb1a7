/** Options of what the box keeps: storage, retention, backup, log. */
import { Type } from '@sinclair/typebox'
import { DEFAULT_RETENTION, type RetentionRule } from '../ledger/retention-policy.ts'
import { group } from './option-types.ts'

const Retention = (what: string, rule: RetentionRule) =>
  Type.Object(
    {
      minDays: Type.Integer({
        minimum: 0,
        maximum: 36_500,
        default: rule.minDays,
        description: `${what}: days that nothing removes it, however short the disk (auditors)`,
      }),
      maxDays: Type.Integer({
        minimum: 1,
        maximum: 36_500,
        default: rule.maxDays,
        description: `${what}: days after which it is removed or made unreadable (auditors)`,
      }),
    },
    group,
  )

export const RetentionOptions = Type.Object(
  {
    C1: Retention('Codes, counts and the frame of every record', DEFAULT_RETENTION.C1),
    C2: Retention('What a person said and was answered', DEFAULT_RETENTION.C2),
  },
  group,
)

export const BackupOptions = Type.Object(
  {
    dir: Type.Optional(
      Type.String({
        description:
          'Folder for the daily backup, best on another disk; absent: no daily backup (IT)',
      }),
    ),
    cron: Type.String({
      default: '30 3 * * *',
      description: 'When the daily backup is made, as a cron expression in local time (IT)',
    }),
    keep: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 7,
      description: 'Backups kept; what was erased from the box lives on in them so long (IT)',
    }),
  },
  group,
)

export const StorageOptions = Type.Object(
  {
    synchronous: Type.Union([Type.Literal('FULL'), Type.Literal('NORMAL')], {
      default: 'FULL',
      description: 'FULL stands a power cut; NORMAL only a crash of the process (IT)',
    }),
  },
  group,
)

export const LogOptions = Type.Object(
  {
    level: Type.Union(
      ['trace', 'debug', 'info', 'warn', 'error', 'silent'].map((level) => Type.Literal(level)),
      { default: 'info', description: 'Least severe level that is written (IT)' },
    ),
  },
  group,
)
