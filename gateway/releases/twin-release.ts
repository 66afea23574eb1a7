/**
 * What devices should be, as the cloud core says it: a release sets fields of the desired state of a
 * device or of a group, as `kefu-edge twin` does.
 */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import type { TwinState } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'
import { createOnceTarget } from './once-target.ts'

const Id = Type.String({ minLength: 1, maxLength: 64 })
const DesiredTwin = Type.Object(
  {
    device: Type.Optional(Id),
    group: Type.Optional(Id),
    state: Type.Record(Id, Type.Unknown(), { minProperties: 1, maxProperties: 256 }),
  },
  { additionalProperties: false },
)
export type DesiredTwin = Static<typeof DesiredTwin>

export interface TwinParts {
  /** Desired states of the devices meant, by id; throws `device.unknown` where there is none. */
  read(
    whose: Pick<DesiredTwin, 'device' | 'group'>,
  ): readonly { readonly device: string; readonly desired: TwinState }[]
  desire(desired: DesiredTwin): Promise<unknown>
}

export const createTwinTarget = (twins: TwinParts): ReleaseTarget =>
  createOnceTarget({
    schema: DesiredTwin,
    check: (wanted) => void twins.read(wanted),
    /** Devices that are already meant to be so are left alone. Whether they follow is what drift says. */
    async run(wanted) {
      const { state } = wanted
      for (const { device, desired } of twins.read(wanted)) {
        if (!isDesired(desired, state)) await twins.desire({ device, state })
      }
    },
  })

const isDesired = (desired: TwinState, state: DesiredTwin['state']): boolean =>
  Object.entries(state).every(
    ([field, value]) => JSON.stringify(desired.state[field] ?? null) === JSON.stringify(value),
  )
