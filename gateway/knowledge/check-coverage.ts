/** What a pack that stands by itself is expected to hold, and does not. */
import { basename } from 'node:path/posix'
import type { Fail } from './check-intent.ts'
import type { Command, IntentsFile, Language, ListFile, Pack } from './pack-schema.ts'

/** Fewer teach an intent too little to be told from its neighbours. */
const MIN_EXAMPLES = 10
/** What the box tells people to say, or what they say to any voice. */
const EXPECTED: readonly Command[] = [
  'handoff',
  'repeat',
  'stop',
  'louder',
  'softer',
  'slower',
  'faster',
]

/**
 * Warns of commands and emergencies that the pack knows nothing of: a box that has no other pack for these
 * devices does not understand 转人工 or 着火了. One warning each, for pack.yaml.
 */
export function checkCommands({ intents }: Pack, warn: Fail): void {
  const known = new Set(intents.map(({ command }) => command))
  const lacking = EXPECTED.filter((command) => !known.has(command))
  if (lacking.length > 0) {
    warn(
      [],
      `no intent with command ${lacking.join(', ')}: with no other pack for these devices the box does not understand them; take over intents/commands.yaml of a shipped pack (FORMAT.md says how)`,
    )
  }
  if (intents.every(({ alert }) => alert === undefined)) {
    warn(
      [],
      'no intent with "alert: emergency": with no other pack for these devices nobody is told of 着火了 or 有人晕倒了; take over intents/safety.yaml of a shipped pack (FORMAT.md says how)',
    )
  }
}

/** Warns, once a file, of intents with fewer than {@link MIN_EXAMPLES} questions in the pack's first language. */
export function checkExamples({ intents }: IntentsFile, [lang]: readonly Language[], warn: Fail) {
  if (lang === undefined) return
  const few = intents.filter(({ questions }) => {
    const count = questions[lang]?.length ?? 0
    return count > 0 && count < MIN_EXAMPLES
  })
  const [first] = few
  if (!first) return
  const names = few.map(({ intent, questions }) => `${intent} (${questions[lang]?.length ?? 0})`)
  warn(
    ['intents', intents.indexOf(first)],
    `fewer than ${MIN_EXAMPLES} questions (${lang}), so that other wordings are hardly understood: ${names.join(', ')}`,
  )
}

/** Warns of a list whose file has another name: whoever looks for the list does not find it. */
export function checkListFile(file: string, { list }: ListFile, warn: Fail): void {
  const name = basename(file).replace(/\.ya?ml$/, '')
  if (name !== list) warn(['list'], `the file of the list "${list}" is named ${list}.yaml`)
}

/** Reports a pack that would ask back about what it is already sure enough of to answer. */
export function checkThresholds({ manifest: { thresholds } }: Pack, fail: Fail): void {
  if (!thresholds || thresholds.clarify <= thresholds.answer) return
  fail(
    ['thresholds', 'clarify'],
    `"clarify" (${thresholds.clarify}) is above "answer" (${thresholds.answer}); it has to be the lower one`,
  )
}
