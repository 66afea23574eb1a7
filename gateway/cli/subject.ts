/** `kefu-edge subject export|erase|hold|release|holds`: what is kept of a person, and his right to have it gone. */
import { SUBJECT_KINDS, Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { Value } from '@sinclair/typebox/value'
import { type Command, type CommandOptions, EVERY } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { operate } from './operate.ts'

const HELP = `kefu-edge subject export ID --kind KIND [--json]                  everything kept of a person, as JSON lines
kefu-edge subject erase ID --kind KIND --reason TEXT --yes          destroys the keys of what is kept; cannot be undone
kefu-edge subject hold ID --kind KIND --reason TEXT                 legal hold: neither erased nor removed by age
kefu-edge subject release ID --kind KIND --reason TEXT
kefu-edge subject holds [--json]                                    when each legal hold was set, and why; not for whom

KIND is one of ${SUBJECT_KINDS.join(', ')}.
TEXT stays in the record for good and goes to the cloud core: write no names or numbers of persons (what is recognised as such is masked).`

const OPTIONS = {
  ...EVERY,
  kind: { type: 'string' },
  reason: { type: 'string' },
  yes: { type: 'boolean' },
} as const

export const subject: Command<typeof OPTIONS> = { options: OPTIONS, help: HELP, run }

async function run({
  words: [verb, id, ...more],
  values: { kind, reason, yes, json },
  config,
  io,
}: CommandOptions<typeof OPTIONS>): Promise<ExitCode> {
  // Two persons would be one whose data is gone, and one of whom it is believed.
  if (more.length > 0) throw new UsageError(HELP)
  if (verb === 'holds' && id === undefined) {
    const holds = (await operate(config(), 'subject.holds', {})) as readonly HoldRow[]
    io.stdout(json ? JSON.stringify({ holds }) : describeHolds(holds))
    return 0
  }
  if (id === undefined || !Value.Check(Subject.properties.kind, kind)) throw new UsageError(HELP)
  if (verb === 'export') {
    const entries = (await operate(config(), 'subject.export', { id, kind })) as readonly unknown[]
    for (const entry of entries) io.stdout(JSON.stringify(entry))
    io.stderr(`${entries.length} entries`)
    return 0
  }
  if (reason === undefined) throw new UsageError(HELP)
  switch (verb) {
    case 'erase': {
      if (!yes) throw new UsageError('This cannot be undone. Say --yes to erase.')
      const report = await operate(config(), 'subject.erase', { id, kind, reason })
      const { keys, isScrubbed } = report as { keys: number; isScrubbed: boolean }
      io.stdout(json ? JSON.stringify(report) : describeErasure(keys, isScrubbed))
      return isScrubbed ? 0 : 1
    }
    case 'hold':
    case 'release': {
      const outcome = await operate(config(), `subject.${verb}`, { id, kind, reason })
      const { keys } = outcome as { keys: number }
      io.stdout(json ? JSON.stringify({ done: true, keys }) : describeHold(verb, keys))
      return 0
    }
    default:
      throw new UsageError(HELP)
  }
}

interface HoldRow {
  readonly heldAt: string
  readonly keys: number
  readonly reason: string
}

function describeHolds(holds: readonly HoldRow[]): string {
  if (holds.length === 0) return 'no legal hold stands'
  return holds.map(({ heldAt, keys, reason }) => `${heldAt} ${keys} keys: ${reason}`).join('\n')
}

function describeHold(verb: 'hold' | 'release', keys: number): string {
  if (keys === 0) {
    return verb === 'hold'
      ? 'hold: nothing is kept of this person yet; the hold stands for what comes'
      : 'release: the hold is gone; nothing is kept of this person'
  }
  return verb === 'hold' ? `hold: ${keys} keys are held` : `release: ${keys} keys are held no more`
}

function describeErasure(keys: number, isScrubbed: boolean): string {
  if (keys === 0)
    return 'nothing was kept of this person here; what a cloud core was shown of him is deleted there'
  const rest = isScrubbed
    ? ''
    : '; another program reads an older state of the database, the last copies of the keys go when it has ended'
  return `erased: ${keys} keys destroyed, the record stays provable${rest}`
}
