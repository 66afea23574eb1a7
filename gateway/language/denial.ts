/** What a text says is not so: set aside before an emergency is guessed from the rest. */
import {
  AFTER,
  ANSWERS,
  DANGERS,
  DENIALS,
  type DenialWords,
  EVENTS,
  NONE_OF,
  SYMPTOM_NAMES,
  SYMPTOMS_SAID,
  WHO,
} from './data/denials.ts'
import { clean, commonForm, MAX_TEXT_LENGTH } from './normalise.ts'

const anyOf = (words: readonly string[]): string => `(?:${words.join('|')})`
/** At most so many words between: farther off, something else is denied. */
const MOST_BETWEEN = 3
const toPattern = ({ denying, between, dangers, unless }: DenialWords): string => {
  // Only words of English stand apart; in Chinese a space is a pause.
  const space = /[a-z]/.test(between[0] ?? '') ? ' ?' : ''
  const behind = unless === undefined ? '' : `(?!${unless})`
  const words = `(?:${anyOf(between)}${space}){0,${MOST_BETWEEN}}`
  return `${denying}${space}${words}${anyOf(dangers)}${behind}`
}
const DENIAL = new RegExp(DENIALS.map(toPattern).join('|'), 'gu')
const DANGER = new RegExp(anyOf(DANGERS), 'u')

const SYMPTOM = anyOf([...SYMPTOM_NAMES, ...SYMPTOMS_SAID])
const OR = '(?:或者?|或是)'
/** 、 and 和 go on with what is denied: 没有发烧、咳嗽和胸痛. */
const LISTED = `(?:(?:[、和跟]|以及|${OR})${SYMPTOM})+`
/** A comma or a pause does so only before names, two or more: 没有发烧，胸痛 may tell of a pain. */
const NAMED = `(?:[,， ] ?${anyOf(SYMPTOM_NAMES)})`
/** What is felt (疼得厉害), has happened (晕倒了) or lasts is told: the list has ended before. */
const LIST_END = '(?= *(?:$|[。.!！?？;；,，、 ]))'
const DENIED_LIST = new RegExp(
  `${NONE_OF}${SYMPTOM}(?:${LISTED}|${NAMED}{2,}|${NAMED}+${OR}${SYMPTOM})${LIST_END}`,
  'gu',
)

/** What was `said`, without symptoms that it denies one after the other: 有高血压，没有胸痛、喘不上气. */
const withoutDeniedLists = (said: string): string => said.replace(DENIED_LIST, '，')

/** Whether `text` (normal form) names a danger in so many words. */
export const namesDanger = (text: string): boolean => DANGER.test(text)

const nobody = new RegExp(`^${WHO}$`, 'u')
/** Whether nothing is said in `text` (normal form), but of whom. */
export const saysNothing = (text: string): boolean => nobody.test(text)

/** What the next clause begins with. */
const LEFT_OVER = new RegExp(`^${anyOf(AFTER)} ?`, 'u')
/** Where a clause ends; figures have points and commas of their own. */
const CLAUSE_END = /[。!！?？;；:：、…—~\n]|(?<!\d)[.,，]|[.,，](?!\d)/u
/** A recogniser writes a pause as a space, or not at all. */
const PAUSE = /(?<=\p{Script=Han}) (?=\p{Script=Han})/u
/** Between clauses while denials are looked for; no normal form has it. */
const BREAK = '|'

/** Whether there may be more than one clause in what was `said`. */
export const hasClauses = (said: string): boolean => CLAUSE_END.test(said) || PAUSE.test(said)

/** Clauses in common words, without their punctuation. */
const clausesOf = (said: string): string[] =>
  said
    .slice(0, MAX_TEXT_LENGTH)
    .split(CLAUSE_END)
    .flatMap((clause) => commonForm(clean(clause)).split(PAUSE))
    .filter((clause) => clause !== '')

/** The same of what was `said`, without symptoms that it denies one after the other. */
export const toldClauses = (said: string): string[] => clausesOf(withoutDeniedLists(said))

const joined = (clauses: readonly string[]): string =>
  clauses
    .map((clause) => clause.replace(/\s+/g, ' ').trim().replace(LEFT_OVER, ''))
    .filter((clause) => clause !== '')
    .join('，')

/** Without one of these nothing is denied; most questions have none and are read no further. */
const NEGATION = /[不没沒未无無]|n[o']|never|without/iu

/** What was `said`, without the dangers that its clauses deny; undefined where they deny none. */
export function withoutDenied(said: string): string | undefined {
  if (!NEGATION.test(said)) return undefined
  const unlisted = withoutDeniedLists(said)
  const clauses = clausesOf(unlisted).join(BREAK)
  const rest = clauses.replace(DENIAL, ' ')
  return rest === clauses && unlisted === said ? undefined : joined(rest.split(BREAK))
}

const WORD = /^\p{Script=Han}{1,2}\p{P}?$/u
/** A "no" said first may be an answer (没有 胸痛), but not before what would be told as 着火了. */
const OPENING_DENIAL = new RegExp(`^没有?${anyOf(EVENTS)}`, 'u')

/** What a recogniser `said` that writes words apart, without its spaces; undefined where they are pauses. */
export function withoutSpaces(said: string): string | undefined {
  const pieces = said.trim().split(/ +/)
  const words = pieces.filter((piece) => WORD.test(piece)).length
  // Longer words are few, whole clauses many.
  return pieces.length > 1 && words * 4 >= pieces.length * 3 ? pieces.join('') : undefined
}

/** The same with each denial in one piece and all other spaces left, which may be pauses: 头 不晕 胸痛. */
export function joinDenials(said: string): string {
  const whole = NEGATION.test(said) ? withoutSpaces(said) : undefined
  if (whole === undefined) return said
  const denials = [...whole.matchAll(DENIAL)].filter(
    ({ index }) => index > 0 || OPENING_DENIAL.test(whole),
  )
  let at = 0
  return [...said.trim()]
    .filter((char) => {
      if (char !== ' ') at += char.length
      return (
        char !== ' ' ||
        !denials.some(({ index, 0: words }) => at > index && at < index + words.length)
      )
    })
    .join('')
}

const ANSWER = new RegExp(`^${anyOf(ANSWERS)}$`, 'u')
/** 不是是胸口疼: who goes on so has answered before. */
const ANSWER_BEFORE = /^(?:都?不是|没有)(?=是)/u
/** 没发烧没咳嗽就是胸闷: what it is, after what it is not. */
const NOT_BUT = /^.*[没不].*[就只但可]是|^.*(?:\b(?:no|not|never|without)|n't) .* but /u
const longestFirst = [...ANSWERS].sort((a, b) => b.length - a.length)
const ANSWER_HERE = new RegExp(`^${anyOf(longestFirst)}(?![a-z])`, 'u')

/**
 * What was `said` after a "no" of its own (不是，胸口疼), or after what it is not; undefined where there is none.
 * `isAnswer`: the box has asked, so that a "no" without a pause is its answer too.
 */
export function afterNo(said: string, isAnswer: boolean): string | undefined {
  if (!NEGATION.test(said)) return undefined
  const clauses = toldClauses(said)
  const from = clauses.findIndex((clause) => !ANSWER.test(clause))
  if (from < 0) return undefined
  const whole = clauses.slice(from).join('，')
  // Who has said "no" already says what it is not.
  const before = isAnswer && from === 0 ? ANSWER_HERE : ANSWER_BEFORE
  const rest = whole.replace(NOT_BUT, '').replace(before, '')
  if (from === 0 && rest === whole) return undefined
  return rest.replace(/^[ ，]+/u, '').replace(LEFT_OVER, '') || undefined
}
