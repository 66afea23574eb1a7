/** What staff, a program or the cloud core asks the box to say. */
import { PRIORITIES, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'

const Id = Type.String({ minLength: 1, maxLength: 64 })
/** The contract's form of a time, and only what is one. */
const Time = Type.String({
  pattern:
    '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$',
  description: 'ISO 8601 date and time with offset, such as 2026-11-28T07:30:00+08:00',
})

export const Announcement = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 1000 }),
  /** Device ids; members of `group` and of each of `groups` are added. */
  devices: Type.Optional(Type.Array(Id, { maxItems: 1000 })),
  group: Type.Optional(Id),
  groups: Type.Optional(Type.Array(Id, { maxItems: 100 })),
  lang: Type.Optional(Type.Union([Type.Literal('zh'), Type.Literal('en')])),
  priority: Type.Optional(
    Type.Union([
      Type.Literal(PRIORITIES[0]),
      Type.Literal(PRIORITIES[1]),
      Type.Literal(PRIORITIES[2]),
      Type.Literal(PRIORITIES[3]),
    ]),
  ),
  untilAcknowledged: Type.Optional(Type.Boolean()),
  /** Not said earlier. In quiet hours what can wait is said at their end. */
  notBefore: Type.Optional(Time),
  /** Not said later; absent: by priority, from when it may be said. */
  expiresAt: Type.Optional(Time),
  /** The same id for the same device is said once. Of the form that devices take. */
  id: Type.Optional(Speech.properties.id),
})
export type Announcement = Static<typeof Announcement>
