/** Why the engine understood what it did: every reading, with what weighed for and against it. */
import type { EngineParts, Found } from './engine-parts.ts'
import type { Explanation } from './port.ts'
import { prepareQuery } from './question-model.ts'
import { type Evidence, marginOf } from './reader.ts'
import type { Judged } from './several.ts'
import { SIMILARITY_NAMES } from './similarity.ts'
import { thresholdsOf } from './thresholds.ts'

/** Units shown; the rest weigh next to nothing. */
const SHOWN_UNITS = 8

/** Steps of the pack that is heard, and what the others made of the words. */
export function explain({ parts, decided }: Judged, others: readonly Judged[]): Explanation {
  const { understanding, found, best } = decided
  const intent = best?.candidates[0]?.intent ?? -1
  return {
    understanding,
    steps: [
      ...found.flatMap((item) => describe(parts, item)),
      {
        stage: 'thresholds',
        detail: { chosen: best?.normal.text, ...thresholdsOf(parts.base, intent, best?.isCalm) },
      },
      ...others.flatMap(({ decided: { understanding: other } }): Step[] => {
        const [candidate] = other.candidates
        if (!candidate) return []
        const { ref, confidence } = candidate
        return [{ stage: 'another pack', detail: { ...ref, confidence, kind: other.kind } }]
      }),
    ],
  }
}

type Step = Explanation['steps'][number]

function describe(parts: EngineParts, found: Found): Step[] {
  const { normal, reading } = found
  const steps: Step[] = [
    { stage: 'normal form', detail: { plain: normal.plain, bare: normal.bare, text: normal.text } },
    {
      stage: found.method,
      detail: {
        recogniser: found.weight,
        candidates: found.candidates.map(({ intent, confidence }) => ({
          intent: parts.base.intents[intent]?.label ?? '',
          confidence,
        })),
      },
    },
  ]
  const [first] = reading?.evidence ?? []
  if (!reading || !first) return steps
  const evidence = reading.evidence.map((item) => evidenceOf(parts, item))
  return [
    ...steps,
    { stage: 'evidence', detail: { evidence, ...reading.surroundings } },
    { stage: 'words that weighed most', detail: { units: unitWeights(parts, found, first.label) } },
  ]
}

function evidenceOf(parts: EngineParts, item: Evidence): Readonly<Record<string, unknown>> {
  const question = parts.reader.index?.profiles.texts[item.document]
  return {
    intent: parts.base.intents[item.label]?.label ?? '',
    rank: item.rank,
    probability: item.probability,
    margin: item.margin,
    ...(question !== undefined ? { question, match: item.match, covers: item.covers } : {}),
    ...(item.figures
      ? {
          similarity: Object.fromEntries(
            SIMILARITY_NAMES.map((name, i) => [name, item.figures?.[i]]),
          ),
        }
      : {}),
  }
}

/** How much the classifier's margin for `label` falls when a word or character is left out. */
function unitWeights(
  parts: EngineParts,
  { normal }: Found,
  label: number,
): { readonly text: string; readonly weight: number }[] {
  const query = prepareQuery(normal, parts.entityNames)
  const { tokens } = query.forClassifier
  const whole = marginOf(parts.reader, query, label)
  const weights = tokens.map((token, i) => {
    const rest = tokens.filter((_, j) => j !== i)
    const without = { ...query, forClassifier: { ...query.forClassifier, tokens: rest } }
    return { text: token.text, weight: whole - marginOf(parts.reader, without, label) }
  })
  return weights.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, SHOWN_UNITS)
}
