/** Operations on what devices may: to see it, and to put the configuration's rules in force anew. */
import { Type } from '@sinclair/typebox'
import type { Permissions } from '../devices/permissions.ts'
import type { Registry } from '../devices/registry.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { knownDevice } from './device-state.ts'
import { type AuditParts, audit, Id, operation } from './operation.ts'

export interface RightsOperationParts extends AuditParts {
  readonly store: Store
  readonly registry: Registry
  readonly permissions: Permissions
  readonly live: () => LiveRules | undefined
}

/** Only in a running gateway. */
export interface LiveRules {
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

export const RIGHTS_OPERATIONS = {
  permissions: operation(
    Type.Object({ device: Type.Optional(Id) }),
    ({ device: id }, { registry, permissions }: RightsOperationParts) => {
      if (id === undefined) return { rules: permissions.rows() }
      const device = knownDevice(id, registry)
      const { kind, groups } = device
      return { deviceId: id, kind, groups, rules: permissions.rows(device) }
    },
  ),
  reload: operation(Type.Object({}), async (_, parts: RightsOperationParts) => {
    const live = parts.live()
    if (!live) throw new GatewayError('gateway.not-running')
    const report = await live.reload()
    const { rules, cut } = report
    await parts.store.commit(() => audit(parts, 'permissions.reloaded', { rules, cut: cut.length }))
    return report
  }),
} as const
