/** What staff or a program asks the box to say. */
import type { Priority } from '@kefu-edge/device-sdk/protocol/schemas'

export interface Announcement {
  /** Device ids; with `group`, its members are added. */
  readonly devices?: readonly string[] | undefined
  readonly group?: string | undefined
  readonly text: string
  readonly lang?: 'zh' | 'en' | undefined
  readonly priority?: Priority | undefined
  readonly untilAcknowledged?: boolean | undefined
  readonly id?: string | undefined
}
