/** Questions that name an illness and call nobody: 骨折多久能好, 我爸去年心梗. */
import {
  ACUTE,
  ANNOUNCES,
  BESIDE,
  CALM,
  NO_END,
  OPENING,
  PLEA,
  QUESTION_BEHIND,
  QUESTIONS,
  REQUESTS,
  TELLS_OF,
  URGENT,
} from './data/calm-questions.ts'

const calm = new RegExp(CALM.join('|'), 'u')
const beside = new RegExp(BESIDE.join('|'), 'u')
const asksIn = new RegExp(QUESTIONS.join('|'), 'u')
const asks = new RegExp([...QUESTIONS, ...REQUESTS].join('|'), 'u')
const announces = new RegExp(`^(?:${ANNOUNCES.join('|')})$`, 'u')
const opening = new RegExp(`^(?:${OPENING})+`, 'u')
const plea = new RegExp(`(?:${PLEA})$`, 'u')
const tellsOf = new RegExp(`^(?:${TELLS_OF.join('|')})`, 'u')
const noEnd = new RegExp(`(?:${NO_END.join('|')})$`, 'u')
const acute: ReadonlySet<string> = new Set(ACUTE)
const urgent = new RegExp(URGENT.join('|'), 'u')
const behind = new RegExp(`(?<=了)(?=${QUESTION_BEHIND.join('|')})`, 'u')

/** Whether `text` (in common words) asks what people ask about an illness. */
export const asksAboutIllness = (text: string): boolean => calm.test(text)

/** Whether `text` says that it is now, or bad. */
export const isUrgent = (text: string): boolean => urgent.test(text)

/** What has happened, and the question that a recogniser writes behind it without a pause: 孩子抽筋了 挂什么科. */
export const partsOfClause = (clause: string): readonly string[] => clause.split(behind)

/** Whether a clause says that something has happened now: 我骨折了, not 我去年骨折了. */
export const hasHappened = (clause: string): boolean =>
  isUrgent(clause) || (/了/u.test(clause) && !asksAboutIllness(clause))

/** Whether a part of a clause tells what happens or happened to whom, and is no name: 我爸呼吸困难, not 心梗病人. */
export const tellsOfSomebody = (part: string): boolean =>
  !noEnd.test(part) && (tellsOf.test(part) || hasHappened(part))

/** Whether `text` (in common words) asks or requests anything. */
export const asksSomething = (text: string): boolean => asks.test(text)

/** Whether a part of a clause asks for more than what to do now: 我爸晕倒了怎么办 does not. */
export const asksElse = (part: string): boolean => asksIn.test(part.replace(plea, ''))

/** A clause without the words that announce its question (请问, 我想问一下), and whether it had them. */
export function splitAnnounced(clause: string): { announced: boolean; asked: string } {
  const asked = clause.replace(opening, '')
  return { announced: asked !== clause, asked }
}

/** Whether `text` (in common words) says no more than that its speaker will ask, or has waited to. */
export const announcesQuestion = (text: string): boolean => announces.test(text)

/** Who suffers says more than the name of an illness in two characters. */
export const isTold = (part: string): boolean =>
  (/[a-z]/.test(part) ||
    part.replace(/[^\p{Script=Han}\d]/gu, '').length > 2 ||
    acute.has(part.trim())) &&
  !asksAboutIllness(part)

/** Whether `text` (in common words) asks, or says of before, what may stand beside a danger of now. */
export const asksBeside = (text: string): boolean => beside.test(text)

/** What a clause tells beside what it asks: 胸口疼 of 胸口疼挂什么科. */
export const toldBeside = (clause: string): readonly string[] =>
  asksBeside(clause) ? clause.split(beside).filter(isTold) : []
