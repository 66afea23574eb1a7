/** `kefu-edge subject export|erase|hold|release`: what is kept of a person, and his right to have it gone. */
import { SUBJECT_KINDS, Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.ts'
import type { ExitCode } from './io.ts'
import { type CommandIo, readOptions, sayUsage } from './own-options.ts'

export type SubjectOperation =
  | 'subject.export'
  | 'subject.erase'
  | 'subject.hold'
  | 'subject.release'

/** Runs an operation in the gateway that holds the data folder, or here when none does. */
export type Operate = (name: SubjectOperation, args: Record<string, unknown>) => Promise<unknown>

const USAGE = `kefu-edge subject export ID --kind KIND [--json]                  everything kept of a person, as JSON lines
kefu-edge subject erase ID --kind KIND --reason TEXT --yes          destroys the keys of what is kept; cannot be undone
kefu-edge subject hold ID --kind KIND --reason TEXT                 legal hold: neither erased nor removed by age
kefu-edge subject release ID --kind KIND --reason TEXT

KIND is one of ${SUBJECT_KINDS.join(', ')}.
TEXT stays in the record for good and goes to the cloud core: write no names or numbers of persons (what is recognised as such is masked).`

const OPTIONS = {
  kind: { type: 'string' },
  reason: { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  data: { type: 'string' },
  config: { type: 'string' },
} as const

export async function subjectCommand(
  args: readonly string[],
  io: CommandIo,
  env: { readonly dataDir?: string; readonly operate?: Operate },
): Promise<ExitCode> {
  const parsed = readOptions(args, OPTIONS)
  if (!parsed) return usage(io, 2)
  const { values, positionals } = parsed
  if (values.help) return usage(io, 0)
  const { operate } = env
  if (!operate) throw new GatewayError('internal', { detail: 'no way to the box was given' })
  const [verb, id] = positionals
  const { kind, reason, json } = values
  if (id === undefined || kind === undefined || !Value.Check(Subject.properties.kind, kind))
    return usage(io, 2)
  if (verb === 'export') {
    const entries = (await operate('subject.export', { id, kind })) as readonly unknown[]
    for (const entry of entries) io.stdout.write(`${JSON.stringify(entry)}\n`)
    io.stderr.write(`${entries.length} entries\n`)
    return 0
  }
  if (reason === undefined) return usage(io, 2)
  if (verb === 'erase') {
    if (!values.yes) {
      io.stderr.write('This cannot be undone. Say --yes to erase.\n')
      return 2
    }
    const report = (await operate('subject.erase', { id, kind, reason })) as {
      readonly keys: number
      readonly isScrubbed: boolean
    }
    io.stdout.write(json ? `${JSON.stringify(report)}\n` : describeErasure(report))
    return report.isScrubbed ? 0 : 1
  }
  if (verb === 'hold' || verb === 'release') {
    await operate(`subject.${verb}`, { id, kind, reason })
    io.stdout.write(json ? `${JSON.stringify({ done: true })}\n` : `${verb}: done\n`)
    return 0
  }
  return usage(io, 2)
}

function describeErasure(report: { readonly keys: number; readonly isScrubbed: boolean }): string {
  if (report.keys === 0) return 'nothing was kept of this person\n'
  const rest = report.isScrubbed
    ? ''
    : '; another program reads an older state of the database, the last copies of the keys go when it has ended'
  return `erased: ${report.keys} keys destroyed, the record stays provable${rest}\n`
}

const usage = (io: CommandIo, code: 0 | 2): ExitCode => sayUsage(USAGE, io, code)
