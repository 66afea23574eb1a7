/**
 * Who answers escalated asks: a port, and a plain reference behind it.
 *
 * A language model goes behind the same port: it gets the ask and a signal that fires at the deadline,
 * and must cite what it answers from. The core neither knows nor cares which it is.
 */
import { existsSync, readFileSync } from 'node:fs'
import { type Static, Type } from '@sinclair/typebox'
import type { EscalatedAnswer, EscalatedAsk } from '../protocol/ask.ts'
import { parseJson } from '../protocol/parse.ts'

export interface Answerer {
  /** May take as long as the signal lets it. A rejection becomes `not-known`. */
  answer(ask: EscalatedAsk, signal: AbortSignal): Promise<EscalatedAnswer>
}

const AnswersFile = Type.Object({
  name: Type.String(),
  version: Type.String(),
  source: Type.String(),
  entries: Type.Array(
    Type.Object({
      id: Type.String(),
      lang: Type.String(),
      questions: Type.Array(Type.String(), { minItems: 1 }),
      text: Type.String(),
      validForMs: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  ),
})
type AnswersFile = Static<typeof AnswersFile>

/** Dice similarity of character bigrams; below this two questions are not the same. */
const MIN_SIMILARITY = 0.6
/** Answers of a list change when somebody edits it: an hour is soon enough. */
const VALID_FOR_MS = 3_600_000
/** A question that nobody could answer may be answerable in a minute. */
const NOT_KNOWN_FOR_MS = 60_000

/** Reads `answers.json` of the core's data folder; without one it knows nothing. Throws on a broken file. */
export function openListAnswerer(file: string): Answerer {
  const list = readList(file)
  const known = (list?.entries ?? []).flatMap((entry) =>
    entry.questions.map((question) => ({ entry, grams: bigrams(question) })),
  )

  return {
    async answer(ask) {
      const grams = bigrams(ask.text)
      let best: { entry: AnswersFile['entries'][number]; similarity: number } | undefined
      for (const { entry, grams: other } of known) {
        if (entry.lang !== ask.lang.slice(0, 2)) continue
        const similarity = dice(grams, other)
        if (similarity > (best?.similarity ?? 0)) best = { entry, similarity }
      }
      if (!list || !best || best.similarity < MIN_SIMILARITY) {
        return { status: 'not-known', validForMs: NOT_KNOWN_FOR_MS }
      }
      const { entry, similarity } = best
      return {
        status: 'answered',
        text: entry.text,
        confidence: Math.min(1, similarity),
        source: { name: list.name, version: list.version, entry: entry.id },
        validForMs: entry.validForMs ?? VALID_FOR_MS,
      }
    },
  }
}

function readList(file: string): AnswersFile | undefined {
  if (!existsSync(file)) return undefined
  const parsed = parseJson(AnswersFile, readFileSync(file))
  if (!parsed.ok) throw new Error(`${file}: ${parsed.detail}`)
  return parsed.value
}

function bigrams(text: string): ReadonlySet<string> {
  const characters = [
    ...text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[\s\p{P}]/gu, ''),
  ]
  const padded = ['^', ...characters, '$']
  return new Set(padded.slice(1).map((character, n) => `${padded[n]}${character}`))
}

function dice(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let common = 0
  for (const gram of left) if (right.has(gram)) common += 1
  return (2 * common) / (left.size + right.size)
}
