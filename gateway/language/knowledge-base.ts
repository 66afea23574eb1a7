/** A pack as the engine looks things up in it: intents by number, templates, exact questions, lists. */
import type { Language, Pack, PackIntent, PackManifest } from '../knowledge/pack-schema.ts'
import type { KnowledgeRef } from '../turn.ts'
import { buildListLexicon, findListValues, type ListLexicon } from './entities/lists.ts'
import { clean, commonForm, latinWords, normalise } from './normalise.ts'
import type { StoredQuestion } from './question-model.ts'
import { indexTemplates } from './template-index.ts'
import { firstCharacters, parseTemplate, type TemplateNode } from './templates.ts'

export interface KnownIntent {
  readonly ref: KnowledgeRef
  readonly intent: PackIntent
  /** `pack/intent`, the label in the model. */
  readonly label: string
}

export interface KnownTemplate {
  readonly intent: number
  readonly lang: Language
  readonly source: string
  readonly node: TemplateNode
  /** See {@link firstCharacters}. */
  readonly firsts: ReadonlySet<string> | undefined
}

export interface KnowledgeBase {
  /** Name of the pack. */
  readonly pack: string
  /** From where up the pack answers and asks back, where it says so itself (0–1). */
  readonly thresholds: PackManifest['thresholds']
  readonly intents: readonly KnownIntent[]
  /** The templates that a normal form may fit, in the order of the pack. */
  readonly templatesFor: (text: string) => readonly KnownTemplate[]
  /** Normal form of an example question → intents that have it. */
  readonly exact: ReadonlyMap<string, readonly number[]>
  /** Normal form of a title → intents that have it: what the box offers is asked by its title. */
  readonly titles: ReadonlyMap<string, readonly number[]>
  /** Every example question of every intent. */
  readonly questions: readonly StoredQuestion[]
  readonly lists: ListLexicon
  /** List → the intent that a value said alone asks, where the list names one. */
  readonly aloneAsks: ReadonlyMap<string, string>
  /** Latin words of the pack's Chinese wording, in normal form: ct, wifi. */
  readonly latinInChinese: ReadonlySet<string>
}

const LANGUAGES: readonly Language[] = ['zh', 'en']

export function buildKnowledgeBase(pack: Pack): KnowledgeBase {
  const { pack: name, version, thresholds } = pack.manifest
  const intents = pack.intents.map(
    (intent): KnownIntent => ({
      ref: { pack: name, version, intent: intent.intent },
      intent,
      label: `${name}/${intent.intent}`,
    }),
  )
  const questions = intents.flatMap(({ intent }, number) =>
    LANGUAGES.flatMap((lang) =>
      (intent.questions[lang] ?? []).map((text) => ({ text, label: number })),
    ),
  )
  return {
    pack: name,
    thresholds,
    intents,
    templatesFor: indexTemplates(compileTemplates(pack)),
    exact: byNormalForm(questions),
    titles: byNormalForm(
      intents.flatMap(({ intent: { title } }, label) =>
        LANGUAGES.flatMap((lang) => {
          const text = title[lang]
          return text === undefined ? [] : [{ text, label }]
        }),
      ),
    ),
    questions,
    lists: buildListLexicon(pack),
    aloneAsks: new Map(
      [...pack.lists.values()].flatMap(({ list, alone }): [string, string][] =>
        alone === undefined ? [] : [[list, alone]],
      ),
    ),
    latinInChinese: new Set(chineseTexts(pack).flatMap((text) => latinWords(clean(text)))),
  }
}

/** Whether staff are called when `intent` is answered; no number is no emergency. */
export const isAlarm = ({ intents }: Pick<KnowledgeBase, 'intents'>, intent = -1): boolean =>
  intents[intent]?.intent.alert === 'emergency'

/** Normal form of each text → the intents that it stands for. */
function byNormalForm(texts: readonly StoredQuestion[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>()
  for (const { text, label } of texts) {
    const key = normalise(text).text
    const known = found.get(key)
    if (!known) found.set(key, [label])
    else if (!known.includes(label)) known.push(label)
  }
  return found
}

const chineseTexts = ({ intents, lists }: Pack): string[] => [
  ...intents.flatMap(({ questions }) => questions.zh ?? []),
  ...[...lists.values()].flatMap(({ values }) =>
    values.flatMap(({ value, synonyms = [] }) => [value, ...synonyms]),
  ),
]

function compileTemplates(pack: Pack): KnownTemplate[] {
  const rules = Object.fromEntries(
    Object.entries(pack.rules).map(([name, rule]) => [name, foldTemplate(rule)]),
  )
  return pack.intents.flatMap(({ templates }, intent) =>
    LANGUAGES.flatMap((lang) =>
      (templates?.[lang] ?? []).map((source) => {
        const node = parseTemplate(foldTemplate(source), rules)
        return { intent, lang, source, node, firsts: firstCharacters(node) }
      }),
    ),
  )
}

/** Templates are matched against normal forms: same width, case and apostrophes, no punctuation. */
export const foldTemplate = (template: string): string =>
  template
    .normalize('NFKC')
    .toLowerCase()
    .replace(/’/g, "'")
    // The point of a figure stays, as in what is said: 血糖2.8.
    .replace(/[,?!，。？！、；：]|(?<!\d)\.|\.(?!\d)/g, ' ')

/** Names of lists with a value in `text`; features of the classifier. */
export function listNames(base: KnowledgeBase): (text: string) => readonly string[] {
  return (text) => [...new Set(findListValues(base.lists, text).map((hit) => hit.list))]
}

/** The words of the pack, for mending what was misheard. */
export function packTexts(base: KnowledgeBase): string[] {
  const surfaces = [...base.lists.byCharacter.values()].flat().map(({ text }) => text)
  return [...base.exact.keys(), ...surfaces, ...surfaces.map(commonForm)]
}
