/** What training leaves behind, and how a text is prepared for it. */
import type { Language } from '../knowledge/pack-schema.ts'
import type { PreparedText } from './dataset.ts'
import type { FeatureOptions } from './features.ts'
import type { LinearModel } from './linear-model.ts'
import type { Logistic } from './logistic.ts'
import type { NormalText } from './normalise.ts'
import { conceptNames } from './question-words.ts'
import { type Token, tokenise } from './tokens.ts'
import type { Vocabulary } from './vocabulary.ts'

/** The label of texts that no answer belongs to. */
export const OUT_OF_SCOPE = 'oos'

export interface Classifier {
  readonly features: FeatureOptions
  readonly viewWeights: readonly number[]
  readonly vocabulary: Vocabulary
  readonly linear: LinearModel
}

/** Weights of the decision, all learned on texts that the parts below had not seen. */
export interface Decision {
  /** Similarity figures → log odds that two questions mean the same. */
  readonly rerank: Logistic
  /** Evidence for one label → its rank. */
  readonly rank: Logistic
  /** Evidence for the best label → log odds that it is right; beside `lead`, that any label is. */
  readonly confidence: Logistic
  /** Lead of the best label → log odds that it is the right one, if any is. See `confidence.ts`. */
  readonly lead?: Logistic
}

export interface QuestionModel {
  readonly labels: readonly string[]
  /** Number of the label that stands for "none of these", where examples of it were given. */
  readonly outOfScope?: number
  readonly classifier?: Classifier
  readonly decision: Decision
}

/** A stored question and the number of its label. */
export interface StoredQuestion {
  readonly text: string
  readonly label: number
}

/** Names of entities (pack lists) found in a normal form; each is a feature and must agree in a match. */
export type EntityNames = (text: string) => readonly string[]

/** A text as the classifier and the search see it. */
export interface QueryText {
  readonly lang: Language
  readonly forClassifier: PreparedText
  /** What the search compares. */
  readonly text: string
  /** With fillers and politeness; tells near duplicates apart. */
  readonly said: string
  readonly forSearch: PreparedText
}

export function prepareQuery(normal: NormalText, entityNames: EntityNames): QueryText {
  const { lang, text, plain: said } = normal
  const tokens = tokenise(text)
  return {
    lang,
    text,
    said,
    forClassifier: { lang, tokens, entities: entityNames(text) },
    forSearch: { lang, tokens, entities: conceptNames(text) },
  }
}

/** As {@link prepareQuery}, but cut anew at each use: a hundred thousand stored questions stay small. */
export function prepareStored(normal: NormalText, entityNames: EntityNames): QueryText {
  const { lang, text, plain } = normal
  return {
    lang,
    text,
    // One string where the two are the same.
    said: plain === text ? text : plain,
    forClassifier: new CutAnew(lang, text, entityNames),
    forSearch: new CutAnew(lang, text, conceptNames),
  }
}

/** A class, because getters of an object of its own are two functions more for every question. */
class CutAnew implements PreparedText {
  readonly lang: Language
  readonly #text: string
  readonly #entityNames: EntityNames

  constructor(lang: Language, text: string, entityNames: EntityNames) {
    this.lang = lang
    this.#text = text
    this.#entityNames = entityNames
  }

  get tokens(): readonly Token[] {
    return tokenise(this.#text)
  }

  get entities(): readonly string[] {
    return this.#entityNames(this.#text)
  }
}
