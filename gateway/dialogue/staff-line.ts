/**
 * The line to staff: who is told when a person at a device needs one of them, and in what words.
 *
 * Devices of staff that share a group with the asking one (its ward, its hall) are told; where none of these
 * listens now, all of them. Whoever is away hears it on coming back, as any announcement.
 */
import { createHash } from 'node:crypto'
import type { Priority, Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Phrases } from '../skills/phrases.ts'
import type { Device, StaffAlert } from '../turn.ts'

/** Kinds of devices that staff carry or that stand where they sit. */
const STAFF_KINDS = ['nurse', 'staff'] as const
/** The same need at the same device within this time is one call: staff hear it repeated until they answer. */
export const SAME_CALL_MS = 60_000

export interface StaffCall {
  readonly device: Device
  readonly alert: StaffAlert
  readonly atMs: number
  readonly subject?: Subject | undefined
}

export interface StaffLine {
  /** Whether what happens at this device would be heard by staff now. */
  hears(device: Device): boolean
  /** Tells staff, until one of them acknowledges it. Inside `store.commit`: kept with the turn or not at all. */
  tell(call: StaffCall): void
}

/** What is said to staff; the same `id` for the same device is said once. */
export interface StaffMessage {
  readonly id: string
  readonly devices: readonly string[]
  readonly text: string
  readonly priority: Priority
  readonly subject?: Subject | undefined
}

type DevicesOfKind = (kind: string) => readonly Device[]

export interface StaffLineParts {
  /** Those that are switched on. */
  readonly devicesOfKind: DevicesOfKind
  /** Whether the device would play a speech now. */
  readonly isListening: (deviceId: string) => boolean
  readonly phrases: Phrases
  readonly say: (message: StaffMessage) => void
}

export function createStaffLine(parts: StaffLineParts): StaffLine {
  const { isListening, phrases, say } = parts

  function staffFor(device: Device): readonly string[] {
    const staff = staffOf(parts.devicesOfKind).filter((one) => one.id !== device.id)
    const near = staff.filter((one) => one.groups.some((group) => device.groups.includes(group)))
    const isNearHeard = near.some((one) => isListening(one.id))
    return (isNearHeard ? near : staff).map((one) => one.id)
  }

  return {
    hears: (device) => staffFor(device).some(isListening),
    tell({ device, alert, atMs, subject }) {
      const devices = staffFor(device)
      if (devices.length === 0) return
      const where = [device.id, ...device.groups].join(' ')
      const fields = { where, about: alert.about ?? '' }
      say({
        id: callId(device, alert, atMs),
        devices,
        text: phrases.say(`staff-${alert.kind}`, 'zh', 0, fields),
        priority: alert.kind === 'emergency' ? 'critical' : 'urgent',
        subject,
      })
    },
  }
}

/** Devices of staff that may be spoken to. */
export const staffOf = (devicesOfKind: DevicesOfKind): readonly Device[] =>
  STAFF_KINDS.flatMap(devicesOfKind)

const callId = ({ id }: Device, { kind, about = '' }: StaffAlert, atMs: number): string => {
  const call = [id, kind, about, Math.floor(atMs / SAME_CALL_MS)].join('\n')
  return `staff-${createHash('sha256').update(call).digest('hex').slice(0, 40)}`
}
