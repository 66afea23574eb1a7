/**
 * The line to staff: who is told when a person at a device needs one of them, and in what words.
 *
 * Devices of staff that share a group with the asking one (its ward, its hall) are told; where none of these
 * listens now, all of them. Whoever is away hears it on coming back, as any announcement.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Device, StaffAlert, StaffMessage } from '../turn.ts'
import type { Phrases } from './phrases.ts'

/** Kinds of devices that staff carry or that stand where they sit. */
const STAFF_KINDS = ['nurse', 'staff'] as const
/** One call within this time is told once, unless staff have answered it: they hear it repeated until they do. */
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

type DevicesOfKind = (kind: string) => readonly Device[]

export interface StaffLineParts {
  /** Those that are switched on. */
  readonly devicesOfKind: DevicesOfKind
  /** Whether a call to the device would be played now. */
  readonly isListening: (deviceId: string) => boolean
  /** Whether the speech is still to be answered: waiting somewhere, and acknowledged nowhere. */
  readonly isUnanswered: (speechId: string) => boolean
  readonly phrases: Phrases
  readonly say: (message: StaffMessage) => void
}

export function createStaffLine(parts: StaffLineParts): StaffLine {
  const { isListening, isUnanswered, phrases, say } = parts
  /** Newest last. Lost with a restart: then a call is told once more. */
  const told = new Map<string, { readonly id: string; readonly atMs: number }>()

  function staffFor(device: Device): readonly string[] {
    const staff = staffOf(parts.devicesOfKind).filter((one) => one.id !== device.id)
    const near = staff.filter((one) => one.groups.some((group) => device.groups.includes(group)))
    const isNearHeard = near.some((one) => isListening(one.id))
    return (isNearHeard ? near : staff).map((one) => one.id)
  }

  /** The id of the same call where staff still hear that one, else a new id. */
  function idOf(call: StaffCall): string {
    const { atMs } = call
    for (const [key, earlier] of told) {
      if (Math.abs(atMs - earlier.atMs) < SAME_CALL_MS) break
      told.delete(key)
    }
    const key = sameCall(call)
    const earlier = told.get(key)
    if (earlier && atMs - earlier.atMs < SAME_CALL_MS && isUnanswered(earlier.id)) return earlier.id
    const id = `staff-${newId(atMs)}`
    told.delete(key)
    told.set(key, { id, atMs })
    return id
  }

  return {
    hears: (device) => staffFor(device).some(isListening),
    tell(call) {
      const { device, alert, subject } = call
      const devices = staffFor(device)
      if (devices.length === 0) return
      const where = [device.id, ...device.groups].join(' ')
      const fields = { where, about: alert.about ?? '' }
      say({
        id: idOf(call),
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

/**
 * What makes two calls one: place, need and person, and of an emergency the words too, since two things
 * may happen that one entry answers ("a fight", "smoke").
 */
function sameCall({ device, alert: { kind, about, detail }, subject }: StaffCall): string {
  const words = kind === 'emergency' ? detail.toLowerCase().replace(/[\s\p{P}]/gu, '') : ''
  return [device.id, kind, about, words, subject?.kind, subject?.id].join('\n')
}
