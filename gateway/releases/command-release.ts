/**
 * Commands of the cloud core: a few operations of an administrator that may be done twice without harm,
 * since a power cut in between brings the same command again.
 */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { GatewayError } from '../errors.ts'
import type { LedgerDraft } from '../ledger/port.ts'
import { createOnceTarget } from './once-target.ts'

/** What a core may order: nothing that shows, changes or removes what people said. */
const COMMANDS = ['job.run', 'reload', 'device.disable', 'device.enable'] as const

const Command = Type.Object(
  {
    operation: Type.Union(COMMANDS.map((name) => Type.Literal(name))),
    args: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
)
export type CommandName = (typeof COMMANDS)[number]

/** How a job says that it was not done; the other operations throw. */
const NotDone = Type.Union([
  Type.Object({ kind: Type.Literal('failed'), error: Type.String() }),
  Type.Object({ kind: Type.Literal('already-running') }),
])

export interface CommandParts {
  /** Resolves with what the operation gives: of `job.run` how the job ended. */
  run(operation: CommandName, args: Record<string, unknown>): Promise<unknown>
  /** One entry of the record, on disk when it resolves. */
  record(draft: Pick<LedgerDraft, 'kind' | 'body'>): Promise<void>
}

export const createCommandTarget = (parts: CommandParts): ReleaseTarget =>
  createOnceTarget({
    schema: Command,
    /** Throws what the operation throws; the release is refused with that reason then. */
    async run({ operation, args = {} }, { name, serial }) {
      const outcome = await parts.run(operation, args)
      if (operation === 'job.run' && Value.Check(NotDone, outcome)) throw notDone(outcome)
      await parts.record({ kind: 'command.done', body: { operation, release: name, serial } })
    },
  })

function notDone(outcome: Static<typeof NotDone>): GatewayError {
  return outcome.kind === 'failed'
    ? new GatewayError('schedule.job-failed', { detail: outcome.error })
    : new GatewayError('schedule.job-running')
}
