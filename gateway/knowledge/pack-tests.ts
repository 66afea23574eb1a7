/** A pack's own questions, kept back from training, put to an engine. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LanguageEngine } from '../language/port.ts'
import type { KnowledgeRef, Understanding } from '../turn.ts'
import type { Pack, PackIntent } from './pack-schema.ts'

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

/** Puts every test of the pack to the engine, asked of this pack alone; a pack without tests scores 1. */
export async function runPackTests(pack: Pack, engine: LanguageEngine): Promise<PackTestResult> {
  const alarms = new Set(pack.intents.flatMap(({ alert, intent }) => (alert ? [intent] : [])))
  const failures = await failuresOf(pack.tests, engine, [pack.manifest.pack], (heard, test) => {
    return isRight(heard, test.intent, alarms) && hasSlots(heard, test.slots)
  })
  const total = pack.tests.length
  const right = total - failures.length
  return { total, right, score: total === 0 ? 1 : right / total, failures }
}

/**
 * The pack's tests of emergencies and calls for a person, asked as devices ask that may be answered from every
 * pack; those where nobody is told. An alarm or a call for a nurse tells staff from whatever pack it comes.
 * `known`: intents of all packs.
 */
export function missedAmongAll(
  { intents, tests }: Pack,
  engine: LanguageEngine,
  known: (ref: KnowledgeRef) => PackIntent | undefined,
): Promise<readonly PackTestFailure[]> {
  const urgent = new Map(
    intents.filter(callsStaff).map((intent): [string, PackIntent] => [intent.intent, intent]),
  )
  const asked = tests.filter(({ intent }) => intent !== undefined && urgent.has(intent))
  return failuresOf(asked, engine, undefined, (heard, { intent: want }) => {
    const meant = heard.kind === 'intent' ? known(heard.best.ref) : undefined
    if (!meant || !callsStaff(meant)) return false
    return meant.command !== 'handoff' || urgent.get(want ?? '')?.command === 'handoff'
  })
}

const callsStaff = ({ alert, command }: PackIntent): boolean =>
  alert !== undefined || command === 'call-nurse' || command === 'handoff'

type PackTest = Pack['tests'][number]

async function failuresOf(
  tests: readonly PackTest[],
  engine: LanguageEngine,
  packs: readonly string[] | undefined,
  isPassed: (heard: Understanding, test: PackTest) => boolean,
): Promise<PackTestFailure[]> {
  const failures: PackTestFailure[] = []
  let turnBeganMs = performance.now()
  for (const test of tests) {
    if (performance.now() - turnBeganMs > TURN_MS) {
      await nextTurn()
      turnBeganMs = performance.now()
    }
    const { text, intent, lang } = test
    const heard = engine.understand([{ text, confidence: 1 }], {
      ...(packs ? { packs } : {}),
      ...(lang ? { lang } : {}),
    })
    if (isPassed(heard, test)) continue
    const got = heard.kind === 'not-known' ? undefined : heard.candidates[0]?.ref.intent
    failures.push({
      text,
      ...(intent === undefined ? {} : { want: intent }),
      ...(got === undefined ? {} : { got }),
    })
  }
  return failures
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
