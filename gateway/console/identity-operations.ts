/** Operations on who devices are and what they may. */
import { Type } from '@sinclair/typebox'
import type { Clock } from '../clock.ts'
import type { Passwords } from '../devices/passwords.ts'
import type { Permissions } from '../devices/permissions.ts'
import type { NewDevice, Registry } from '../devices/registry.ts'
import { scramKeysOfPassword } from '../devices/scram.ts'
import { GatewayError } from '../errors.ts'
import type { Json, Ledger } from '../ledger/port.ts'
import type { Store } from '../storage/store.ts'
import type { Device } from '../turn.ts'
import { operation } from './operation.ts'

export interface IdentityOperationParts {
  readonly store: Store
  readonly clock: Clock
  readonly ledger: Ledger
  readonly registry: Registry
  readonly passwords: Passwords
  readonly permissions: Permissions
  readonly onDeviceChanged: (deviceId: string, reason: string) => void
  readonly live: () => LiveIdentity | undefined
}

/** Only in a running gateway. */
export interface LiveIdentity {
  /** Puts other rights in force; gives the clients that were cut. */
  readonly deviceChanged: (before: Device, after: Device) => readonly string[]
  /** Reads the configuration's permissions and the certificates anew. */
  readonly reload: () => Promise<ReloadReport>
}

export interface ReloadReport {
  readonly rules: number
  /** Clients that lost a subscription and were cut. */
  readonly cut: readonly string[]
  readonly certificates: 'read anew' | 'none'
  /** Other options that differ from those in force; they take a restart. */
  readonly needsRestart: readonly string[]
}

const Id = Type.String({ minLength: 1, maxLength: 64 })
const Groups = Type.Optional(Type.Array(Type.String(), { maxItems: 32 }))

function audit(parts: IdentityOperationParts, kind: string, body: Record<string, Json>): void {
  parts.ledger.append({ lane: 'audit', kind, atMs: parts.clock.now(), body })
}

export const IDENTITY_OPERATIONS = {
  'device.add': operation(
    Type.Object({
      id: Id,
      kind: Type.String(),
      groups: Groups,
      replace: Type.Optional(Type.Boolean()),
      password: Type.Optional(Type.String({ maxLength: 512 })),
    }),
    async ({ password, ...device }, parts: IdentityOperationParts) => {
      const added =
        password === undefined
          ? await addWithToken(device, parts)
          : await addWithPassword(device, password, parts)
      if (device.replace) parts.onDeviceChanged(device.id, 'the device was given a new secret')
      const { groups = [] } = parts.registry.get(device.id) ?? {}
      return { deviceId: device.id, kind: device.kind, groups, ...added }
    },
  ),
  'device.update': operation(
    Type.Object({ id: Id, kind: Type.Optional(Type.String()), groups: Groups }),
    async ({ id, ...change }, parts: IdentityOperationParts) => {
      const before = parts.registry.get(id)
      if (!before) throw new GatewayError('device.unknown', { detail: id })
      const after = await parts.store.commit(() => {
        const changed = parts.registry.update(id, change)
        const { kind, groups } = changed
        audit(parts, 'device.updated', { device: id, deviceKind: kind, groups: [...groups] })
        return changed
      })
      const cut = parts.live()?.deviceChanged(before, after) ?? []
      return { deviceId: id, kind: after.kind, groups: after.groups, cut }
    },
  ),
  permissions: operation(
    Type.Object({ device: Type.Optional(Id) }),
    ({ device: id }, { registry, permissions }: IdentityOperationParts) => {
      if (id === undefined) return { rules: permissions.rows() }
      const device = registry.get(id)
      if (!device) throw new GatewayError('device.unknown', { detail: id })
      const { kind, groups } = device
      return { deviceId: id, kind, groups, rules: permissions.rows(device) }
    },
  ),
  reload: operation(Type.Object({}), async (_, parts: IdentityOperationParts) => {
    const live = parts.live()
    if (!live) throw new GatewayError('gateway.not-running')
    const report = await live.reload()
    const { rules, cut } = report
    await parts.store.commit(() => audit(parts, 'permissions.reloaded', { rules, cut: cut.length }))
    return report
  }),
} as const

function addWithToken(device: NewDevice, parts: IdentityOperationParts) {
  return parts.store.commit(() => {
    auditAdded(device, 'token', parts)
    return { token: parts.registry.add(device, parts.clock.now()).token }
  })
}

/** The password is hashed before the transaction begins: it takes some tenths of a second. */
async function addWithPassword(device: NewDevice, password: string, parts: IdentityOperationParts) {
  const passwordHash = await parts.passwords.hash(password)
  const login = { passwordHash, scram: await scramKeysOfPassword(password) }
  return parts.store.commit(() => {
    auditAdded(device, 'password', parts)
    parts.registry.addWithPassword(device, login, parts.clock.now())
    return { login: 'password' }
  })
}

function auditAdded(device: NewDevice, login: string, parts: IdentityOperationParts): void {
  const { id, kind, replace = false } = device
  audit(parts, 'device.added', { device: id, deviceKind: kind, replaced: replace, login })
}
