/** What an administrator sees and sets of devices: who is connected, what each should be and what it is. */
import type { Presence, TwinState } from '@kefu-edge/device-sdk/protocol/schemas'
import type { TwinView } from '../devices/twin.ts'
import { GatewayError } from '../errors.ts'
import type { OperationParts } from './operations.ts'

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

export function listDevices({ registry, live }: OperationParts): ListedDevice[] {
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
  parts: OperationParts,
): DeviceTwin[] {
  return meant(device, group, parts).map((id) => ({ device: id, ...parts.twins.read(id) }))
}

/** Sets what devices should be; on disk, in the record and on its way to them when this resolves. */
export async function desireTwins(desire: Desire, parts: OperationParts): Promise<DeviceTwin[]> {
  const { device, group, state, version } = desire
  const ids = meant(device, group, parts)
  const { store, twins, ledger, clock } = parts
  await store.commit(() => {
    for (const id of ids) {
      twins.desire(id, { state, ...(version === undefined ? {} : { version }) })
      const body = { device: id, fields: Object.keys(state) }
      ledger.append({ lane: 'audit', kind: 'twin.desired', atMs: clock.now(), body })
      // In this transaction: what the broker keeps for the device is what the twin says.
      parts.onDesired(id)
    }
  })
  return readTwins({ device, group }, parts)
}

function meant(
  device: string | undefined,
  group: string | undefined,
  { registry }: OperationParts,
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
