/**
 * What an administrator may do, each operation once: the command line calls them in the box's own
 * process when no gateway runs, through the admin API when one does; the console calls the API.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { AnswerTurn } from '../answer-turn.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Library } from '../knowledge/library.ts'
import type { Explanation } from '../language/port.ts'
import type { TimeFloor } from '../ledger/time-floor.ts'
import type { JobOutcome } from '../schedule/schedule.ts'
import { invalidMessage } from '../schema-wording.ts'
import type { BackupReport } from '../storage/backup.ts'
import type { IncomingAsk } from '../turn.ts'
import { Announcement } from '../voice/announcement.ts'
import type { Told } from '../voice/house-voice.ts'
import {
  DEVICE_OPERATIONS,
  type DeviceOperationParts,
  type LiveDevices,
} from './device-operations.ts'
import { LEDGER_OPERATIONS } from './ledger-operations.ts'
import { type LiveMqtt, MQTT_OPERATIONS } from './mqtt-operations.ts'
import { audit, operation as bareOperation, Id, type Operation } from './operation.ts'
import {
  type LiveRules,
  RIGHTS_OPERATIONS,
  type RightsOperationParts,
} from './rights-operations.ts'
import type { Status } from './status.ts'
import { SUBJECT_OPERATIONS, type SubjectOperationParts } from './subject-operations.ts'

export interface OperationParts
  extends DeviceOperationParts,
    RightsOperationParts,
    SubjectOperationParts {
  readonly time: Pick<TimeFloor, 'accept'>
  readonly library: Library
  readonly answerTurn: AnswerTurn
  /** Why an ask would be understood as it is; nothing is recorded. Throws `session.not-yours`. */
  readonly explainTurn: (incoming: IncomingAsk) => Explanation
  readonly status: () => Status
  /** Writes a backup file while the box runs. */
  readonly makeBackup: (file: string, configFile?: string) => Promise<BackupReport>
  /** Only in a running gateway. */
  readonly live: () => LiveParts | undefined
}

export interface LiveParts extends LiveDevices, LiveRules, LiveMqtt {
  /** Speech to devices, with proof of play. */
  readonly announce: (announcement: Announcement) => Promise<readonly Told[]>
  readonly runJob: (name: string) => Promise<JobOutcome>
  readonly recentLog: () => readonly string[]
}

/** Binds the parts, so that each entry below reads as arguments and deed. */
const operation = <S extends TSchema>(
  args: S,
  run: (args: Static<S>, parts: OperationParts) => unknown,
): Operation<S, OperationParts> => bareOperation(args, run)

const Question = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 1000 }),
  session: Type.Optional(Id),
  lang: Type.Optional(Type.String()),
})

export const OPERATIONS = {
  ...DEVICE_OPERATIONS,
  ...RIGHTS_OPERATIONS,
  ...MQTT_OPERATIONS,
  'clock.accept': operation(Type.Object({}), async (_, parts) => {
    const before = new Date((await parts.time.accept()).floorMs).toISOString()
    const now = new Date(parts.clock.now()).toISOString()
    await parts.store.commit(() => audit(parts, 'clock.accepted', { before }))
    return { before, now }
  }),
  ...SUBJECT_OPERATIONS,
  ...LEDGER_OPERATIONS,
  'pack.list': operation(Type.Object({}), (_, { library }) =>
    library.list().map(({ installedAtMs, ...pack }) => ({
      ...pack,
      installedAt: new Date(installedAtMs).toISOString(),
    })),
  ),
  'pack.install': operation(Type.Object({ dir: Type.String() }), async ({ dir }, { library }) => {
    const { readValidPack } = await import('../knowledge/read-pack.ts')
    const { tests, ...installed } = await library.install(readValidPack(dir))
    return {
      ...installed,
      tests: {
        total: tests.total,
        right: tests.right,
        score: tests.score,
        failures: tests.failures,
      },
    }
  }),
  'pack.rollback': operation(Type.Object({ name: Id }), async ({ name }, { library }) => {
    const { tests, ...installed } = await library.rollback(name)
    return { ...installed, testScore: tests.score }
  }),
  'pack.remove': operation(Type.Object({ name: Id }), async ({ name }, { library }) => {
    await library.remove(name)
    return { name, removed: true }
  }),
  ask: operation(Question, (question, { answerTurn, clock }) =>
    answerTurn(askedHere(question, clock)),
  ),
  explain: operation(Question, (question, { explainTurn, clock }) =>
    explainTurn(askedHere(question, clock)),
  ),
  announce: operation(Announcement, (args, { live }) => {
    const running = live()
    if (!running) throw new GatewayError('gateway.not-running')
    return running.announce(args)
  }),
  status: operation(Type.Object({}), (_, parts) => parts.status()),
  backup: operation(
    Type.Object({ file: Type.String(), configFile: Type.Optional(Type.String()) }),
    ({ file, configFile }, parts) => parts.makeBackup(file, configFile),
  ),
  'job.run': operation(Type.Object({ name: Id }), async ({ name }, parts) => {
    const live = parts.live()
    if (!live) throw new GatewayError('schedule.unknown-job', { detail: 'no gateway is running' })
    return live.runJob(name)
  }),
  'log.recent': operation(Type.Object({}), (_, parts) => ({
    lines: parts.live()?.recentLog() ?? [],
  })),
} as const

/** An administrator's own question. */
function askedHere(question: Static<typeof Question>, clock: Clock): IncomingAsk {
  const receivedAtMs = clock.now()
  return {
    ask: { id: newId(receivedAtMs), ...question },
    device: { id: 'console', kind: 'console', groups: [] },
    channel: 'console',
    receivedAtMs,
  }
}

export type OperationName = keyof typeof OPERATIONS
export const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name)

/** Checks the arguments and runs the operation; throws GatewayError. */
export async function runOperation(
  name: OperationName,
  args: unknown,
  parts: OperationParts,
): Promise<unknown> {
  const { args: schema, run } = OPERATIONS[name] as Operation<TSchema, OperationParts>
  const wrong = Value.Errors(schema, args).First()
  if (wrong) throw invalidMessage(wrong, { what: name })
  return run(args as Static<typeof schema>, parts)
}
