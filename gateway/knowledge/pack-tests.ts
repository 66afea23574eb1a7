/** A pack's own questions, kept back from training, put to an engine. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LanguageEngine } from '../language/port.ts'
import type { Understanding } from '../turn.ts'
import type { Pack } from './pack-schema.ts'

export interface PackTestFailure {
  readonly text: string
  /** Absent: the box should not have known. */
  readonly want?: string
  readonly got?: string
}

export interface PackTestResult {
  readonly total: number
  readonly right: number
  /** Right answers given with confidence, asking back not counted as wrong only where the intent is offered. */
  readonly score: number
  readonly failures: readonly PackTestFailure[]
}

/** A thousand new questions take a second: after so much of it whoever asks something has his turn. */
const TURN_MS = 2

/** Puts every test of the pack to the engine; a pack without tests scores 1. */
export async function runPackTests(pack: Pack, engine: LanguageEngine): Promise<PackTestResult> {
  const failures: PackTestFailure[] = []
  const alarms = new Set(pack.intents.flatMap(({ alert, intent }) => (alert ? [intent] : [])))
  let turnBeganMs = performance.now()
  for (const test of pack.tests) {
    if (performance.now() - turnBeganMs > TURN_MS) {
      await nextTurn()
      turnBeganMs = performance.now()
    }
    const understanding = engine.understand([{ text: test.text, confidence: 1 }], {
      packs: [pack.manifest.pack],
      ...(test.lang ? { lang: test.lang } : {}),
    })
    if (isRight(understanding, test.intent, alarms) && hasSlots(understanding, test.slots)) continue
    const got =
      understanding.kind === 'not-known' ? undefined : understanding.candidates[0]?.ref.intent
    failures.push({
      text: test.text,
      ...(test.intent === undefined ? {} : { want: test.intent }),
      ...(got === undefined ? {} : { got }),
    })
  }
  const total = pack.tests.length
  const right = total - failures.length
  return { total, right, score: total === 0 ? 1 : right / total, failures }
}

/** Slots named by a test must be read as it says, where the intent itself was found. */
function hasSlots(
  understanding: Understanding,
  wanted: Readonly<Record<string, string>> = {},
): boolean {
  if (understanding.kind !== 'intent') return true
  const found = new Map(understanding.slots.map((slot) => [slot.name, String(slot.value)]))
  return Object.entries(wanted).every(([name, value]) => found.get(name) === value)
}

/**
 * Asking back between two of which one is right is right, except where one is an emergency that nobody is then
 * told of; answering what is out of scope is not.
 */
function isRight(
  understanding: Understanding,
  want: string | undefined,
  alarms: ReadonlySet<string>,
): boolean {
  switch (understanding.kind) {
    case 'intent':
      return understanding.best.ref.intent === want
    case 'ambiguous':
      return (
        !(want !== undefined && alarms.has(want)) &&
        understanding.between.some((candidate) => candidate.ref.intent === want)
      )
    case 'not-known':
      return want === undefined
  }
}
