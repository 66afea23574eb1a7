/** What an administrator sees and sets of devices: who is connected, what each should be and what it is. */
import type { Presence, TwinState } from '@kefu-edge/device-sdk/protocol/schemas'
import type { DeviceRecord, Registry } from '../devices/registry.ts'
import type { Twins, TwinView } from '../devices/twin.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { type AuditParts, audit } from './operation.ts'

export interface DeviceStateParts extends AuditParts {
  readonly store: Store
  readonly registry: Registry
  readonly twins: Twins
  /** Publishes what a device should be; inside `store.commit`. */
  readonly onDesired: (deviceId: string) => void
  readonly live: () => LivePresence | undefined
}

/** Only in a running gateway. */
export interface LivePresence {
  readonly presence: (deviceId: string) => Presence | undefined
}

export interface ListedDevice {
  readonly id: string
  readonly kind: string
  readonly groups: readonly string[]
  readonly isDisabled: boolean
  readonly createdAt: string
  /** Only while a gateway runs: nobody else can know. */
  readonly presence?: Presence
}

export interface DeviceTwin extends TwinView {
  readonly device: string
}

export interface Desire {
  readonly device?: string | undefined
  readonly group?: string | undefined
  readonly state: TwinState['state']
  readonly version?: number | undefined
}

/** The device of this id; throws `device.unknown`. */
export function knownDevice(id: string, registry: Registry): DeviceRecord {
  const device = registry.get(id)
  if (!device) throw new GatewayError('device.unknown', { detail: id })
  return device
}

export function listDevices({ registry, live }: DeviceStateParts): ListedDevice[] {
  const running = live()
  return registry.list().map(({ createdAtMs, ...device }) => {
    const presence = running?.presence(device.id)
    return {
      ...device,
      createdAt: new Date(createdAtMs).toISOString(),
      ...(presence ? { presence } : {}),
    }
  })
}

/** The twins of the devices meant; throws `device.unknown` where there is none. */
export function readTwins(
  { device, group }: Pick<Desire, 'device' | 'group'>,
  parts: DeviceStateParts,
): DeviceTwin[] {
  return meant(device, group, parts).map((id) => ({ device: id, ...parts.twins.read(id) }))
}

/** Sets what devices should be; on disk, in the record and on its way to them when this resolves. */
export async function desireTwins(desire: Desire, parts: DeviceStateParts): Promise<DeviceTwin[]> {
  const { device, group, state, version } = desire
  const ids = meant(device, group, parts)
  await parts.store.commit(() => {
    for (const id of ids) {
      parts.twins.desire(id, { state, ...(version === undefined ? {} : { version }) })
      audit(parts, 'twin.desired', { device: id, fields: Object.keys(state) })
      // In this transaction: what the broker keeps for the device is what the twin says.
      parts.onDesired(id)
    }
  })
  return readTwins({ device, group }, parts)
}

function meant(
  device: string | undefined,
  group: string | undefined,
  { registry }: DeviceStateParts,
): string[] {
  if (device === undefined && group === undefined) {
    throw new GatewayError('message.invalid', { detail: 'name a device or a group' })
  }
  const ids = registry
    .list()
    .filter((one) => one.id === device || (group !== undefined && one.groups.includes(group)))
    .map((one) => one.id)
  const isMissing = device !== undefined && !ids.includes(device)
  if (ids.length === 0 || isMissing) {
    throw new GatewayError('device.unknown', { detail: device ?? `group ${group}` })
  }
  return ids
}
