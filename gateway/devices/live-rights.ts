/** Rights that change while devices are connected: in force at once, and told to whom they are taken from. */
import type { Device } from '../turn.ts'
import { losesSubscriptions, type PermissionRule, type Permissions } from './permissions.ts'
import type { Registry } from './registry.ts'

/** Devices remembered as they are in the registry; beyond it all are read anew. */
const MAX_REMEMBERED = 10_000

export interface LiveRightsParts {
  readonly registry: Registry
  readonly permissions: Permissions
  /** Ids of the clients connected now. */
  readonly clients: () => readonly string[]
  /** What was decided before is to be asked anew. */
  readonly forgetDecisions: () => void
  /** Ends the connection of a client and says why. */
  readonly cut: (clientId: string, deviceId: string) => void
}

export interface LiveRights {
  /** Of a device just read from the registry: what `current` would give, without reading it again. */
  remember(device: Device): Device
  /** The device as the registry has it now; who is not in it (anonymous) stays as it is. */
  current(device: Device): Device
  /** After a change of one device's kind or groups. Gives the clients that were cut. */
  deviceChanged(before: Device, after: Device): readonly string[]
  /** After a removal or the like: it is read anew. */
  forget(deviceId: string): void
  /** Other rules from now on. Gives the clients that were cut: those that lost a subscription. */
  replace(rules: readonly PermissionRule[]): readonly string[]
}

/** Clients without credentials, where the configuration lets them in. */
export const ANONYMOUS_KIND = 'anonymous'

/** A second connection of a device adds a colon and a name to its id. */
export const deviceIdOf = (clientId: string): string => clientId.split(':', 1)[0] ?? clientId

export function createLiveRights(parts: LiveRightsParts): LiveRights {
  const { registry, permissions } = parts
  const known = new Map<string, Device>()

  function current(device: Device): Device {
    // Its name is its own choice: it must not lend it the rights of a registered device.
    if (device.kind === ANONYMOUS_KIND) return device
    const before = known.get(device.id)
    if (before) return before
    const now = registry.get(device.id)
    return now ? remember(now) : device
  }

  /** The one known before is kept, since its grants have been worked out; a change would have removed it. */
  function remember(device: Device): Device {
    const before = known.get(device.id)
    if (before) return before
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(device.id, device)
    return device
  }

  function cutAll(clientIds: readonly string[]): readonly string[] {
    parts.forgetDecisions()
    for (const clientId of clientIds) parts.cut(clientId, deviceIdOf(clientId))
    return clientIds
  }

  return {
    current,
    remember,
    forget: (deviceId) => {
      known.delete(deviceId)
    },
    deviceChanged(before, after) {
      known.delete(after.id)
      const isLess = losesSubscriptions(permissions.grantsOf(before), permissions.grantsOf(after))
      const own = parts.clients().filter((clientId) => deviceIdOf(clientId) === after.id)
      return cutAll(isLess ? own : [])
    },
    replace(rules) {
      const connected = parts.clients().map((clientId) => {
        const id = deviceIdOf(clientId)
        const device = registry.get(id) ?? { id, kind: ANONYMOUS_KIND, groups: [] }
        return { clientId, device, before: permissions.grantsOf(device) }
      })
      permissions.replace(rules)
      const losers = connected.filter(({ device, before }) =>
        losesSubscriptions(before, permissions.grantsOf(device)),
      )
      return cutAll(losers.map(({ clientId }) => clientId))
    },
  }
}
