/** The box's voice beyond answers, with the line to staff: made, and ticking. Part of compose. */
import type { DeviceEvent, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Box } from './compose.ts'
import type { Config } from './config/schema.ts'
import { createCallButton } from './dialogue/call-button.ts'
import { createStaffLine, staffOf } from './dialogue/staff-line.ts'
import type { Logger } from './logger.ts'
import type { Device } from './turn.ts'
import { type Announcer, createAnnouncer, MAX_OPEN_PER_DEVICE, TICK_MS } from './voice/announcer.ts'
import { createHouseVoice, type HouseVoice } from './voice/house-voice.ts'
import { quietHoursOf } from './voice/quiet-hours.ts'

export interface VoiceSide {
  readonly announcer: Announcer
  readonly announce: HouseVoice['announce']
  /** What happened at a device, once. Inside `store.commit`. */
  readonly onEvent: (device: Device, event: DeviceEvent) => void
  close(): void
}

export function composeVoice(parts: {
  readonly config: Config
  readonly box: Box
  readonly logger: Logger
  /** Hands one speech to a connected device. */
  readonly send: (deviceId: string, speech: Speech) => void
}): VoiceSide {
  const { config, box, logger } = parts
  const { store, clock, ledger, registry, sessions, speaker, phrases } = box
  const quiet = config.answers.quietHours && quietHoursOf(config.answers.quietHours)
  const announcer = createAnnouncer({
    store,
    clock,
    ledger,
    send: parts.send,
    escalate: (escalation) => house.callStaff(escalation),
    onError: (error) => logger.error({ error }, 'announcer failed, it tries again'),
    quietHours: () => quiet,
  })
  const house = createHouseVoice({
    clock,
    announcer,
    speaker,
    quiet,
    devices: registry,
    staff: () => staffOf(registry.listOfKind),
    phrase: (name, lang, fields) => phrases.say(name, lang, 0, fields),
    logger,
  })
  const staff = createStaffLine({
    devicesOfKind: registry.listOfKind,
    // A queue full of what needs no less takes no call: then staff do not hear it there.
    isListening: (id) => announcer.isListening(id) && announcer.waiting(id) < MAX_OPEN_PER_DEVICE,
    isUnanswered: announcer.isUnanswered,
    phrases,
    say: house.tellStaff,
  })
  box.hooks.staff = staff
  const timer = setInterval(() => void announcer.tick(), TICK_MS)
  return {
    announcer,
    announce: house.announce,
    onEvent: createCallButton({
      clock,
      staff,
      phrases,
      langOf: (device, subject) => sessions.langAt(device, subject) ?? 'zh',
      reply: house.replyToCall,
      isStillToSay: announcer.isUnanswered,
      onOtherButton: ({ id }, button) =>
        logger.warn({ device: id, button }, 'kept in the record; this button calls nobody'),
    }),
    close: () => {
      clearInterval(timer)
      announcer.close()
    },
  }
}
