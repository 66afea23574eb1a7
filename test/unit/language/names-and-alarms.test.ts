/** What a person says who is in need and says little: the name of a place, or that somebody is in danger. */
import { describe, expect, it } from 'vitest'
import type { ListFile, Pack, PackIntent } from '../../../gateway/knowledge/pack-schema.ts'
import { runPackTests } from '../../../gateway/knowledge/pack-tests.ts'
import { engineOf } from '../../support/language.ts'

const intent = (name: string, zh: string[], more: Partial<PackIntent> = {}): PackIntent => ({
  intent: name,
  title: { zh: name },
  source: 'written for this test',
  questions: { zh },
  answer: { zh: { text: name } },
  ...more,
})
const needs = (list: string): Partial<PackIntent> => ({
  skill: 'lookup',
  slots: [{ name: list, entity: list, required: true, ask: { zh: '哪一个？' } }],
})
const list = (name: string, values: ListFile['values'], alone?: string): [string, ListFile] => [
  name,
  { list: name, source: 'written for this test', values, ...(alone ? { alone } : {}) },
]
const ALARM = { risk: 'high', alert: 'emergency' } as const

const PACK: Pack = {
  manifest: {
    pack: 'ward',
    version: '1.0.0',
    title: { zh: '病区' },
    languages: ['zh', 'en'],
    source: 'written for this test',
    // Nearly everything is asked back.
    thresholds: { answer: 0.88, clarify: 0.05 },
  },
  facts: {},
  intents: [
    intent(
      'emergency.pain',
      ['胸口疼得厉害', '心口像压着石头', '胸口闷痛冒冷汗', '胸痛喘不上气'],
      ALARM,
    ),
    intent('emergency.fire', ['着火了', '楼道里冒烟了', '有人打架', '闻到一股焦味'], ALARM),
    intent(
      'place.where',
      ['厕所在哪里', '开水间怎么走', '去电梯往哪边', '找护士站'],
      needs('place'),
    ),
    intent('place.hours', ['开水间几点开', '食堂开到几点', '护士站晚上有人吗'], needs('place')),
    intent('scan.prepare', ['做CT要空腹吗', '核磁要准备什么', 'CT前能喝水吗'], needs('scan')),
    intent('scan.report', ['CT结果多久出', '核磁报告什么时候有'], needs('scan')),
    intent('repair', ['厕所堵了', '水龙头坏了', '厕所的灯不亮', '开水间没水了', '电梯坏了']),
  ],
  rules: {},
  lists: new Map([
    list(
      'place',
      [
        { value: '卫生间', synonyms: ['厕所', '洗手间'], en: ['toilet'] },
        { value: '开水间' },
        { value: '楼梯', en: ['stairs'] },
        { value: '胸痛中心' },
      ],
      'place.where',
    ),
    list('scan', [
      { value: 'CT', en: ['CT'] },
      { value: '核磁共振', synonyms: ['核磁', 'MRI'] },
    ]),
  ]),
  tests: [],
  digest: 'of the ward',
}

const engine = engineOf(PACK, 7)
const ask = (text: string, options = {}) => engine.understand([{ text, confidence: 1 }], options)

describe('an emergency', () => {
  it.each(['胸口疼得难受', '我心口像压着东西', '楼道里有烟', '楼道冒烟', '胸痛喘气费劲'])(
    'is acted on and not asked back where other questions are: %s',
    (text) => {
      const heard = ask(text)
      expect(heard.candidates[0]?.confidence).toBeLessThan(0.88)
      expect(heard).toMatchObject({
        kind: 'intent',
        best: { ref: { intent: expect.stringMatching(/^emergency/) as string } },
      })
    },
  )

  it('that is only asked back counts as missed when the pack is tried', async () => {
    const candidates = ['emergency.pain', 'repair'].map((name) => ({
      ref: { pack: 'ward', version: '1.0.0', intent: name },
      confidence: 0.4,
    }))
    const [first, second] = candidates
    if (!first || !second) throw new Error('two candidates')
    const asksBack = {
      ...engine,
      understand: () =>
        ({
          lang: 'zh',
          normal: '',
          slots: [],
          candidates,
          kind: 'ambiguous',
          between: [first, second],
        }) as const,
    }
    const tests = [
      { text: '胸口难受', intent: 'emergency.pain' },
      { text: '这里坏了', intent: 'repair' },
    ]
    const { failures } = await runPackTests({ ...PACK, tests }, asksBack)
    expect(failures.map(({ want }) => want)).toEqual(['emergency.pain'])
  })
})

describe('a name said alone', () => {
  it.each([
    ['厕所', '卫生间'],
    ['stairs', '楼梯'],
    ['胸痛中心', '胸痛中心'],
  ])(
    'asks what its list says such a name asks, and is no guess at a sentence: %s',
    (text, value) => {
      expect(ask(text)).toMatchObject({
        kind: 'intent',
        best: { ref: { intent: 'place.where' } },
        slots: [{ name: 'place', value }],
      })
    },
  )

  it('of a list that does not say it is asked back between what needs such a name', () => {
    const heard = ask('核磁')
    expect(heard.kind === 'ambiguous' && heard.between.map(({ ref }) => ref.intent)).toEqual([
      'scan.prepare',
      'scan.report',
    ])
  })

  it('answers what the box has just asked', () => {
    const ref = { pack: 'ward', version: '1.0.0', intent: 'place.hours' }
    const heard = ask('开水间', { expecting: { ref, slot: 'place', entity: 'place' } })
    expect(heard).toMatchObject({ kind: 'intent', best: { ref: { intent: 'place.hours' } } })
  })
  it('does not change the language of a conversation where Chinese uses the word too', () => {
    expect(ask('MRI', { lang: 'zh' }).lang).toBe('zh')
    expect(ask('CT', { lang: 'zh' }).lang).toBe('zh')
    expect(ask('CT', { lang: 'en' }).lang).toBe('en')
    expect(ask('CT please', { lang: 'zh' }).lang).toBe('en')
    expect(ask('stairs', { lang: 'zh' }).lang).toBe('en')
  })
})
