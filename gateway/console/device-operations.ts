/** Operations on devices: who is registered, switched on and off, removed, claimed, and what each should be. */
import { TwinVersion } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'
import { CLAIM_TTL_MS, type ClaimGrant, type Claims } from '../devices/claims.ts'
import type { Passwords } from '../devices/passwords.ts'
import type { NewDevice, Registry } from '../devices/registry.ts'
import { scramKeysOfPassword } from '../devices/scram.ts'
import type { Device } from '../turn.ts'
import {
  type DeviceStateParts,
  desireTwins,
  knownDevice,
  type LivePresence,
  listDevices,
  readTwins,
} from './device-state.ts'
import { audit, Id, operation } from './operation.ts'

export interface DeviceOperationParts extends DeviceStateParts {
  readonly claims: Claims
  readonly passwords: Passwords
  /** Lets connections go on or ends them after a device's rights have changed. */
  /** `isReplaced`: another box may go by its name from here on. */
  readonly onDeviceChanged: (deviceId: string, reason: string, isReplaced?: boolean) => void
  readonly live: () => LiveDevices | undefined
}

/** Only in a running gateway. */
export interface LiveDevices extends LivePresence {
  /** Puts other rights in force; gives the clients that were cut. */
  readonly deviceChanged: (before: Device, after: Device) => readonly string[]
}

const NEW_SECRET = 'the device was given a new secret'

const Groups = Type.Optional(Type.Array(Type.String(), { maxItems: 32 }))
const WhoseTwin = { device: Type.Optional(Id), group: Type.Optional(Id) }
const Added = Type.Object({
  id: Id,
  kind: Type.String(),
  groups: Groups,
  replace: Type.Optional(Type.Boolean()),
  password: Type.Optional(Type.String({ maxLength: 512 })),
})
const Changed = Type.Object({ id: Id, kind: Type.Optional(Type.String()), groups: Groups })
const Claimed = Type.Union([
  Type.Object({ kind: Type.String(), groups: Groups }),
  Type.Object({ deviceId: Id }),
])
const Desired = Type.Object({
  ...WhoseTwin,
  state: Type.Record(Type.String({ minLength: 1, maxLength: 64 }), Type.Unknown(), {
    minProperties: 1,
  }),
  version: Type.Optional(TwinVersion),
})

export const DEVICE_OPERATIONS = {
  'device.list': operation(Type.Object({}), (_, parts: DeviceOperationParts) => listDevices(parts)),
  'device.add': operation(Added, add),
  'device.update': operation(Changed, update),
  'device.disable': operation(Type.Object({ id: Id }), ({ id }, parts: DeviceOperationParts) =>
    setDisabled(id, true, parts),
  ),
  'device.enable': operation(Type.Object({ id: Id }), ({ id }, parts: DeviceOperationParts) =>
    setDisabled(id, false, parts),
  ),
  'device.remove': operation(
    Type.Object({ id: Id }),
    async ({ id }, parts: DeviceOperationParts) => {
      await parts.store.commit(() => {
        parts.registry.remove(id)
        audit(parts, 'device.removed', { device: id })
      })
      parts.onDeviceChanged(id, 'the device was removed')
      return { deviceId: id, removed: true }
    },
  ),
  'device.claim': operation(Claimed, makeClaim),
  'twin.read': operation(Type.Object({ ...WhoseTwin }), (args, parts: DeviceOperationParts) =>
    readTwins(args, parts),
  ),
  'twin.desire': operation(Desired, (args, parts: DeviceOperationParts) =>
    desireTwins(args, parts),
  ),
} as const

/**
 * Credentials for a claim code; the device itself asks for them. One that was there already is cut
 * off from what the old secret let in. Throws `enroll.claim-refused`, `device.exists`.
 */
export async function enrollDevice(
  claim: string,
  deviceId: string | undefined,
  parts: Pick<DeviceOperationParts, 'store' | 'claims' | 'ledger' | 'clock' | 'onDeviceChanged'>,
): Promise<ReturnType<Claims['redeem']>> {
  const nowMs = parts.clock.now()
  const made = await parts.store.commit(() => {
    const made = parts.claims.redeem(claim, deviceId, nowMs)
    const body = { device: made.deviceId }
    const entry = { deviceId: made.deviceId, atMs: nowMs, body }
    parts.ledger.append({ lane: 'audit', kind: 'device.enrolled', ...entry })
    return made
  })
  parts.onDeviceChanged(made.deviceId, NEW_SECRET, true)
  return made
}

async function add({ password, ...device }: Static<typeof Added>, parts: DeviceOperationParts) {
  const added =
    password === undefined
      ? await addWithToken(device, parts)
      : await addWithPassword(device, password, parts)
  if (device.replace) parts.onDeviceChanged(device.id, NEW_SECRET, true)
  const { groups = [] } = parts.registry.get(device.id) ?? {}
  return { deviceId: device.id, kind: device.kind, groups, ...added }
}

function addWithToken(device: NewDevice, parts: DeviceOperationParts) {
  return parts.store.commit(() => {
    auditAdded(device, 'token', parts)
    return { token: parts.registry.add(device, parts.clock.now()).token }
  })
}

/** The password is hashed before the transaction begins: it takes some tenths of a second. */
async function addWithPassword(device: NewDevice, password: string, parts: DeviceOperationParts) {
  const passwordHash = await parts.passwords.hash(password)
  const login = { passwordHash, scram: await scramKeysOfPassword(password) }
  return parts.store.commit(() => {
    auditAdded(device, 'password', parts)
    parts.registry.addWithPassword(device, login, parts.clock.now())
    return { login: 'password' }
  })
}

function auditAdded(device: NewDevice, login: string, parts: DeviceOperationParts): void {
  const { id, kind, replace = false } = device
  audit(parts, 'device.added', { device: id, deviceKind: kind, replaced: replace, login })
}

async function update({ id, ...change }: Static<typeof Changed>, parts: DeviceOperationParts) {
  const before = knownDevice(id, parts.registry)
  const after = await parts.store.commit(() => {
    const changed = parts.registry.update(id, change)
    const { kind, groups } = changed
    audit(parts, 'device.updated', { device: id, deviceKind: kind, groups: [...groups] })
    return changed
  })
  const cut = parts.live()?.deviceChanged(before, after) ?? []
  return { deviceId: id, kind: after.kind, groups: after.groups, cut }
}

async function setDisabled(id: string, isDisabled: boolean, parts: DeviceOperationParts) {
  await parts.store.commit(() => {
    parts.registry.setDisabled(id, isDisabled, parts.clock.now())
    audit(parts, isDisabled ? 'device.disabled' : 'device.enabled', { device: id })
  })
  if (isDisabled) parts.onDeviceChanged(id, 'the device was switched off in the registry')
  return { deviceId: id, disabled: isDisabled }
}

async function makeClaim(args: Static<typeof Claimed>, parts: DeviceOperationParts) {
  const nowMs = parts.clock.now()
  const grant = grantOf(args, parts.registry)
  const { kind, groups, deviceId } = grant
  const code = await parts.store.commit(() => {
    const device = deviceId === undefined ? {} : { device: deviceId }
    audit(parts, 'device.claim-made', { deviceKind: kind, ...device })
    return parts.claims.make(grant, nowMs)
  })
  const expiresAt = new Date(nowMs + CLAIM_TTL_MS).toISOString()
  return { claim: code, deviceId, kind, groups, expiresAt }
}

/** What a claim gives: a new device's kind and groups, or those that a device has. Throws `device.unknown`. */
function grantOf(args: Static<typeof Claimed>, registry: Registry): ClaimGrant {
  if ('kind' in args) return { kind: args.kind, groups: args.groups ?? [] }
  const { id, kind, groups } = knownDevice(args.deviceId, registry)
  return { kind, groups, deviceId: id }
}
