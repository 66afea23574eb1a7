/** A danger and a question in one breath: 厕所在哪我胸口疼; 我爸晕倒了，骨科在几楼. */
import { isShort } from './alarm.ts'
import {
  announcesQuestion,
  asksAboutIllness,
  asksElse,
  asksSomething,
  hasHappened,
  isTold,
  splitAnnounced,
  tellsOfSomebody,
} from './calm-question.ts'
import { isSureAlarm } from './danger.ts'
import { toldClauses, withoutDenied } from './denial.ts'
import type { Found } from './engine-parts.ts'
import { isAlarm, type KnowledgeBase } from './knowledge-base.ts'
import { normalise } from './normalise.ts'
import type { Readings } from './readings.ts'
import { DEFAULT_ANSWER, RISKY_ANSWER } from './thresholds.ts'

/** Clauses, and characters or words of one, in which a danger is looked for; who says more is read as a whole. */
const MOST_CLAUSES = 6
const MOST_UNITS = 30
/** Of the danger and of the question: characters of Chinese, words of English. Less says nothing by itself. */
const LEAST = { zh: { danger: 3, question: 4 }, en: { danger: 2, question: 3 } } as const
/** A question may go on behind where it is understood: 报告在哪打. */
const MOST_LEFT_OVER = 3
/** Words with less of an emergency in them hide none; of four questions of a hospital three are read no further. */
const TRACE = { probability: 0.005, covered: 0.5 }

/**
 * The danger that is told by one part of what was `said`, where another part by itself is a question that the pack
 * answers, or says that one will follow. `whole`: what all of the words seem to say.
 */
export function dangerBesideQuestion(
  base: KnowledgeBase,
  readings: Readings,
  said: string,
  whole: Found,
): Found | undefined {
  const { lang } = whole.normal
  const parts = createPartReader(base, readings, hasTrace(base, whole))
  const clauses = toldClauses(said).slice(0, MOST_CLAUSES)
  const isAsked = parts.isTraced && clauses.length > 1 && clauses.some(parts.isQuestion)
  for (const [place, clause] of clauses.entries()) {
    const isAbout = clauses.slice(place + 1).some(asksAboutIllness) && !hasHappened(clause)
    const { announced, asked } = splitAnnounced(clause)
    const units = lang === 'zh' ? [...asked] : asked.split(/(?<= )/)
    const isCut = units.length <= MOST_UNITS
    const found =
      (isAsked && !isAbout ? parts.danger(clause) : undefined) ??
      (isCut
        ? ((announced ? parts.certainDanger(asked) : undefined) ??
          (announced && parts.isTraced ? parts.danger(asked) : undefined) ??
          dangerIn(parts, cutsOf(units, lang, true), true) ??
          dangerIn(parts, cutsOf(units, lang, false), false))
        : undefined)
    if (found) return found
  }
  return undefined
}

interface PartReader {
  /** Whether anything in all of the words speaks for an emergency. */
  readonly isTraced: boolean
  isQuestion(part: string): boolean
  danger(part: string): Found | undefined
  /** What a rule or an example says whole needs no understanding of what is asked beside it. */
  certainDanger(part: string): Found | undefined
}

function createPartReader(base: KnowledgeBase, readings: Readings, isTraced: boolean): PartReader {
  return {
    isTraced,
    isQuestion(part) {
      if (!asksSomething(part)) return false
      if (announcesQuestion(part)) return true
      const [first] = readings.surest(normalise(part)).candidates
      return (
        first !== undefined && !isAlarm(base, first.intent) && first.confidence >= DEFAULT_ANSWER
      )
    },
    danger(part) {
      if (!mayTell(part)) return undefined
      const found = readings.surest(normalise(part))
      return !isShort(found) && isSureAlarm(base, found, RISKY_ANSWER) ? found : undefined
    },
    certainDanger(part) {
      if (!mayTell(part)) return undefined
      const found = readings.certain(normalise(part))
      return found && isAlarm(base, found.candidates[0]?.intent) ? found : undefined
    },
  }
}

/** Whether a part may tell a danger: of somebody, denied by nothing, and no question itself. */
const mayTell = (part: string): boolean =>
  isTold(part) && tellsOfSomebody(part) && !asksElse(part) && withoutDenied(part) === undefined

interface Cut {
  readonly question: string
  readonly rest: string
}

/** A clause in two, the shortest question first: it leaves all of the danger, which stands `isBehind` or before it. */
function cutsOf(units: readonly string[], lang: 'zh' | 'en', isBehind: boolean): Cut[] {
  const { question: shortest, danger } = LEAST[lang]
  const count = Math.max(units.length - danger - shortest + 1, 0)
  return Array.from({ length: count }, (_, i) => {
    const at = isBehind ? shortest + i : units.length - shortest - i
    const [before, after] = [units.slice(0, at).join(''), units.slice(at).join('')]
    return isBehind ? { question: before, rest: after } : { question: after, rest: before }
  })
}

function dangerIn(parts: PartReader, cuts: readonly Cut[], isBehind: boolean): Found | undefined {
  for (const [place, { question, rest }] of cuts.entries()) {
    if (!asksSomething(question)) continue
    if (!isTold(rest) || withoutDenied(rest) !== undefined) return undefined
    // The thing of an illness is asked for: 手断了的片子在哪里取.
    if (!isBehind && question.startsWith('的')) return undefined
    // What an illness is asked for stands behind it: 我爸骨折能报销吗.
    if (!isBehind && asksAboutIllness(question) && !hasHappened(rest)) return undefined
    const certain = parts.certainDanger(rest)
    if (certain) return certain
    if (!parts.isTraced || !parts.isQuestion(question)) continue
    const found = cuts.slice(place, place + MOST_LEFT_OVER + 1).map((cut) => parts.danger(cut.rest))
    return found.find((one) => one !== undefined)
  }
  return undefined
}

/** Whether anything at all speaks for an emergency. */
const hasTrace = (base: KnowledgeBase, { reading }: Found): boolean =>
  reading?.evidence.some(
    ({ label, probability, covered }) =>
      isAlarm(base, label) && (probability > TRACE.probability || covered > TRACE.covered),
  ) === true
