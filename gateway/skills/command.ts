/** Closed commands: what the voice does, and calls for staff. */
import type { Reply, Session } from '../turn.ts'
import { faq } from './faq.ts'
import { heardWords, replyBase, type Skill, type SkillInput } from './skill.ts'

const STEP = 0.15
const RATE = { least: 0.55, most: 1.45, normal: 1 } as const
const VOLUME = { least: 0.3, most: 1, normal: 0.8 } as const

/** How something is said does not answer what the box has asked. */
const GO_ON = { clearPending: false } as const

/** The command named by the entry; a pack's own answer text, where it has one, is what is said. */
export const command: Skill = (input) => {
  switch (input.intent.command) {
    case 'repeat':
      return repeat(input)
    case 'louder':
      return tune(input, { volume: step(input.turn.session.voice?.volume, VOLUME, STEP) })
    case 'softer':
      return tune(input, { volume: step(input.turn.session.voice?.volume, VOLUME, -STEP) })
    case 'slower':
      return tune(input, { rate: step(input.turn.session.voice?.rate, RATE, -STEP) })
    case 'faster':
      return tune(input, { rate: step(input.turn.session.voice?.rate, RATE, STEP) })
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

/** "Slower" means "say that again, slower": the last answer follows in the new voice. */
function tune(input: SkillInput, change: NonNullable<Session['voice']>): Reply {
  const { lastAnswer: last, voice } = input.turn.session
  const reply = said(input)
  const spoken = reply.speech ?? reply.text
  return {
    ...reply,
    ...(last && last.lang === reply.lang
      ? { text: `${reply.text} ${last.text}`, speech: `${spoken} ${last.speech}` }
      : {}),
    session: { ...GO_ON, voice: { ...voice, ...change }, keepLastAnswer: true },
  }
}

function step(
  value: number | undefined,
  range: { least: number; most: number; normal: number },
  by: number,
): number {
  const next = Math.min(range.most, Math.max(range.least, (value ?? range.normal) + by))
  return Math.round(next * 100) / 100
}
