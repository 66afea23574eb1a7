/** What staff, a program or the cloud core asks the box to say. */
import { PRIORITIES } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'

const Id = Type.String({ minLength: 1, maxLength: 64 })

export const Announcement = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 1000 }),
  /** Device ids; with `group`, its members are added. */
  devices: Type.Optional(Type.Array(Id, { maxItems: 1000 })),
  group: Type.Optional(Id),
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
  /** The same id for the same device is said once. */
  id: Type.Optional(Id),
})
export type Announcement = Static<typeof Announcement>
