/**
 * What the house asks of the language room. Pure: text in, understanding out, no I/O.
 */
import type { Language, Pack } from '../knowledge/pack-schema.ts'
import type { Hypothesis, KnowledgeRef, Understanding } from '../turn.ts'
import type { EngineParts } from './engine-parts.ts'

export interface UnderstandOptions {
  /** Language of the session so far; a sentence in another language still wins. */
  readonly lang?: Language
  /** Packs this device may be answered from; absent: all. */
  readonly packs?: readonly string[]
  /** The slot that the box has just asked for: its entity is looked for first. */
  readonly expecting?: {
    readonly ref: KnowledgeRef
    readonly slot: string
    readonly entity: string
  }
}

/** Answers questions about text from one immutable set of packs; a new install makes a new engine. */
export interface LanguageEngine {
  /** Best reading of a recogniser's hypotheses (one for typed text). Under a millisecond; never throws. */
  understand(hypotheses: readonly Hypothesis[], options?: UnderstandOptions): Understanding
  /** Why: normal form, weighty features, candidates with scores, threshold applied. */
  explain(hypotheses: readonly Hypothesis[], options?: UnderstandOptions): Explanation
}

export interface Explanation {
  readonly understanding: Understanding
  readonly steps: readonly {
    readonly stage: string
    readonly detail: Readonly<Record<string, unknown>>
  }[]
}

/** Bytes that a trained engine is restored from without training; opaque, versioned, digest-checked. */
export type TrainedModel = Uint8Array

export interface LanguageModule {
  /** A pack ready to be asked, by what was learnt of it; throws LanguageModelError when that is not its model. */
  load(pack: Pack, model: TrainedModel): EngineParts
  /** An engine that asks each of these packs. */
  join(packs: readonly EngineParts[]): LanguageEngine
}
