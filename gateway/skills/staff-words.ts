/** What a person hears about the help that was called: that staff know is said only where staff hear it. */

import type { Phrases } from '../dialogue/phrases.ts'
import type { Reply, Turn } from '../turn.ts'

/**
 * A reply that calls staff, in words that are true. `isHeard`: a device of theirs listens now. Where none
 * does, a call becomes advice how to reach a person; of an emergency the pack's own advice stands anyway.
 */
export function sayWhoKnows(reply: Reply, turn: Turn, phrases: Phrases, isHeard: boolean): Reply {
  const { alert, lang } = reply
  if (!alert) return reply
  const say = (name: string) => phrases.say(name, lang, turn.session.turns)
  if (alert.kind === 'emergency') {
    if (!isHeard) return reply
    const told = say('emergency-heard')
    return {
      ...reply,
      text: `${reply.text} ${told}`,
      speech: `${reply.speech ?? reply.text} ${told}`,
    }
  }
  if (isHeard) return reply
  const { speech: _claim, ...rest } = reply
  return {
    ...rest,
    status: reply.ref ? 'answered' : 'not-known',
    text: say(`${alert.kind}-unheard`),
  }
}
