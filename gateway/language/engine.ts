/** The language engine: words in, understanding out. No I/O; the clock is passed in. */
import type { Pack } from '../knowledge/pack-schema.ts'
import type { EngineParts } from './engine-parts.ts'
import { explain } from './explain.ts'
import { foreignExamples } from './foreign-examples.ts'
import { buildKnowledgeBase, listNames, packTexts } from './knowledge-base.ts'
import { LanguageModelError } from './model-error.ts'
import { readModel, writeModel } from './model-file.ts'
import { normalise } from './normalise.ts'
import type { LanguageEngine, LanguageModule, TrainedModel } from './port.ts'
import { buildQuestionIndex } from './question-index.ts'
import { OUT_OF_SCOPE, prepareStored } from './question-model.ts'
import { createReader } from './reader.ts'
import { buildPairLexicon } from './repair.ts'
import { judge, understandNothing } from './several.ts'
import { trainQuestionModel } from './trainer.ts'

/**
 * Share of questions that no intent answers, as training reckons with it: the less a box knows, the more
 * it is asked that it does not.
 */
const foreignShareOf = (intents: number): number => 0.2 + 0.3 * Math.exp(-intents / 20)

export interface LanguageModuleOptions {
  /** What 明天 counts from; milliseconds since 1970. */
  readonly now: () => number
}

/** The language room as the house uses it. */
export function createLanguageModule(options: LanguageModuleOptions): LanguageModule {
  return {
    load: (pack, model) => loadParts(pack, model, options.now),
    join: joinPacks,
  }
}

/**
 * Trains on a pack's questions: seconds of CPU, so in a worker where others are answered meanwhile.
 * The same pack and seed give the same bytes.
 */
export function trainPack(pack: Pack, options: { readonly seed: number }): TrainedModel {
  const base = buildKnowledgeBase(pack)
  const label = base.intents.length
  const foreign = foreignExamples(pack, base).map((text) => ({ text, label }))
  const { model } = trainQuestionModel(
    [...base.questions, ...foreign],
    [...base.intents.map((known) => known.label), OUT_OF_SCOPE],
    {
      seed: options.seed,
      classify: true,
      search: true,
      foreignShare: foreignShareOf(base.intents.length),
      entityNames: listNames(base),
    },
  )
  return writeModel({
    model,
    questions: foreign,
    about: aboutOf(pack),
  })
}

/** A list, as when one model knew several packs: models of the same pack keep their bytes. */
const aboutOf = ({ digest }: Pack) => ({ task: 'packs', packs: [digest] })

function joinPacks(all: readonly EngineParts[]): LanguageEngine {
  const nothing = all.length === 0 ? 'no-knowledge' : 'out-of-scope'
  return {
    understand: (hypotheses, options = {}) =>
      judge(all, hypotheses, options)[0]?.decided.understanding ??
      understandNothing(hypotheses, options, nothing),
    explain: (hypotheses, options = {}) => {
      const [heard, ...others] = judge(all, hypotheses, options)
      return heard
        ? explain(heard, others)
        : { understanding: understandNothing(hypotheses, options, nothing), steps: [] }
    },
  }
}

function loadParts(pack: Pack, bytes: TrainedModel, now: () => number): EngineParts {
  const { model, about, questions: foreign = [] } = readModel(bytes)
  if (JSON.stringify(about.packs) !== JSON.stringify(aboutOf(pack).packs)) {
    throw new LanguageModelError(
      'model.other-packs',
      'The language model was trained on another pack than the one installed',
    )
  }
  const base = buildKnowledgeBase(pack)
  const entityNames = listNames(base)
  const stored = [...base.questions, ...foreign]
  const index = buildQuestionIndex(
    stored.map(({ text }) => prepareStored(normalise(text), entityNames)),
  )
  const labels = Int32Array.from(stored, ({ label }) => label)
  const reader = createReader(model, index, labels)
  return { base, reader, entityNames, lexicon: buildPairLexicon(packTexts(base)), now }
}
