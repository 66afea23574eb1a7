import { expect, it } from 'vitest'
import { refuseWorse, type Tried } from '../../../gateway/knowledge/install-gate.ts'
import type { PackIntent } from '../../../gateway/knowledge/pack-schema.ts'

const QUESTIONS = {
  'emergency.fire': '着火了',
  'place.toilet': '厕所在哪',
  'place.lift': '电梯在哪',
}
type Intent = keyof typeof QUESTIONS

/** The same pack and tests each time; `missed` are answered wrongly. */
function tried(missed: readonly Intent[], marks: Partial<PackIntent> = {}): Tried {
  const intents = Object.keys(QUESTIONS).map((intent) => ({
    intent,
    ...(intent === 'emergency.fire' ? marks : {}),
  }))
  const tests = Object.entries(QUESTIONS).map(([intent, text]) => ({ intent, text }))
  const failures = missed.map((want) => ({ text: QUESTIONS[want], want, got: undefined }))
  return {
    pack: { manifest: { pack: 'p', minimumTestScore: 0 }, intents, tests },
    tests: { score: 0.9, failures },
  } as unknown as Tried
}

it('a version that misses a test of an alert is refused, however many others it mends', () => {
  const before = (marks: Partial<PackIntent>) => tried(['place.toilet', 'place.lift'], marks)
  const replace = (marks: Partial<PackIntent>) => () =>
    refuseWorse(tried(['emergency.fire'], marks), before(marks))
  expect(replace({ alert: 'emergency' })).toThrow(
    expect.objectContaining({
      code: 'pack.risk-lower',
      message: expect.stringContaining('着火了'),
    }),
  )
  expect(replace({ risk: 'high' })).toThrow(expect.objectContaining({ code: 'pack.risk-lower' }))
  expect(replace({})).not.toThrow()
})

it('a version that breaks more than it mends is refused, and one that breaks as many is taken', () => {
  expect(() => refuseWorse(tried(['place.toilet', 'place.lift']), tried([]))).toThrow(
    expect.objectContaining({ code: 'pack.score-lower' }),
  )
  expect(() => refuseWorse(tried(['place.toilet']), tried(['place.lift']))).not.toThrow()
})
