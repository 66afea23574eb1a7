/** What a schema cannot see: references between the files of a pack, repeated words, gaps. */
import { buildListLexicon } from '../language/entities/lists.ts'
import { foldTemplate } from '../language/knowledge-base.ts'
import { parseTemplate } from '../language/templates.ts'
import { checkCommands, checkExamples, checkListFile, checkThresholds } from './check-coverage.ts'
import { checkIntent, type Fail, type Intents, normalForm, problemOf } from './check-intent.ts'
import { checkLanguages } from './check-languages.ts'
import { checkList } from './check-list.ts'
import { checkNamedValues } from './check-named-values.ts'
import { checkTitles } from './check-titles.ts'
import type { IntentsFile, ListFile, Pack, TestsFile } from './pack-schema.ts'
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

/** Errors keep a pack from being installed; warnings are for its author. Both name file and line. */
export function checkPack(pack: Pack, files: Files, locate: Locate): PackFindings {
  const errors: PackProblem[] = []
  const warnings: PackProblem[] = []
  const reportInto =
    (into: PackProblem[], file: string): Fail =>
    (path, message) => {
      const line = locate(file, path)
      into.push({ file, message, ...(line === undefined ? {} : { line }) })
    }
  const intents: Intents = {
    pack,
    rules: checkRules(files.intentFiles, (file) => reportInto(errors, file)),
    names: new Set(pack.intents.map(({ intent }) => intent)),
    seen: new Set(),
    owners: new Map(),
  }
  checkThresholds(pack, reportInto(errors, 'pack.yaml'))
  checkCommands(pack, reportInto(warnings, 'pack.yaml'))
  const lists = { seen: new Set<string>(), intents: pack.intents }
  for (const { file, value } of files.listFiles) {
    checkList(value, lists, reportInto(errors, file))
    checkListFile(file, value, reportInto(warnings, file))
  }
  const named = { pack, lexicon: buildListLexicon(pack) }
  const failsOf = new Map<string, Fail>()
  for (const { file, value } of files.intentFiles) {
    checkLanguages(value, pack.manifest.languages, reportInto(warnings, file))
    checkExamples(value, pack.manifest.languages, reportInto(warnings, file))
    value.intents.forEach((intent, at) => {
      const reportHere =
        (into: PackProblem[]): Fail =>
        (path, message) =>
          reportInto(into, file)(['intents', at, ...path], `${intent.intent}: ${message}`)
      failsOf.set(intent.intent, reportHere(errors))
      checkIntent(intent, intents, reportHere(errors))
      checkNamedValues(intent, named, reportHere(warnings))
    })
  }
  // Only a pack whose templates can be read is asked.
  if (errors.length === 0) checkTitles(pack, failsOf)
  for (const { file, value } of files.testFiles) {
    checkTests(value, intents, reportInto(errors, file), reportInto(warnings, file))
  }
  return { errors, warnings }
}

/** The rules as templates use them; one that cannot be parsed is reported once and stands empty. */
function checkRules(
  files: Files['intentFiles'],
  failIn: (file: string) => Fail,
): Readonly<Record<string, string>> {
  // Without a prototype: <constructor> is no rule.
  const rules: Record<string, string> = Object.create(null)
  const definitions = files.flatMap(({ file, value }) =>
    Object.entries(value.rules ?? {}).map(([name, rule]) => ({ file, name, rule })),
  )
  for (const { file, name, rule } of definitions) {
    if (name in rules) failIn(file)(['rules', name], `the rule <${name}> stands twice in the pack`)
    rules[name] = foldTemplate(rule)
  }
  const broken = definitions.filter(({ file, name, rule }) => {
    const problem = problemOf(() => parseTemplate(foldTemplate(rule), rules))
    if (problem !== undefined) failIn(file)(['rules', name], `rule <${name}>: ${problem}`)
    return problem !== undefined
  })
  for (const { name } of broken) rules[name] = ''
  return rules
}

function checkTests(
  { tests }: TestsFile,
  { names, owners }: Intents,
  fail: Fail,
  warn: Fail,
): void {
  tests.forEach(({ intent, text }, at) => {
    if (intent !== undefined && !names.has(intent)) {
      fail(['tests', at], `no intent "${intent}" to test`)
    }
    const owner = owners.get(normalForm(text))
    if (owner !== undefined && owner === intent) {
      warn(['tests', at], `"${text}" is also an example, so it tests nothing`)
    }
  })
}
