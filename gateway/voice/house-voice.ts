/**
 * What the house says beyond answers: announcements to devices, calls to staff, and word to staff of what
 * nobody is known to have heard.
 */
import { createHash } from 'node:crypto'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Priority } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { CallReply, Device, StaffMessage } from '../turn.ts'
import type { Announcement } from './announcement.ts'
import type { About, AnnounceOutcome, Announcer } from './announcer.ts'
import { type QuietHours, quietForMs } from './quiet-hours.ts'
import type { Speaker } from './speaker.ts'
import type { Escalation } from './speech-watch.ts'

/** Said again so often, so far apart, until it is acknowledged; then staff are told that it was not. */
const UNTIL_ACKNOWLEDGED = { times: 5, everySeconds: 20, untilAcknowledged: true } as const
const ESCALATED = 'esc-'
/** After this long the staff who listen may be others, and whoever called has heard it or has left. */
export const CALL_REPLY_LIFE_MS = 60_000
/** Of a digest: 132 bits, and well within an id. */
const ESCALATED_ID_CHARS = 22
/** Staff are told in the language of the house. */
const STAFF_LANG = 'zh'

interface KnownDevice extends Device {
  readonly isDisabled: boolean
}

/**
 * What came of an announcement at each device, then of each name that stands for none. `disabled`: switched off, it
 * is not kept for it; `unknown`: no device of that name; `empty`: no device in that group.
 */
export type Told =
  | { readonly deviceId: string; readonly outcome: AnnounceOutcome | 'disabled' | 'unknown' }
  | { readonly group: string; readonly outcome: 'empty' }

export interface HouseVoiceParts {
  readonly clock: Pick<Clock, 'now'>
  readonly announcer: Pick<Announcer, 'announce' | 'isAcknowledged'>
  readonly speaker: Pick<Speaker, 'say' | 'sayWhenMade'>
  readonly quiet: QuietHours | undefined
  readonly devices: { list(): readonly KnownDevice[]; get(id: string): Device | undefined }
  /** The devices of staff. */
  readonly staff: () => readonly Device[]
  /** A phrase of the house; `staff-unanswered` of a call to staff themselves, `escalated` of a device's speech. */
  readonly phrase: (
    name: 'staff-unanswered' | 'escalated',
    lang: typeof STAFF_LANG,
    fields: Readonly<Record<string, string>>,
  ) => string
  readonly logger: Pick<Logger, 'warn' | 'error'>
}

export interface HouseVoice {
  /**
   * Fanned out to each member, so that each device's proof of play is its own. In quiet hours what can wait
   * is said at their end, and its terms run from there. Throws `device.unknown` where nobody is meant.
   */
  announce(announcement: Announcement): Promise<readonly Told[]>
  /** Writes before it returns; sound is made behind it. */
  tellStaff(message: StaffMessage): void
  /** At once, and not any more when it may have changed (`CALL_REPLY_LIFE_MS`). */
  replyToCall(reply: CallReply): void
  /**
   * Of a call that several of staff were told, one acknowledgement is enough; a reminder to several beds is each
   * patient's own. What staff did not hear has nobody above it.
   */
  callStaff(escalation: Escalation): void
}

export function createHouseVoice(parts: HouseVoiceParts): HouseVoice {
  const { clock, announcer, speaker, devices, logger } = parts
  const onNotTold = (error: unknown) => logger.error({ error }, 'staff not told')

  async function announce(announcement: Announcement, about: About = {}): Promise<readonly Told[]> {
    const { text, lang = 'zh', priority = 'normal' } = announcement
    const said = {
      id: announcement.id ?? newId(clock.now()),
      reply: { text, lang, priority },
      ...(announcement.untilAcknowledged ? { repeat: UNTIL_ACKNOWLEDGED } : {}),
    }
    const { members, notTold } = meantBy(announcement, devices.list())
    const times = timesOf(announcement, priority)
    const results: Told[] = []
    for (const to of byKind(members)) {
      const speech = await speaker.sayWhenMade({ ...said, ...times, to, nowMs: clock.now() })
      results.push(...(await announcer.announce(to.ids, speech, about)))
    }
    return [...results, ...notTold]
  }

  /** Where the sender sets no end, the time to live begins when quiet hours let it be said. */
  function timesOf({ notBefore, expiresAt }: Announcement, priority: Priority) {
    const nowMs = clock.now()
    const fromMs = Math.max(nowMs, Date.parse(notBefore ?? '') || 0)
    const quietMs = expiresAt === undefined ? quietForMs(parts.quiet, priority, fromMs) : 0
    const notBeforeMs = fromMs + quietMs
    return {
      ...(notBeforeMs > nowMs ? { notBeforeMs } : {}),
      ...(expiresAt === undefined ? {} : { expiresAtMs: Date.parse(expiresAt) }),
    }
  }

  return {
    announce: (announcement) => announce(announcement),
    tellStaff({ id, devices: ids, text, priority, subject }) {
      const reply = { text, lang: STAFF_LANG, priority } as const
      const told = ids.map((one) => devices.get(one)).filter((one) => one !== undefined)
      for (const to of byKind(told)) {
        const nowMs = clock.now()
        const speech = speaker.say({ id, reply, to, nowMs, repeat: UNTIL_ACKNOWLEDGED })
        announcer.announce(to.ids, speech, { subject }).catch(onNotTold)
      }
    },
    replyToCall({ id, device, text, lang, subject }) {
      const nowMs = clock.now()
      const speech = speaker.say({
        id,
        reply: { text, lang, priority: 'urgent' },
        to: { kind: device.kind, ids: [device.id] },
        nowMs,
        expiresAtMs: nowMs + CALL_REPLY_LIFE_MS,
      })
      announcer
        .announce(device.id, speech, { subject, escalates: false })
        .catch((error: unknown) => logger.error({ error }, 'caller not told'))
    },
    callStaff({ deviceId, speech }) {
      const staff = parts.staff().map((one) => one.id)
      const isCall = staff.includes(deviceId)
      if (isCall && announcer.isAcknowledged(speech.id)) return
      logger.warn({ device: deviceId, speech: speech.id }, 'not acknowledged, staff are told')
      if (staff.length === 0) return
      const text = isCall
        ? parts.phrase('staff-unanswered', STAFF_LANG, { text: speech.text })
        : parts.phrase('escalated', STAFF_LANG, { device: deviceId })
      const priority = isCall ? speech.priority : 'urgent'
      const id = escalationId(isCall ? [speech.id] : [speech.id, deviceId])
      announce({ devices: staff, text, priority, id }, { escalates: false }).catch(onNotTold)
    },
  }
}

/** The same for the same: what is told anew after a crash is heard once. */
function escalationId(of: readonly string[]): string {
  const digest = createHash('sha256').update(of.join('\n')).digest('base64url')
  return ESCALATED + digest.slice(0, ESCALATED_ID_CHARS)
}

/** Who is meant and can be told, and what becomes of the other names. Throws `device.unknown` where nobody is meant. */
function meantBy(announcement: Announcement, all: readonly KnownDevice[]) {
  const named = new Set(announcement.devices)
  const groups = new Set([announcement.group ?? [], announcement.groups ?? []].flat())
  const meant = all.filter((one) => named.has(one.id) || one.groups.some((its) => groups.has(its)))
  if (meant.length === 0) {
    const names = [...named, ...[...groups].map((group) => `group ${group}`)]
    throw new GatewayError('device.unknown', { detail: names.join(', ') })
  }
  for (const { id, groups: its } of meant) {
    named.delete(id)
    for (const group of its) groups.delete(group)
  }
  const disabled = meant.filter(({ isDisabled }) => isDisabled)
  const notTold: readonly Told[] = [
    ...disabled.map(({ id: deviceId }) => ({ deviceId, outcome: 'disabled' as const })),
    ...[...named].map((deviceId) => ({ deviceId, outcome: 'unknown' as const })),
    ...[...groups].map((group) => ({ group, outcome: 'empty' as const })),
  ]
  return { members: meant.filter(({ isDisabled }) => !isDisabled), notTold }
}

/** Each kind of device has its own voice. */
function byKind(devices: readonly Device[]) {
  const kinds = new Map<string, string[]>()
  for (const { id, kind } of devices) kinds.set(kind, [...(kinds.get(kind) ?? []), id])
  return [...kinds].map(([kind, ids]) => ({ kind, ids }))
}
