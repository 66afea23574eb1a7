/** What its speaker does not want: set aside before the rest is understood. */

import { asksSomething } from './calm-question.ts'
import { CALLED, CALMING, DENIED_COMMANDS, INSTEAD, YET } from './data/unwanted.ts'
import { toldClauses } from './denial.ts'
import type { Found } from './engine-parts.ts'
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'
import { normalise } from './normalise.ts'
import type { Readings } from './readings.ts'

const denials = DENIED_COMMANDS.map(({ commands, isCall, patterns }) => ({
  isCall,
  commands: commands as readonly string[],
  denies: new RegExp(`^(?:${patterns.join('|')})$`, 'u'),
}))
const called = new RegExp(CALLED, 'u')
const calming = new RegExp(`^(?:${CALMING.join('|')})$`, 'u')
const yet = new RegExp(`^(?:${YET})`, 'u')
const insteads = INSTEAD.map(({ not, but }) => ({
  not: new RegExp(`^(?:${not})$`, 'u'),
  but: new RegExp(`^(?:${but}) ?`, 'u'),
}))

/** A command that is denied, and what else was said; not that nobody need come. */
export interface DeniedCommand {
  readonly found: Found
  readonly isCall: boolean
  readonly rest: string
}

/** The command of the pack that `said` denies (别叫护士); undefined where it denies none. */
export function findDeniedCommand(
  { intents }: KnowledgeBase,
  readings: Readings,
  said: string,
): DeniedCommand | undefined {
  const clauses = toldClauses(said)
  const kindOf = (clause: string) => denials.find(({ denies }) => denies.test(clause))
  for (const clause of clauses) {
    const kind = kindOf(clause)
    if (!kind) continue
    const heard = readings.surest(normalise(clause))
    // The likeliest of them, else the first that the pack has: 不要人 sounds most like "stop".
    const likely = [...heard.candidates.map(({ intent }) => intent), ...intents.keys()]
    const intent = likely.find((one) => kind.commands.includes(intents[one]?.intent.command ?? ''))
    if (intent === undefined) continue
    const rest = clauses.filter((one) => !kindOf(one) && !calming.test(one)).join('，')
    // Read whole: as sure as a rule.
    const candidates = [{ intent, confidence: 0.99 }]
    return { found: { ...heard, candidates }, isCall: kind.isCall, rest }
  }
  return undefined
}

/** Whether what is said beside a denied call calls all the same: 不要护士，要医生. */
export const callsOther = (rest: string): boolean => called.test(rest) && !asksSomething(rest)

/** What is meant, where `said` names first what is not: 退药 of 不是取药，是退药. Undefined where it does not, or where that is a danger. */
export function meantInstead(
  base: KnowledgeBase,
  readings: Readings,
  said: string,
): string | undefined {
  const [first = '', second, ...others] = toldClauses(said)
  const next = second?.replace(yet, '')
  if (next === undefined) return undefined
  const instead = insteads.find(({ not, but }) => not.test(first) && but.test(next))
  if (!instead) return undefined
  const dangerOf = (part: string): number => {
    const [found] = readings.surest(normalise(part)).candidates
    return found && isAlarm(base, found.intent) ? found.confidence : 0
  }
  // Without "I want", "I want to die" is no danger.
  const bare = next.replace(instead.but, '')
  const meant = dangerOf(next) > dangerOf(bare) ? next : bare
  // 我不想活了，我是说真的.
  const isLost = [first, said].some((part) => dangerOf(part) > dangerOf(meant))
  return isLost ? undefined : [meant, ...others].join('，')
}
