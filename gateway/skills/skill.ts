/** What every skill is given and gives back. */

import type { Phrases } from '../dialogue/phrases.ts'
import type { Language, Pack, PackIntent } from '../knowledge/pack-schema.ts'
import type { Candidate, Reply, SlotValue, Turn } from '../turn.ts'

export interface SkillInput {
  readonly turn: Turn
  readonly lang: Language
  readonly pack: Pack
  readonly intent: PackIntent
  readonly best: Candidate
  readonly slots: Readonly<Record<string, SlotValue>>
  readonly phrases: Phrases
  /** Of the device that asks, as it speaks by itself (0–1). */
  readonly usualVolume: number
}

export type Skill = (input: SkillInput) => Reply

/** What was heard, as the recogniser is surest of it. */
export const heardWords = ({ hypotheses }: Turn): string => hypotheses[0]?.text ?? ''

/** Reply fields that every answer from a pack entry shares. */
export const replyBase = ({ lang, best, slots }: SkillInput) => ({
  lang,
  source: 'local' as const,
  ref: best.ref,
  confidence: best.confidence,
  slots,
})
