/**
 * The call button of a device: a press is told to staff as the words 叫护士 are, and answered at the device as
 * these are: in words that are true.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { DeviceEvent, Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import type { Language } from '../knowledge/pack-schema.ts'
import type { CallReply, Device } from '../turn.ts'
import type { Phrases } from './phrases.ts'
import type { StaffLine } from './staff-line.ts'

/** As the contract with device makers names it; whatever else is pressed is kept in the record alone. */
const CALL_BUTTON = 'call-nurse'
/** Other buttons that are named once each; a device that makes up names must not fill the memory. */
const MAX_OTHER_BUTTONS = 1000

export interface CallButtonParts {
  readonly clock: Pick<Clock, 'now'>
  readonly staff: StaffLine
  readonly phrases: Phrases
  /** In which the person there was spoken to last. */
  readonly langOf: (device: Device, subject: Subject | undefined) => Language
  readonly reply: (reply: CallReply) => void
  /** Whether the device has still to say it. */
  readonly isStillToSay: (speechId: string) => boolean
  /** A button that calls nobody: told once for each device and name. */
  readonly onOtherButton: (device: Device, name: string | undefined) => void
}

/** What is done with each event of a device, once. Inside `store.commit`: kept with the event or not at all. */
export function createCallButton(
  parts: CallButtonParts,
): (device: Device, event: DeviceEvent) => void {
  const { clock, staff, phrases } = parts
  /** The last reply to each device. Who presses again and again hears it once each time it has been said. */
  const replies = new Map<string, { readonly id: string; readonly text: string }>()
  const otherButtons = new Set<string>()

  function reply(device: Device, isHeard: boolean, subject: Subject | undefined): void {
    const lang = parts.langOf(device, subject)
    const text = phrases.say(isHeard ? 'call-nurse' : 'call-button-unheard', lang)
    const last = replies.get(device.id)
    if (last?.text === text && parts.isStillToSay(last.id)) return
    const id = newId(clock.now())
    replies.set(device.id, { id, text })
    parts.reply({ id, device, text, lang, subject })
  }

  function other(device: Device, name: string | undefined): void {
    const button = `${device.id}\n${name ?? ''}`
    if (otherButtons.has(button) || otherButtons.size >= MAX_OTHER_BUTTONS) return
    otherButtons.add(button)
    parts.onOtherButton(device, name)
  }

  return (device, { kind, name, subject }) => {
    if (kind !== 'button') return
    if (name !== CALL_BUTTON) return other(device, name)
    const isHeard = staff.hears(device)
    staff.tell({ device, alert: { kind: name, detail: '' }, atMs: clock.now(), subject })
    reply(device, isHeard, subject)
  }
}
