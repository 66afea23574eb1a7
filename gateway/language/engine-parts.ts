/** What the engine is made of, and what it finds in one hypothesis. */
import type { KnowledgeBase } from './knowledge-base.ts'
import type { NormalText } from './normalise.ts'
import type { EntityNames } from './question-model.ts'
import type { Reader, Reading } from './reader.ts'
import type { PairLexicon } from './repair.ts'

export interface EngineParts {
  readonly base: KnowledgeBase
  readonly reader: Reader
  readonly entityNames: EntityNames
  readonly lexicon: PairLexicon
  readonly now: () => number
}

export interface Found {
  readonly normal: NormalText
  readonly method: 'template' | 'exact' | 'classifier' | 'retrieval'
  readonly candidates: readonly { readonly intent: number; readonly confidence: number }[]
  readonly slots: Readonly<Record<string, unknown>>
  readonly reading?: Reading
  readonly weight: number
  /** An illness is asked about, and nobody is in danger: an emergency has to be as sure as any other answer. */
  readonly isCalm?: boolean
  /** A command that its speaker does not want: 别叫护士. */
  readonly isDenied?: true
}
