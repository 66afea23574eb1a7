import { describe, expect, it } from 'vitest'
import type { ListFile, Pack, PackIntent } from '../../../gateway/knowledge/pack-schema.ts'
import { createLanguageModule, trainPack } from '../../../gateway/language/engine.ts'
import { LanguageModelError } from '../../../gateway/language/model-error.ts'

const intent = (
  name: string,
  zh: string[],
  more: Partial<PackIntent> = {},
  en: string[] = [],
): PackIntent => ({
  intent: name,
  title: { zh: name },
  source: 'written for this test',
  questions: { zh, ...(en.length > 0 ? { en } : {}) },
  answer: { zh: { text: name } },
  ...more,
})

const departments: ListFile = {
  list: 'department',
  source: 'written for this test',
  values: [
    { value: '心内科', synonyms: ['心血管内科'], en: ['cardiology'] },
    { value: '骨科', en: ['orthopedics'] },
    { value: '皮肤科', en: ['dermatology'] },
    { value: '儿科', en: ['pediatrics'] },
    { value: '神经内科', synonyms: ['神内'] },
    { value: '肾内科' },
  ],
}

const INTENTS: PackIntent[] = [
  intent(
    'registration.how',
    [
      '怎么挂号',
      '挂号在哪里挂',
      '我想挂号',
      '怎么预约挂号',
      '挂号流程是什么',
      '去哪里挂号',
      '挂个号怎么弄',
    ],
    {},
    ['how do I register', 'where can I register', 'I want to register to see a doctor'],
  ),
  intent('registration.fee', [
    '挂号费多少钱',
    '挂号要多少钱',
    '专家号多少钱',
    '挂号贵不贵',
    '挂号收费标准',
  ]),
  intent('report.when', [
    '报告什么时候出来',
    '化验单多久能拿',
    '检查结果几天出',
    '多久出报告',
    '化验结果什么时候有',
  ]),
  intent('report.where', [
    '报告在哪里取',
    '化验单去哪里拿',
    '检查报告在哪打印',
    '去哪取报告',
    '哪里打印化验单',
  ]),
  intent('parking.fee', [
    '停车多少钱',
    '停车怎么收费',
    '车停一天多少钱',
    '停车费贵吗',
    '停车场收费标准',
  ]),
  intent('visiting.hours', [
    '探视时间是几点',
    '什么时候可以探视',
    '几点能看病人',
    '探视到几点结束',
    '晚上能探视吗',
  ]),
  intent(
    'department.where',
    ['骨科在哪里', '心内科怎么走', '皮肤科在几楼', '去骨科怎么走', '找心内科', '皮肤科往哪边走'],
    {
      skill: 'lookup',
      slots: [{ name: 'department', entity: 'department', required: true }],
      templates: { zh: ['[请问]{department}(在哪|在哪里|怎么走)'] },
    },
    ['where is cardiology', 'how do I get to orthopedics'],
  ),
  intent('command.louder', ['大声一点', '声音大点', '听不清大点声', '再响一点', '声音太小了'], {
    skill: 'command',
    command: 'louder',
    templates: { zh: ['[<please>](大声|响)(一点|点)'] },
  }),
  intent(
    'medicine.dose',
    ['这个药一天吃几次', '药怎么吃', '一次吃几片', '药饭前吃还是饭后吃', '药吃多少'],
    {
      risk: 'high',
    },
  ),
]

const pack = (intents = INTENTS): Pack => ({
  manifest: {
    pack: 'desk',
    version: '1.0.0',
    title: { zh: '前台' },
    languages: ['zh', 'en'],
    source: 'test',
  },
  facts: {},
  intents,
  rules: { please: '(请|麻烦)' },
  lists: new Map([['department', departments]]),
  tests: [],
  digest: `digest of ${intents.length}`,
})

const DESK = pack()
const model = trainPack(DESK, { seed: 7 })
const language = createLanguageModule({ now: () => new Date(2026, 4, 1, 10).getTime() })
const engine = language.join([language.load(DESK, model)])
const ask = (text: string) => engine.understand([{ text, confidence: 1 }])

describe('the engine', () => {
  it('gives the same bytes for the same pack and seed, and other bytes for another seed', () => {
    expect(Buffer.compare(trainPack(DESK, { seed: 7 }), model)).toBe(0)
    expect(Buffer.compare(trainPack(DESK, { seed: 8 }), model)).not.toBe(0)
  })

  it.each([
    ['请问挂号怎么挂', 'registration.how'],
    ['挂一个号要花多少钱', 'registration.fee'],
    ['我的报告什么时候能出来', 'report.when'],
    ['取化验单去哪里', 'report.where'],
    ['車停一天要多少錢', 'parking.fee'],
    ['几点可以探视病人', 'visiting.hours'],
    ['where do I register', 'registration.how'],
  ])('understands %s as %s', (text, name) => {
    expect(ask(text).candidates[0]?.ref.intent).toBe(name)
  })

  it('mends what was misheard by the words of the pack', () => {
    const heard = ask('怎么瓜号')
    expect(heard.normal).toBe('怎么挂号')
    expect(heard.candidates[0]?.ref.intent).toBe('registration.how')
    expect(ask('大生一点').candidates[0]?.ref.intent).toBe('command.louder')
  })

  it('fills a slot from a list, also when only the sound agrees', () => {
    expect(ask('请问心血管内科在哪里')).toMatchObject({
      kind: 'intent',
      method: 'template',
      slots: [{ name: 'department', value: '心内科' }],
    })
    expect(ask('谷科怎么走').slots).toMatchObject([{ name: 'department', value: '骨科' }])
  })

  it.each([
    ['骨科和皮肤科怎么走'],
    ['看完骨科了，皮肤科怎么走'],
    ['我在骨科还是皮肤科看，怎么走'],
    ['不是儿科也不是骨科怎么走'],
    ['where is cardiology and orthopedics'],
  ])('leaves a slot open that %s fills with two values, so that the box asks which', (text) => {
    const { candidates, slots } = ask(text)
    expect(candidates[0]?.ref.intent).toBe('department.where')
    expect(slots).toEqual([])
  })

  it.each([
    ['不是儿科，是骨科怎么走', '骨科'],
    ['我在儿科，骨科怎么走', '骨科'],
    ['从皮肤科到心内科怎么走', '心内科'],
    ['where is orthopedics, not cardiology', '骨科'],
    ['骨科，就是那个骨科在哪里', '骨科'],
    ['在骨科怎么走', '骨科'],
  ])('takes of %s the value that is meant: %s', (text, value) => {
    expect(ask(text).slots).toMatchObject([{ name: 'department', value }])
  })

  it.each(['肾内怎么走', '骨二科怎么走'])(
    'takes no value for said that %s only sounds like: it is another, or one of several',
    (text) => {
      expect(ask(text).slots).toEqual([])
    },
  )

  it('looks first for the slot that was asked for', () => {
    const ref = { pack: 'desk', version: '1.0.0', intent: 'department.where' }
    const { slots } = engine.understand([{ text: '心血管内科', confidence: 1 }], {
      expecting: { ref, slot: 'department', entity: 'department' },
    })
    expect(slots[0]).toMatchObject({ name: 'department', value: '心内科', text: '心血管内科' })
  })

  it('prefers the hypothesis that makes sense here to the one heard best', () => {
    const understanding = engine.understand([
      { text: '抱高山流水', confidence: 0.6 },
      { text: '报告什么时候出来', confidence: 0.5 },
    ])
    expect(understanding.candidates[0]?.ref.intent).toBe('report.when')
    expect(understanding.normal).toBe('报告什么时候出来')
  })

  it.each(['给我讲个笑话', '量子力学的创始人是谁', 'who painted the mona lisa', 'asdf qwer'])(
    'does not pretend to know %s',
    (text) => {
      expect(ask(text).kind).not.toBe('intent')
    },
  )

  it('says of silence that it is empty', () => {
    expect(ask('')).toMatchObject({ kind: 'not-known', reason: 'empty' })
    expect(engine.understand([])).toMatchObject({ kind: 'not-known', reason: 'empty' })
  })

  it('answers only from the packs that a device may be answered from', () => {
    const other = engine.understand([{ text: '怎么挂号', confidence: 1 }], { packs: ['bank'] })
    expect(other.kind).toBe('not-known')
  })

  it('wants more certainty where a wrong answer does harm', () => {
    const { steps } = engine.explain([{ text: '药一次吃几片', confidence: 1 }])
    const risky = steps.at(-1)?.detail
    const plain = engine.explain([{ text: '停车多少钱啊', confidence: 1 }]).steps.at(-1)?.detail
    expect(Number(risky?.answer)).toBeGreaterThan(Number(plain?.answer))
  })

  it('explains by normal form, evidence and the words that weighed most', () => {
    const { steps } = engine.explain([{ text: '那个，挂号大概多少钱', confidence: 1 }])
    const stages = steps.map(({ stage }) => stage)
    expect(stages).toEqual(
      expect.arrayContaining(['normal form', 'evidence', 'words that weighed most', 'thresholds']),
    )
    expect(JSON.parse(JSON.stringify(steps))).toHaveLength(steps.length)
  })

  it('survives any text without an error', () => {
    const texts = [
      '{',
      '💊'.repeat(50),
      '啊'.repeat(5000),
      '\ud800',
      '1'.repeat(300),
      '((((',
      '<a>',
    ]
    for (const text of texts) expect(() => ask(text)).not.toThrow()
  })
})

describe('a trained model', () => {
  it('is refused with another pack, when damaged, and when it is something else', () => {
    const load = (bytes: Uint8Array, of = DESK) => language.load(of, bytes)
    const damaged = model.slice()
    damaged[40] = (damaged[40] ?? 0) ^ 1
    const newer = model.slice()
    newer[4] = 99
    const other = pack(INTENTS.slice(1))
    for (const [run, code] of [
      [() => load(model, other), 'model.other-packs'],
      [() => load(damaged), 'model.corrupt'],
      [() => load(new Uint8Array(20)), 'model.corrupt'],
      [() => load(newer), 'model.other-version'],
    ] as const) {
      expect(run).toThrow(expect.objectContaining({ code, name: LanguageModelError.name }))
    }
  })

  it('knows nothing without packs, and says so', () => {
    const empty = language.join([])
    expect(empty.understand([{ text: '怎么挂号', confidence: 1 }])).toMatchObject({
      kind: 'not-known',
      reason: 'no-knowledge',
    })
  })
})
