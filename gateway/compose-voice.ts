/** The box's voice beyond answers: announcements to devices, proof of play, escalation to staff. */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { DeviceEvent, Priority, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Box } from './compose.ts'
import type { Config } from './config/schema.ts'
import { loadPhrases } from './dialogue/phrases.ts'
import { createStaffLine, type StaffMessage, staffOf } from './dialogue/staff-line.ts'
import { GatewayError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { Device } from './turn.ts'
import type { Announcement } from './voice/announcement.ts'
import {
  type Announced,
  type Announcer,
  createAnnouncer,
  MAX_OPEN_PER_DEVICE,
  TICK_MS,
} from './voice/announcer.ts'
import { type QuietHours, quietForMs } from './voice/quiet-hours.ts'
import { createSpeechRenderer } from './voice/render-speech.ts'
import type { Escalation } from './voice/speech-watch.ts'
import { loadVoiceData } from './voice/voice-data.ts'

/** Said again so often, so far apart, until it is acknowledged; then staff are told that it was not. */
const UNTIL_ACKNOWLEDGED = { times: 5, everySeconds: 20, untilAcknowledged: true } as const
const ESCALATED = 'esc-'
/** Name of the button by the bed, as the contract with device makers has it. */
const CALL_BUTTON = 'call-nurse'

export interface HouseVoice {
  readonly announcer: Announcer
  /**
   * Fanned out to each member, so that each device's proof of play is its own. In quiet hours what can wait
   * is said at their end, and its terms run from there. Throws `device.unknown` where nobody is meant.
   */
  announce(announcement: Announcement): Promise<readonly Announced[]>
  /** A press of the call button is told to staff as the words 叫护士 are. Inside `store.commit`. */
  onEvent(device: Device, event: DeviceEvent): void
  close(): void
}

export function composeVoice(parts: {
  readonly config: Config
  readonly box: Box
  readonly logger: Logger
  /** Hands one speech to a connected device. */
  readonly send: (deviceId: string, speech: Speech) => void
}): HouseVoice {
  const { config, box, logger } = parts
  const { store, clock, ledger, registry } = box
  const phrases = loadPhrases()
  const render = createSpeechRenderer(loadVoiceData())
  const quiet = quietHoursOf(config)
  const announcer = createAnnouncer({
    store,
    clock,
    ledger,
    send: parts.send,
    escalate: (escalation) => callStaff(escalation),
    onError: (error) => logger.error({ error }, 'announcer failed, it tries again'),
    quietHours: () => quiet,
  })
  const timer = setInterval(() => void announcer.tick(), TICK_MS)
  const staff = createStaffLine({
    devicesOfKind: registry.listOfKind,
    // A queue full of what needs no less takes no call: then staff do not hear it there.
    isListening: (id) => announcer.isListening(id) && announcer.waiting(id) < MAX_OPEN_PER_DEVICE,
    isUnanswered: announcer.isUnanswered,
    phrases,
    say: tellStaff,
  })
  box.hooks.staff = staff

  const profileOf = (kind: string) => config.answers.voiceByKind[kind] ?? config.answers.voice

  async function announce(announcement: Announcement): Promise<readonly Announced[]> {
    const { devices = [], group, text, lang = 'zh', priority = 'normal' } = announcement
    const id = announcement.id ?? newId(clock.now())
    const members = registry
      .list()
      .filter(
        (one) => devices.includes(one.id) || (group !== undefined && one.groups.includes(group)),
      )
    if (members.length === 0) {
      const named = [...devices, ...(group === undefined ? [] : [`group ${group}`])]
      throw new GatewayError('device.unknown', { detail: named.join(', ') })
    }
    const times = timesOf(announcement, priority)
    const kinds = new Set(members.map((one) => one.kind))
    const results: Announced[] = []
    for (const kind of kinds) {
      const speech = render({
        id,
        reply: { text, lang, priority },
        profile: profileOf(kind),
        nowMs: clock.now(),
        ...times,
        ...(announcement.untilAcknowledged ? { repeat: UNTIL_ACKNOWLEDGED } : {}),
      })
      const ids = members.filter((one) => one.kind === kind).map((one) => one.id)
      results.push(...(await announcer.announce(ids, await withSound(speech, kind, ids, lang))))
    }
    return results
  }

  /** Where the sender sets no end, the time to live begins when quiet hours let it be said. */
  function timesOf({ notBefore, expiresAt }: Announcement, priority: Priority) {
    const nowMs = clock.now()
    const fromMs = Math.max(nowMs, Date.parse(notBefore ?? '') || 0)
    const quietMs = expiresAt === undefined ? quietForMs(quiet, priority, fromMs) : 0
    const notBeforeMs = fromMs + quietMs
    return {
      ...(notBeforeMs > nowMs ? { notBeforeMs } : {}),
      ...(expiresAt === undefined ? {} : { expiresAtMs: Date.parse(expiresAt) }),
    }
  }

  async function withSound(
    speech: Speech,
    kind: string,
    ids: readonly string[],
    lang: 'zh' | 'en',
  ): Promise<Speech> {
    const { sounds } = box.hooks
    if (sounds === undefined) return speech
    const said = { text: speech.text, lang, profile: profileOf(kind) }
    return sounds.attachWhenMade(speech, { kind, ids }, said)
  }

  /** Writes before it returns; sound is made behind it. */
  function tellStaff({ id, devices, text, priority, subject }: StaffMessage): void {
    for (const [kind, ids] of byKind(devices)) {
      const said = { text, lang: 'zh' as const, profile: profileOf(kind) }
      const speech = render({
        id,
        reply: { ...said, priority },
        profile: said.profile,
        nowMs: clock.now(),
        repeat: UNTIL_ACKNOWLEDGED,
      })
      const spoken = box.hooks.sounds?.attach(speech, { kind, ids }, said) ?? speech
      announcer
        .announce(ids, spoken, subject)
        .catch((error: unknown) => logger.error({ error }, 'staff not told'))
    }
  }

  function byKind(ids: readonly string[]): Map<string, string[]> {
    const kinds = new Map<string, string[]>()
    for (const id of ids) {
      const kind = registry.get(id)?.kind
      if (kind !== undefined) kinds.set(kind, [...(kinds.get(kind) ?? []), id])
    }
    return kinds
  }

  /** Of a call that several were told, one acknowledgement is enough; what staff did not hear has nobody above it. */
  function callStaff({ deviceId, speech }: Escalation): void {
    if (speech.id.startsWith(ESCALATED) || announcer.isAcknowledged(speech.id)) return
    logger.warn({ device: deviceId, speech: speech.id }, 'not acknowledged, staff are told')
    const staff = staffOf(registry.listOfKind).map((one) => one.id)
    if (staff.length === 0) return
    const isCall = staff.includes(deviceId)
    const words = isCall ? { text: speech.text } : { device: deviceId }
    announce({
      devices: staff,
      text: phrases.say(isCall ? 'staff-unanswered' : 'escalated', 'zh', 0, words),
      priority: isCall ? speech.priority : 'urgent',
      id: `${ESCALATED}${speech.id}`.slice(0, 64),
    }).catch((error: unknown) => logger.error({ error }, 'staff not told'))
  }

  return {
    announcer,
    announce,
    onEvent(device, { kind, name, subject }) {
      if (kind !== 'button' || name !== CALL_BUTTON) return
      staff.tell({ device, alert: { kind: name, detail: '' }, atMs: clock.now(), subject })
    },
    close: () => {
      clearInterval(timer)
      announcer.close()
    },
  }
}

function quietHoursOf({ answers }: Config): QuietHours | undefined {
  const hours = answers.quietHours
  if (!hours) return undefined
  return {
    fromMinute: minuteOf(hours.from),
    untilMinute: minuteOf(hours.until),
    allow: ['critical', 'urgent'],
  }
}

const minuteOf = (time: string): number => {
  const [hour = '0', minute = '0'] = time.split(':')
  return Number(hour) * 60 + Number(minute)
}
