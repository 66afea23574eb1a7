/** What a schema cannot see: references between the files of a pack, repeated questions, gaps. */
import { ENTITY_READERS } from '../language/entities/extract.ts'
import { fieldsOf } from './answer-text.ts'
import type { IntentsFile, ListFile, Pack, PackIntent, TestsFile } from './pack-schema.ts'
import type { Locate, PackProblem, ReadFile } from './read-pack.ts'

interface Files {
  readonly intentFiles: readonly ReadFile<IntentsFile>[]
  readonly listFiles: readonly ReadFile<ListFile>[]
  readonly testFiles: readonly ReadFile<TestsFile>[]
}

export interface PackFindings {
  readonly errors: readonly PackProblem[]
  readonly warnings: readonly PackProblem[]
}

export function checkPack(pack: Pack, files: Files, locate: Locate): PackFindings {
  const errors: PackProblem[] = []
  const warnings: PackProblem[] = []
  const report = (
    into: PackProblem[],
    file: string,
    path: readonly (string | number)[],
    message: string,
  ) => {
    const line = locate(file, path)
    into.push({ file, message, ...(line === undefined ? {} : { line }) })
  }
  const intentNames = new Set<string>()
  const questions = new Map<string, string>()
  for (const { file, value } of files.intentFiles) {
    value.intents.forEach((intent, at) => {
      const fail = (path: readonly (string | number)[], message: string) =>
        report(errors, file, ['intents', at, ...path], `${intent.intent}: ${message}`)
      if (intentNames.has(intent.intent)) fail(['intent'], 'this intent stands twice')
      intentNames.add(intent.intent)
      checkCommand(intent, fail)
      checkSlots(pack, intent, fail)
      checkAnswer(pack, intent, fail)
      checkQuestions(intent, questions, fail)
    })
  }
  for (const { file, value } of files.intentFiles) {
    value.intents.forEach((intent, at) => {
      for (const name of intent.suggestions ?? []) {
        if (!intentNames.has(name)) {
          report(
            errors,
            file,
            ['intents', at, 'suggestions'],
            `${intent.intent}: no intent "${name}" to suggest`,
          )
        }
      }
    })
  }
  for (const { file, value } of files.testFiles) {
    value.tests.forEach((test, at) => {
      if (test.intent !== undefined && !intentNames.has(test.intent)) {
        report(errors, file, ['tests', at], `no intent "${test.intent}" to test`)
      }
      const owner = questions.get(normalForm(test.text))
      if (owner !== undefined && owner === test.intent) {
        report(
          warnings,
          file,
          ['tests', at],
          `"${test.text}" is also an example, so it tests nothing`,
        )
      }
    })
  }
  const seenLists = new Set<string>()
  for (const { file, value } of files.listFiles) {
    if (seenLists.has(value.list))
      report(errors, file, ['list'], `the list "${value.list}" stands twice`)
    seenLists.add(value.list)
  }
  return { errors, warnings }
}

type Fail = (path: readonly (string | number)[], message: string) => void

/** One without the other says that something was done, and does nothing. */
function checkCommand({ skill, command }: PackIntent, fail: Fail): void {
  if (command !== undefined && skill !== 'command') {
    fail(['command'], '"command" does nothing without "skill: command"')
  }
  if (command === undefined && skill === 'command') {
    fail(['skill'], '"skill: command" lacks its "command"')
  }
}

function checkSlots(pack: Pack, intent: PackIntent, fail: Fail): void {
  ;(intent.slots ?? []).forEach((slot, at) => {
    if (!Object.hasOwn(ENTITY_READERS, slot.entity) && !pack.lists.has(slot.entity)) {
      fail(['slots', at], `no list or general entity "${slot.entity}"`)
    }
    if (slot.required) {
      for (const lang of ['zh', 'en'] as const) {
        if (intent.questions[lang] && !slot.ask?.[lang]) {
          fail(
            ['slots', at],
            `the required slot "${slot.name}" has no question to ask back (${lang})`,
          )
        }
      }
    }
  })
}

function checkAnswer(pack: Pack, intent: PackIntent, fail: Fail): void {
  const slots = new Map((intent.slots ?? []).map((slot) => [slot.name, slot]))
  for (const lang of ['zh', 'en'] as const) {
    const answer = intent.answer[lang]
    if (intent.questions[lang] && !answer) fail(['answer'], `questions but no answer (${lang})`)
    if (!answer) continue
    for (const text of [answer.text, ...(answer.speech ?? [])]) {
      for (const field of fieldsOf(text)) {
        const [head = '', ...rest] = field.split('.')
        if (head === 'facts') {
          if (!(rest.join('.') in pack.facts)) fail(['answer', lang], `no fact "${rest.join('.')}"`)
        } else if (!slots.has(head)) {
          fail(['answer', lang], `"{${field}}" is neither a fact nor a slot`)
        } else if (rest.length > 0) {
          checkAttribute(pack, slots.get(head)?.entity ?? '', rest.join('.'), (message) =>
            fail(['answer', lang], message),
          )
        }
      }
    }
  }
}

function checkAttribute(
  pack: Pack,
  entity: string,
  attribute: string,
  fail: (m: string) => void,
): void {
  const list = pack.lists.get(entity)
  const lacking = list?.values.filter((value) => value.attributes?.[attribute] === undefined)
  if (!list || !lacking || lacking.length === 0) return
  fail(
    `"${lacking[0]?.value}" and ${lacking.length - 1} more of list "${entity}" lack "${attribute}"`,
  )
}

function checkQuestions(intent: PackIntent, seen: Map<string, string>, fail: Fail): void {
  for (const lang of ['zh', 'en'] as const) {
    ;(intent.questions[lang] ?? []).forEach((question, at) => {
      const key = normalForm(question)
      const owner = seen.get(key)
      if (owner !== undefined && owner !== intent.intent) {
        fail(['questions', lang, at], `"${question}" is also a question of ${owner}`)
      }
      seen.set(key, intent.intent)
    })
  }
}

const normalForm = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s\p{P}\p{S}]+/gu, '')
