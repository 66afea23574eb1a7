/**
 * What an administrator may do, each operation once: the command line calls them in the box's own
 * process when no gateway runs, through the admin API when one does; the console calls the API.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Presence } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { AnswerTurn } from '../answer-turn.ts'
import type { Clock } from '../clock.ts'
import { CLAIM_TTL_MS, type ClaimGrant, type Claims } from '../devices/claims.ts'
import type { Passwords } from '../devices/passwords.ts'
import type { Permissions } from '../devices/permissions.ts'
import type { Registry } from '../devices/registry.ts'
import type { Twins } from '../devices/twin.ts'
import { GatewayError } from '../errors.ts'
import type { Library } from '../knowledge/library.ts'
import type { Explanation } from '../language/port.ts'
import type { Json, Ledger } from '../ledger/port.ts'
import type { SubjectRights } from '../ledger/subjects.ts'
import type { TimeFloor } from '../ledger/time-floor.ts'
import type { JobOutcome } from '../schedule/schedule.ts'
import type { BackupReport } from '../storage/backup.ts'
import type { Store } from '../storage/store.ts'
import type { IncomingAsk } from '../turn.ts'
import { Announcement } from '../voice/announcement.ts'
import type { Announced } from '../voice/announcer.ts'
import { desireTwins, listDevices, readTwins } from './device-state.ts'
import { IDENTITY_OPERATIONS, type LiveIdentity } from './identity-operations.ts'
import { LEDGER_OPERATIONS } from './ledger-operations.ts'
import { type LiveMqtt, MQTT_OPERATIONS } from './mqtt-operations.ts'
import { operation as bareOperation, type Operation } from './operation.ts'
import type { Status } from './status.ts'
import { SUBJECT_OPERATIONS } from './subject-operations.ts'

export interface OperationParts {
  readonly subjects: SubjectRights
  readonly store: Store
  readonly clock: Clock
  readonly time: Pick<TimeFloor, 'accept'>
  readonly ledger: Ledger
  readonly registry: Registry
  readonly claims: Claims
  readonly passwords: Passwords
  readonly permissions: Permissions
  readonly twins: Twins
  readonly library: Library
  readonly answerTurn: AnswerTurn
  /** Why an ask would be understood as it is; nothing is recorded. Throws `session.not-yours`. */
  readonly explainTurn: (incoming: IncomingAsk) => Explanation
  /** Lets connections go on or ends them after a device's rights have changed. */
  readonly onDeviceChanged: (deviceId: string, reason: string) => void
  /** Publishes what a device should be; inside `store.commit`. */
  readonly onDesired: (deviceId: string) => void
  readonly status: () => Status
  /** Writes a backup file while the box runs. */
  readonly makeBackup: (file: string, configFile?: string) => Promise<BackupReport>
  /** Only in a running gateway. */
  readonly live: () => LiveParts | undefined
}

export interface LiveParts extends LiveIdentity, LiveMqtt {
  /** Speech to devices, with proof of play. */
  readonly announce: (announcement: Announcement) => Promise<readonly Announced[]>
  readonly runJob: (name: string) => Promise<JobOutcome>
  readonly recentLog: () => readonly string[]
  readonly presence: (deviceId: string) => Presence | undefined
}

/** Binds the parts, so that each entry below reads as arguments and deed. */
const operation = <S extends TSchema>(
  args: S,
  run: (args: Static<S>, parts: OperationParts) => unknown,
): Operation<S, OperationParts> => bareOperation(args, run)

const Id = Type.String({ minLength: 1, maxLength: 64 })
const WhoseTwin = { device: Type.Optional(Id), group: Type.Optional(Id) }
const Question = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 1000 }),
  session: Type.Optional(Id),
  lang: Type.Optional(Type.String()),
})
const Groups = Type.Optional(Type.Array(Type.String(), { maxItems: 32 }))

function audit(parts: OperationParts, kind: string, body: Record<string, Json>): void {
  parts.ledger.append({ lane: 'audit', kind, atMs: parts.clock.now(), body })
}

/** What a claim gives: a new device's kind and groups, or those that a device has. Throws `device.unknown`. */
function grantOf(
  args: { kind: string; groups?: string[] } | { deviceId: string },
  registry: OperationParts['registry'],
): ClaimGrant {
  if ('kind' in args) return { kind: args.kind, groups: args.groups ?? [] }
  const device = registry.get(args.deviceId)
  if (!device) throw new GatewayError('device.unknown', { detail: args.deviceId })
  return { kind: device.kind, groups: device.groups, deviceId: device.id }
}

export const OPERATIONS = {
  ...IDENTITY_OPERATIONS,
  ...MQTT_OPERATIONS,
  'device.list': operation(Type.Object({}), (_, parts) => listDevices(parts)),
  'device.disable': operation(Type.Object({ id: Id }), (args, parts) =>
    setDisabled(args.id, true, parts),
  ),
  'device.enable': operation(Type.Object({ id: Id }), (args, parts) =>
    setDisabled(args.id, false, parts),
  ),
  'device.remove': operation(Type.Object({ id: Id }), async ({ id }, parts) => {
    await parts.store.commit(() => {
      parts.registry.remove(id)
      audit(parts, 'device.removed', { device: id })
    })
    parts.onDeviceChanged(id, 'the device was removed')
    return { deviceId: id, removed: true }
  }),
  'device.claim': operation(
    Type.Union([
      Type.Object({ kind: Type.String(), groups: Groups }),
      Type.Object({ deviceId: Id }),
    ]),
    async (args, parts) => {
      const nowMs = parts.clock.now()
      const grant = grantOf(args, parts.registry)
      const { kind, groups, deviceId } = grant
      const code = await parts.store.commit(() => {
        const device = deviceId === undefined ? {} : { device: deviceId }
        audit(parts, 'device.claim-made', { deviceKind: kind, ...device })
        return parts.claims.make(grant, nowMs)
      })
      return {
        claim: code,
        deviceId,
        kind,
        groups,
        expiresAt: new Date(nowMs + CLAIM_TTL_MS).toISOString(),
      }
    },
  ),
  'twin.read': operation(Type.Object({ ...WhoseTwin }), (args, parts) => readTwins(args, parts)),
  'twin.desire': operation(
    Type.Object({
      ...WhoseTwin,
      state: Type.Record(Type.String({ minLength: 1, maxLength: 64 }), Type.Unknown(), {
        minProperties: 1,
      }),
      version: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    (args, parts) => desireTwins(args, parts),
  ),
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
    const { readPack } = await import('../knowledge/read-pack.ts')
    const read = readPack(dir)
    if (!read.ok) {
      const listed = read.problems.map(
        (one) => `${one.file}${one.line ? `:${one.line}` : ''} ${one.message}`,
      )
      throw new GatewayError('pack.invalid', { detail: listed.join('; ') })
    }
    const { tests, ...installed } = await library.install(read.pack)
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
  if (wrong) {
    throw new GatewayError('message.invalid', {
      field: wrong.path,
      detail: `${wrong.path || name}: ${wrong.message}`,
    })
  }
  return run(args as Static<typeof schema>, parts)
}

async function setDisabled(id: string, isDisabled: boolean, parts: OperationParts) {
  await parts.store.commit(() => {
    parts.registry.setDisabled(id, isDisabled, parts.clock.now())
    audit(parts, isDisabled ? 'device.disabled' : 'device.enabled', { device: id })
  })
  if (isDisabled) parts.onDeviceChanged(id, 'the device was switched off in the registry')
  return { deviceId: id, disabled: isDisabled }
}
