/** The box's voice beyond answers: announcements to devices, proof of play, escalation to staff. */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Box } from './compose.ts'
import type { Config } from './config/schema.ts'
import type { Logger } from './logger.ts'
import { loadPhrases } from './skills/phrases.ts'
import type { Announcement } from './voice/announcement.ts'
import { type Announced, type Announcer, createAnnouncer, TICK_MS } from './voice/announcer.ts'
import type { QuietHours } from './voice/quiet-hours.ts'
import { createSpeechRenderer } from './voice/render-speech.ts'
import type { Escalation } from './voice/speech-watch.ts'
import { loadVoiceData } from './voice/voice-data.ts'

/** Kinds of devices that staff carry: they hear what nobody acknowledged. */
const STAFF_KINDS: ReadonlySet<string> = new Set(['nurse', 'staff'])

export interface HouseVoice {
  readonly announcer: Announcer
  /** Fanned out to each member, so that each device's proof of play is its own. */
  announce(announcement: Announcement): Promise<readonly Announced[]>
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

  const profileOf = (kind: string) => config.answers.voiceByKind[kind] ?? config.answers.voice

  async function announce(announcement: Announcement): Promise<readonly Announced[]> {
    const { devices = [], group, text, lang = 'zh', priority = 'normal' } = announcement
    const id = announcement.id ?? newId(clock.now())
    const members = registry
      .list()
      .filter(
        (one) => devices.includes(one.id) || (group !== undefined && one.groups.includes(group)),
      )
    const kinds = new Set(members.map((one) => one.kind))
    const results: Announced[] = []
    for (const kind of kinds) {
      const speech = render({
        id,
        reply: { text, lang, priority },
        profile: profileOf(kind),
        nowMs: clock.now(),
        ...(announcement.untilAcknowledged
          ? { repeat: { times: 5, everySeconds: 20, untilAcknowledged: true } }
          : {}),
      })
      const ids = members.filter((one) => one.kind === kind).map((one) => one.id)
      results.push(...(await announcer.announce(ids, await withSound(speech, kind, ids, lang))))
    }
    return results
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

  function callStaff(escalation: Escalation): void {
    logger.warn(
      { device: escalation.deviceId, speech: escalation.speech.id },
      'not acknowledged, staff are told',
    )
    const staff = registry
      .list()
      .filter((one) => STAFF_KINDS.has(one.kind))
      .map((one) => one.id)
    if (staff.length === 0) return
    const text = phrases.say('escalated', 'zh', 0, { device: escalation.deviceId })
    announce({
      devices: staff,
      text,
      priority: 'urgent',
      id: `esc-${escalation.speech.id}`.slice(0, 64),
    }).catch((error: unknown) => logger.error({ error }, 'staff not told'))
  }

  return {
    announcer,
    announce,
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
