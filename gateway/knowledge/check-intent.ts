/** One intent against the rest of its pack: its command, slots, questions, templates and answers. */
import { ENTITY_READERS } from '../language/entities/extract.ts'
import { foldTemplate } from '../language/knowledge-base.ts'
import { parseTemplate, slotsOf, TemplateError } from '../language/templates.ts'
import { fieldsOf, withoutFields } from './answer-text.ts'
import type { Language, Pack, PackIntent } from './pack-schema.ts'

const LANGUAGES: readonly Language[] = ['zh', 'en']

/** Reports a problem at a place of the file that is being checked. */
export type Fail = (path: readonly (string | number)[], message: string) => void

/** What an intent is checked against. */
export interface Intents {
  readonly pack: Pack
  /** Folded expansion rules of the whole pack. */
  readonly rules: Readonly<Record<string, string>>
  /** Of all intents of the pack. */
  readonly names: ReadonlySet<string>
  /** Names of the intents checked so far; owned by {@link checkIntent}. */
  readonly seen: Set<string>
  /** Normal form of each question checked so far → its intent; owned by {@link checkIntent}. */
  readonly owners: Map<string, string>
}

/** Reports all that would make the intent answer wrongly, or not at all. */
export function checkIntent(intent: PackIntent, intents: Intents, fail: Fail): void {
  if (intents.seen.has(intent.intent)) fail(['intent'], 'this intent stands twice')
  intents.seen.add(intent.intent)
  checkCommand(intent, fail)
  checkSlots(intent, intents.pack, fail)
  checkQuestions(intent, intents.owners, fail)
  checkTemplates(intent, intents, fail)
  checkLanguages(intent, fail)
  checkAnswers(intent, intents.pack, fail)
  checkSuggestions(intent, intents, fail)
}

/** A title that is tapped is asked: an emergency among them would call staff for who reads on. */
function checkSuggestions({ suggestions = [] }: PackIntent, intents: Intents, fail: Fail): void {
  suggestions.forEach((name, at) => {
    if (!intents.names.has(name)) fail(['suggestions', at], `no intent "${name}" to suggest`)
    if (intents.pack.intents.some(({ intent, alert }) => intent === name && alert)) {
      fail(
        ['suggestions', at],
        `"${name}" has an alert, and a tap on its title would call staff; suggest an intent that only informs`,
      )
    }
  })
}

/** One without the other says that something was done, and does nothing. */
function checkCommand({ skill, command }: PackIntent, fail: Fail): void {
  if (command !== undefined && skill !== 'command') {
    fail(['command'], '"command" does nothing without "skill: command"')
  }
  if (command === undefined && skill === 'command') {
    fail(['skill'], '"skill: command" lacks its "command"')
  }
}

const isGeneral = (entity: string): boolean => Object.hasOwn(ENTITY_READERS, entity)
/** Whether something that is said in `lang` can mean the intent. */
export const isAskedIn = (intent: PackIntent, lang: Language): boolean =>
  intent.questions[lang] !== undefined || intent.templates?.[lang] !== undefined

function checkSlots(intent: PackIntent, pack: Pack, fail: Fail): void {
  const names = new Set<string>()
  ;(intent.slots ?? []).forEach(({ name, entity, required, ask }, at) => {
    if (names.has(name)) fail(['slots', at], `the slot "${name}" stands twice`)
    names.add(name)
    if (!isGeneral(entity) && !pack.lists.has(entity)) {
      fail(['slots', at], `no list or general entity "${entity}"`)
    }
    for (const lang of LANGUAGES) {
      if (required && isAskedIn(intent, lang) && !ask?.[lang]) {
        fail(['slots', at], `the required slot "${name}" has no question to ask back (${lang})`)
      }
    }
  })
}

function checkQuestions(intent: PackIntent, owners: Map<string, string>, fail: Fail): void {
  for (const lang of LANGUAGES) {
    ;(intent.questions[lang] ?? []).forEach((question, at) => {
      const key = normalForm(question)
      const owner = owners.get(key)
      if (owner !== undefined && owner !== intent.intent) {
        fail(['questions', lang, at], `"${question}" is also a question of ${owner}`)
      }
      owners.set(key, intent.intent)
    })
  }
}

function checkTemplates(intent: PackIntent, { pack, rules }: Intents, fail: Fail): void {
  const slots = new Set((intent.slots ?? []).map(({ name }) => name))
  const isRead = (name: string) => slots.has(name) || pack.lists.has(name) || isGeneral(name)
  for (const lang of LANGUAGES) {
    ;(intent.templates?.[lang] ?? []).forEach((template, at) => {
      const problem = problemOf(() => {
        const unread = slotsOf(parseTemplate(foldTemplate(template), rules)).find(
          (name) => !isRead(name),
        )
        if (unread !== undefined) {
          throw new TemplateError(template, `"{${unread}}" is no slot, list or general entity`)
        }
      })
      if (problem !== undefined) fail(['templates', lang, at], problem)
    })
  }
}

/** What is wrong with a template; undefined where nothing is. */
export function problemOf(parse: () => unknown): string | undefined {
  try {
    parse()
    return undefined
  } catch (error) {
    if (error instanceof TemplateError) return error.message
    throw error
  }
}

function checkLanguages(intent: PackIntent, fail: Fail): void {
  for (const lang of LANGUAGES) {
    const isAsked = isAskedIn(intent, lang)
    const isAnswered = intent.answer[lang] !== undefined
    if (isAsked && !isAnswered) fail(['answer'], `questions but no answer (${lang})`)
    if (isAnswered && !isAsked) fail(['answer', lang], `an answer but no questions (${lang})`)
  }
}

function checkAnswers(intent: PackIntent, pack: Pack, fail: Fail): void {
  const entities = new Map((intent.slots ?? []).map(({ name, entity }) => [name, entity]))
  for (const lang of LANGUAGES) {
    const answer = intent.answer[lang]
    if (!answer) continue
    const check = (text: string, ...path: readonly (string | number)[]) => {
      for (const message of problemsOfText(text, lang, pack, entities)) {
        fail(['answer', lang, ...path], message)
      }
    }
    check(answer.text, 'text')
    ;(answer.speech ?? []).forEach((variant, at) => {
      check(variant, 'speech', at)
    })
  }
}

/** Fields that could never be filled in this language, or that are none. */
function problemsOfText(
  text: string,
  lang: Language,
  pack: Pack,
  entities: ReadonlyMap<string, string>,
): string[] {
  const problems = fieldsOf(text).map((field) => {
    const [head = '', ...rest] = field.split('.')
    const tail = rest.join('.')
    if (head === 'facts') return problemOfFact(pack, tail, lang)
    const entity = entities.get(head)
    if (entity === undefined) return `"{${field}}" is neither a fact nor a slot`
    return tail === '' ? undefined : problemOfAttribute(pack, entity, tail, lang)
  })
  if (/[{}]/.test(withoutFields(text))) {
    problems.push(`"${text}" has a brace that belongs to no field`)
  }
  return problems.filter((problem) => problem !== undefined)
}

function problemOfFact(pack: Pack, name: string, lang: Language): string | undefined {
  if (!Object.hasOwn(pack.facts, name)) return `no fact "${name}"`
  return isSaidIn(pack.facts[name], lang) ? undefined : `the fact "${name}" is not given in ${lang}`
}

function problemOfAttribute(
  pack: Pack,
  entity: string,
  attribute: string,
  lang: Language,
): string | undefined {
  const list = pack.lists.get(entity)
  if (!list) {
    return isGeneral(entity) ? `"${entity}" is no list and has no "${attribute}"` : undefined
  }
  const lacking = list.values.filter(({ attributes }) => !isSaidIn(attributes?.[attribute], lang))
  const [first] = lacking
  if (!first) return undefined
  const others = lacking.length > 1 ? ` and ${lacking.length - 1} more` : ''
  return `"${first.value}"${others} of list "${entity}" lack "${attribute}" (${lang})`
}

/** A text or number without a language is said in all. */
const isSaidIn = (value: Pack['facts'][string] | undefined, lang: Language): boolean =>
  typeof value === 'object' ? value[lang] !== undefined : value !== undefined

/** Two questions that differ in nothing else are one. */
export const normalForm = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s\p{P}\p{S}]+/gu, '')
