/** What a text says is not so: set aside before an emergency is guessed from the rest. */
import { AFTER, BETWEEN, DANGERS, DENYING } from './data/denials.ts'

const anyOf = (words: readonly string[]): string => `(?:${words.join('|')})`
/** At most so many words between: farther off, something else is denied. */
const MOST_BETWEEN = 3
const DENIAL = new RegExp(
  `${anyOf(DENYING)} ?(?:${anyOf(BETWEEN)} ?){0,${MOST_BETWEEN}}${anyOf(DANGERS)}(?![a-z])`,
  'gu',
)

const DANGER = new RegExp(anyOf(DANGERS), 'u')

/** Whether `text` (normal form) names a danger in so many words. */
export const namesDanger = (text: string): boolean => DANGER.test(text)

/** What the next clause begins with. */
const LEFT_OVER = new RegExp(`^${anyOf(AFTER)} ?`, 'u')

/** `text` (normal form) without the dangers that it denies; undefined where it denies none. */
export function withoutDenied(text: string): string | undefined {
  const rest = text.replace(DENIAL, ' ')
  if (rest === text) return undefined
  return rest.replace(/\s+/g, ' ').trim().replace(LEFT_OVER, '')
}
