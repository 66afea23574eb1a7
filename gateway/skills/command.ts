/** Closed commands: what the voice does, and calls for staff. */
import type { Reply } from '../turn.ts'
import { faq } from './faq.ts'
import { heardWords, replyBase, type Skill, type SkillInput } from './skill.ts'

/** Of volume and of rate: less is not noticed. */
const STEP = 0.15
/** Of what the device says: a share of its own rate, and a volume in its place. */
const RANGES = {
  rate: { least: 0.55, most: 1.45 },
  volume: { least: 0.3, most: 1 },
} as const

/** How something is said does not answer what the box has asked. */
const GO_ON = { clearPending: false } as const

/** The command named by the entry; a pack's own answer text, where it has one, is what is said. */
export const command: Skill = (input) => {
  switch (input.intent.command) {
    case 'repeat':
      return repeat(input)
    case 'louder':
      return tune(input, 'volume', STEP)
    case 'softer':
      return tune(input, 'volume', -STEP)
    case 'slower':
      return tune(input, 'rate', -STEP)
    case 'faster':
      return tune(input, 'rate', STEP)
    case 'stop':
      return { ...said(input), session: { clearPending: true, keepLastAnswer: true } }
    case 'call-nurse':
      return {
        ...said(input),
        priority: 'urgent',
        alert: { kind: 'call-nurse', detail: heardWords(input.turn) },
      }
    case 'handoff':
      return {
        ...said(input),
        status: 'handed-off',
        alert: { kind: 'handoff', detail: heardWords(input.turn) },
      }
    default:
      return faq(input)
  }
}

function said(input: SkillInput): Reply {
  const own = faq(input)
  if (own.status === 'answered') return own
  const text = input.phrases.say(
    input.intent.command ?? 'stop',
    input.lang,
    input.turn.session.turns,
  )
  return { ...replyBase(input), status: 'answered', text }
}

function repeat(input: SkillInput): Reply {
  const last = input.turn.session.lastAnswer
  if (!last) {
    const text = input.phrases.say('nothing-to-repeat', input.lang)
    return { ...replyBase(input), status: 'answered', text }
  }
  return {
    ...replyBase(input),
    session: GO_ON,
    lang: last.lang,
    status: 'answered',
    text: last.text,
    speech: last.speech,
  }
}

/**
 * "Slower" means "say that again, slower": the last answer follows in the new voice. Counted from how the
 * device speaks by itself; where it can do no more, that is said.
 */
function tune(input: SkillInput, what: 'rate' | 'volume', by: number): Reply {
  const { session } = input.turn
  const now = session.voice?.[what] ?? (what === 'volume' ? input.usualVolume : 1)
  const next = step(now, RANGES[what], by)
  const reply = next === now ? atLimit(input) : said(input)
  const { lastAnswer: last } = session
  const spoken = reply.speech ?? reply.text
  return {
    ...reply,
    ...(last && last.lang === reply.lang
      ? { text: `${reply.text} ${last.text}`, speech: `${spoken} ${last.speech}` }
      : {}),
    session: { ...GO_ON, voice: { ...session.voice, [what]: next }, keepLastAnswer: true },
  }
}

function atLimit(input: SkillInput): Reply {
  const text = input.phrases.say(`${input.intent.command ?? ''}-limit`, input.lang)
  return { ...replyBase(input), status: 'answered', text }
}

function step(value: number, { least, most }: { least: number; most: number }, by: number): number {
  return Math.round(Math.min(most, Math.max(least, value + by)) * 100) / 100
}
