import { expect, test } from 'vitest'
import { createContinuePending } from '../../../gateway/dialogue/pending.ts'
import { loadPhrases } from '../../../gateway/dialogue/phrases.ts'
import type { KnowledgeRef, Slot, Turn, Understanding } from '../../../gateway/turn.ts'

const continuePending = createContinuePending(loadPhrases(), { entry: () => undefined })
const refOf = (intent: string): KnowledgeRef => ({ pack: 'hospital', version: '1.0.0', intent })
const asked = refOf('department.phone')
const slot = (entity: string, text: string): Slot => ({ name: entity, value: text, text, entity })

/** A person whom the box has asked which department's number he wants. */
const turn = {
  hypotheses: [],
  session: {
    pending: {
      kind: 'slot',
      ref: asked,
      confidence: 0.8,
      slot: 'department',
      entity: 'department',
      slots: {},
      tries: 1,
    },
  },
} as unknown as Turn

const heardAs = (intent: string, confidence: number, normal: string, slots: Slot[]) => {
  const best = { ref: refOf(intent), confidence }
  const heard: Understanding = {
    lang: 'zh',
    normal,
    slots,
    candidates: [best],
    kind: 'intent',
    best,
    method: 'classifier',
  }
  const next = continuePending(turn, heard)
  return next.kind === 'intent'
    ? [next.best.ref.intent, next.best.confidence, ...next.slots.map(({ value }) => value)]
    : [next.kind]
}

test.each([
  ['facility.where', 0.9, '停车场', [slot('facility', '停车场')]],
  ['service.vaccination', 0.6, '儿科今天能打疫苗吗', [slot('department', '儿科')]],
  ['registration.child', 0.94, '我想挂儿科的号', [slot('department', '儿科')]],
] as const)('another question (%s, %f) is heard: %s', (intent, confidence, normal, slots) => {
  const [heard, sure] = heardAs(intent, confidence, normal, [...slots])
  expect([heard, sure]).toEqual([intent, confidence])
})

test.each([
  ['department.where', 0.9, '骨科', [slot('department', '骨科')]],
  ['department.where', 0.67, '我问的是神经内科的', [slot('department', '神经内科')]],
] as const)('an answer (as %s, %f) is taken for one: %s', (intent, confidence, normal, slots) => {
  const value = slots[0].value
  expect(heardAs(intent, confidence, normal, [...slots])).toEqual([asked.intent, 0.8, value])
})
