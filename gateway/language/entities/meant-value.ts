/** Which of several values of one list is meant, where the words say it. */
import { JOINED_AFTER, NEGATED_BEFORE, ORIGIN_BEFORE } from '../data/value-cues.ts'
import type { ListHit } from './lists.ts'

const SET_ASIDE = new RegExp(`(?:${[...NEGATED_BEFORE, ...ORIGIN_BEFORE].join('|')}) ?$`)
const JOINED = new RegExp(` ?(?:${JOINED_AFTER.join('|')})`, 'y')
/** How far back a cue may stand: the longest has fewer characters. */
const LOOK_BACK_CHARS = 16

/**
 * The hit whose value is meant; undefined when there is none, or when two remain and the person has to be
 * asked. Words as written count before what merely sounds alike; what is denied (不是儿科，是骨科) or where
 * one is (我在儿科，骨科怎么走) counts only where nothing else is named.
 */
export function meantValue(text: string, hits: readonly ListHit[]): ListHit | undefined {
  const exact = hits.filter((hit) => hit.exact)
  const heard = exact.length > 0 ? exact : hits
  const isOne = new Set(heard.map(({ value }) => value)).size <= 1
  const meant = isOne ? heard : heard.filter((hit) => !isSetAside(text, hit))
  const [first, ...others] = meant
  return others.every(({ value }) => value === first?.value) ? first : undefined
}

function isSetAside(text: string, { start, end }: ListHit): boolean {
  JOINED.lastIndex = end
  if (JOINED.test(text)) return false
  return SET_ASIDE.test(text.slice(Math.max(0, start - LOOK_BACK_CHARS), start))
}
