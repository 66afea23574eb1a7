/** What its speaker does not want: set aside before the rest is understood. */
import { DENIED_COMMANDS, INSTEAD, YET } from './data/unwanted.ts'
import { toldClauses } from './denial.ts'
import type { Found } from './engine-parts.ts'
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'
import { normalise } from './normalise.ts'
import type { Readings } from './readings.ts'

const deniesCommand = new RegExp(`^(?:${DENIED_COMMANDS.join('|')})$`, 'u')
const yet = new RegExp(`^(?:${YET})`, 'u')
const insteads = INSTEAD.map(({ not, but }) => ({
  not: new RegExp(`^(?:${not})$`, 'u'),
  but: new RegExp(`^(?:${but}) ?`, 'u'),
}))

/** A command that is denied, and what else was said. */
export interface DeniedCommand {
  readonly found: Found
  readonly rest: string
}

/** The command of the pack that `said` denies (别叫护士); undefined where it denies none. */
export function findDeniedCommand(
  { intents }: KnowledgeBase,
  readings: Readings,
  said: string,
): DeniedCommand | undefined {
  const clauses = toldClauses(said)
  const denied = clauses.filter((clause) => deniesCommand.test(clause))
  for (const clause of denied) {
    const heard = readings.surest(normalise(clause))
    const [first] = heard.candidates.filter(({ intent }) => intents[intent]?.intent.command)
    if (!first) continue
    const rest = clauses.filter((one) => !denied.includes(one)).join('，')
    // Read whole: as sure as a rule.
    const candidates = [{ ...first, confidence: 0.99 }]
    return { found: { ...heard, candidates, isDenied: true }, rest }
  }
  return undefined
}

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
