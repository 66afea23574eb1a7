/**
 * What devices should be, as the cloud core says it: a release sets fields of the desired state of a
 * device or of a group, as `kefu-edge twin` does.
 */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import type { TwinState } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'
import { parseContent } from './parse-content.ts'

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

export function createTwinTarget(twins: TwinParts): ReleaseTarget {
  const staged = new Map<string, DesiredTwin>()

  return {
    async stage({ name }, content) {
      const parsed = parseContent(DesiredTwin, content)
      if (!parsed.ok) return { kind: 'failed', reason: parsed.reason }
      twins.read(parsed.value)
      staged.set(name, parsed.value)
      return { kind: 'passed' }
    },
    /** Devices that are already meant to be so are left alone, so a second call does nothing. */
    async activate({ name }) {
      const wanted = staged.get(name)
      if (!wanted) return
      const { state } = wanted
      for (const { device, desired } of twins.read(wanted)) {
        if (!isDesired(desired, state)) await twins.desire({ device, state })
      }
      staged.delete(name)
    },
    // A wish is in force once it is kept; whether devices follow it is what drift says.
    test: async () => ({ kind: 'passed' }),
    rollback: async () => {},
  }
}

const isDesired = (desired: TwinState, state: DesiredTwin['state']): boolean =>
  Object.entries(state).every(
    ([field, value]) => JSON.stringify(desired.state[field] ?? null) === JSON.stringify(value),
  )
