/** What calls people, and what only sounds like it: pieces of sentences, and dangers that are denied. */
import { describe, expect, it } from 'vitest'
import type { Pack, PackIntent } from '../../../gateway/knowledge/pack-schema.ts'
import { withoutDenied } from '../../../gateway/language/denial.ts'
import type { UnderstandOptions } from '../../../gateway/language/port.ts'
import { engineOf } from '../../support/language.ts'

const intent = (
  name: string,
  zh: string[],
  en: string[],
  more: Partial<PackIntent> = {},
): PackIntent => ({
  intent: name,
  title: { zh: name },
  source: 'written for this test',
  questions: { zh, en },
  answer: { zh: { text: name }, en: { text: name } },
  ...more,
})
const ALARM = { risk: 'high', alert: 'emergency' } as const

const PACK: Pack = {
  manifest: {
    pack: 'hall',
    version: '1.0.0',
    title: { zh: '大厅' },
    languages: ['zh', 'en'],
    source: 'written for this test',
  },
  facts: {},
  intents: [
    intent(
      'emergency.stroke',
      [
        '嘴巴歪了说话不清楚',
        '半边身子突然动不了',
        '突然口齿不清流口水',
        '手抬不起来说不出话',
        '中风',
      ],
      ['his mouth hangs down and he talks strangely', 'she cannot move her left arm', 'stroke'],
      ALARM,
    ),
    intent(
      'emergency.chest-pain',
      ['胸口疼得厉害', '心口像压着石头一样疼', '胸闷冒冷汗', '胸口疼', '老伴突然胸口痛'],
      ['I have chest pain', 'there is a terrible pain in my chest', 'my chest hurts badly'],
      ALARM,
    ),
    intent(
      'emergency.fire',
      ['着火了', '楼道里冒烟了', '闻到一股焦味', '有人在病房放火'],
      ['the building is on fire', 'there is smoke in the corridor', 'there is a fire'],
      ALARM,
    ),
    intent(
      'emergency.labour',
      ['羊水破了怎么办', '媳妇要生了', '孕妇一阵阵肚子疼'],
      ['my water broke', 'the baby is coming', 'her contractions come every few minutes'],
      ALARM,
    ),
    intent('opening', ['几点开门', '周末开不开'], ['when do you open', 'are you open on sunday']),
    intent('parking', ['车停在哪里', '停车多少钱'], ['where can I park', 'how much is parking']),
    intent(
      'toilet',
      ['厕所在哪里', '洗手间怎么走'],
      ['where is the toilet', 'is there a restroom'],
    ),
  ],
  rules: {},
  lists: new Map(),
  tests: [],
  digest: 'of the hall',
}

const engine = engineOf(PACK, 3)
const hear = (text: string, options: UnderstandOptions = {}) => {
  const heard = engine.understand([{ text, confidence: 1 }], options)
  return heard.kind === 'intent' ? heard.best.ref.intent : heard.kind
}

describe('a piece of the sentence of an emergency', () => {
  it.each([
    '不清楚',
    '说不出',
    '肚子疼',
    '孕妇',
    '羊水',
    '半边',
    'water',
    'my water',
    'baby',
    'the baby',
    'corridor',
  ])('raises no alarm: %s', (text) => expect(hear(text)).not.toMatch(/^emergency/))

  it.each([
    ['中风', 'emergency.stroke'],
    ['胸口疼', 'emergency.chest-pain'],
    ['熊口疼', 'emergency.chest-pain'],
    ['着火', 'emergency.fire'],
    ['stroke', 'emergency.stroke'],
  ])('is an emergency where it says one whole, misheard or not: %s', (text, name) =>
    expect(hear(text)).toBe(name),
  )
})

describe('a danger that is denied', () => {
  it.each([
    '我胸口不疼',
    '我没有胸口疼',
    '没有着火',
    '这里没着火，别紧张',
    '不是着火，是蒸汽',
    '没有，不是着火了，是蒸汽',
    '他没有中风',
    'there is no fire, it was a drill',
    'I do not have chest pain',
    "my chest doesn't hurt",
  ])('raises no alarm: %s', (text) => expect(hear(text)).not.toMatch(/^emergency/))

  it.each([
    ['没有着火，是胸口疼', 'emergency.chest-pain'],
    ['不是肚子疼，是胸口疼', 'emergency.chest-pain'],
    ['胸口疼得受不了了', 'emergency.chest-pain'],
    ['嘴巴歪了，话都说不清楚', 'emergency.stroke'],
    ['there is no smoke but my chest hurts badly', 'emergency.chest-pain'],
  ])('leaves another that is not: %s', (text, name) => expect(hear(text)).toBe(name))

  it.each([
    '是不是着火了',
    '有没有着火',
    '会不会是中风',
    '疼不疼',
    '别打架了',
    '没有心跳了',
    '血止不住',
    '疼得受不了',
    '我不想死',
    'he is not breathing',
    "I can't stop the bleeding",
    '这不着火了吗',
    '没人着火了',
    '没有晕倒了',
  ])('is neither a question, a plea, nor a lack: %s', (text) =>
    expect(withoutDenied(text)).toBeUndefined(),
  )
})

describe('a list of symptoms that one 没有 denies', () => {
  it.each([
    '我没有发烧、咳嗽、胸痛',
    '没有发烧 咳嗽 胸痛',
    '有高血压，没有胸痛、喘不上气',
    '没有头晕，胸痛，呕吐',
    '没有发烧和胸痛',
    '没有发烧，咳嗽或胸痛',
    '无发热、咳嗽、胸闷',
    '没头晕、胸闷',
  ])('raises no alarm: %s', (text) => expect(hear(text)).not.toMatch(/^emergency/))

  it.each([
    '没有发烧，胸口疼',
    '没有发烧，咳嗽，胸口疼',
    '没有发烧、咳嗽，胸口疼',
    '没有发烧，头晕、胸口疼',
    '没有发烧、胸口疼得厉害',
    '没有发烧、咳嗽，就是胸口疼',
    '没有外伤，胸口疼，头晕',
    '有没有发烧、胸痛，我胸口疼',
    '没有医生，胸口疼，头晕',
  ])('ends before what is told: %s', (text) => expect(hear(text)).toBe('emergency.chest-pain'))
})

describe('a "no" before an emergency', () => {
  it.each([
    ['不是，胸口疼', 'emergency.chest-pain'],
    ['不是 胸口疼', 'emergency.chest-pain'],
    ['都不是，是胸口疼', 'emergency.chest-pain'],
    ['没有，就是胸口疼', 'emergency.chest-pain'],
    ['没有就是胸口疼', 'emergency.chest-pain'],
    ['没发烧没咳嗽，就是胸口疼', 'emergency.chest-pain'],
    ['不，着火了', 'emergency.fire'],
    ['厨房没有人，着火了', 'emergency.fire'],
    ['这不着火了吗', 'emergency.fire'],
    ['oh no chest pain', 'emergency.chest-pain'],
    ['No! There is a fire!', 'emergency.fire'],
    ['not really, I have chest pain', 'emergency.chest-pain'],
    ['there is no smoke but my water broke', 'emergency.labour'],
    ['I have no pain but she cannot move her left arm', 'emergency.stroke'],
  ])('denies it not: %s', (text, name) => expect(hear(text)).toBe(name))

  it('nor does what is likelier of all the words hide a clause that is an emergency', () => {
    expect(hear('车停在哪里，着火了')).toBe('emergency.fire')
    expect(hear('几点开门，我胸口疼得厉害')).toBe('emergency.chest-pain')
  })

  it('is the answer to the question of the box, where it has asked', () => {
    const ref = { pack: 'hall', version: '1.0.0', intent: 'toilet' }
    const expecting = { ref, slot: 'place', entity: 'place' }
    expect(hear('不是胸口疼')).not.toBe('emergency.chest-pain')
    expect(hear('不是胸口疼', { expecting })).toBe('emergency.chest-pain')
    expect(hear('没有着火', { expecting })).toBe('emergency.fire')
  })
})

describe('a recogniser that writes words apart', () => {
  it.each(['没有 着火', '他 没有 中风', '胸口 不 疼 了', '我 没有 胸口 疼', '这里 没有 着火。'])(
    'denies in one piece: %s',
    (text) => expect(hear(text)).not.toMatch(/^emergency/),
  )

  it.each([
    ['胸口 疼', 'emergency.chest-pain'],
    ['着火 了', 'emergency.fire'],
    ['头 不 晕 胸口 疼', 'emergency.chest-pain'],
    ['没有 胸痛 胸口 疼', 'emergency.chest-pain'],
    ['没有 人 着火 了', 'emergency.fire'],
    ['没有 中风 着火 了', 'emergency.fire'],
    ['这里 不 是 着火 了 吗', 'emergency.fire'],
    ['不是 中风', 'emergency.stroke'],
  ])('silences no danger that is told: %s', (text, name) => expect(hear(text)).toBe(name))
})

describe('a guess of the recogniser', () => {
  const guess = (...said: [string, number][]) => {
    const heard = engine.understand(said.map(([text, confidence]) => ({ text, confidence })))
    return heard.kind === 'intent' ? heard.best.ref.intent : heard.kind
  }

  it('raises no alarm where another is ten times as likely', () => {
    expect(guess(['停车多少钱', 0.95], ['着火了', 0.01])).toBe('parking')
    expect(guess(['今天天气怎么样', 0.95], ['着火了', 0.001])).not.toMatch(/^emergency/)
  })

  it('raises one where the recogniser says of its first guess only how likely it is', () => {
    expect(guess(['胸口藤', 0.6], ['胸口疼', 0])).toBe('emergency.chest-pain')
    expect(guess(['今天天气怎么样', 0.95], ['着火了', 0], ['着火啦', 0])).toBe('emergency.fire')
    expect(guess(['停车多少钱', 0.95], ['停车多少', 0.3], ['着火了', 0])).toBe('parking')
  })

  it('raises one where it may well have been said, or none is likely', () => {
    expect(guess(['胸口藤', 0.6], ['胸口疼', 0.3])).toBe('emergency.chest-pain')
    expect(guess(['今天天气怎么样', 0], ['着火了', 0])).toBe('emergency.fire')
  })
})

it('an emergency that is not heard is not offered in a question back either', () => {
  const offered = ['车能不能进', '走廊怎么走', '媳妇开不开'].flatMap((text) => {
    const heard = engine.understand([{ text, confidence: 1 }])
    expect(heard.candidates[1]?.ref.intent).toMatch(/^emergency/)
    return heard.kind === 'ambiguous' ? heard.between.map(({ ref }) => ref.intent) : []
  })
  expect(offered).toEqual(['parking', 'opening', 'toilet', 'opening', 'opening', 'parking'])
})

it('an emergency that is only asked about is not offered in a question back', () => {
  const offered = [
    '中风多久能好',
    '胸口疼多久能好',
    '中风能治好吗',
    '着火能报销吗',
    'is a stroke covered',
  ].flatMap((text) => {
    const heard = engine.understand([{ text, confidence: 1 }])
    expect(heard.candidates[0]?.ref.intent).toMatch(/^emergency/)
    return heard.kind === 'ambiguous' ? heard.between.map(({ ref }) => ref.intent) : []
  })
  expect(offered.filter((name) => name.startsWith('emergency'))).toEqual([])
})

describe('an illness that is only asked about', () => {
  it.each([
    '怎么预防中风',
    '中风能报销吗',
    '中风看什么科',
    '我爸去年中风',
    'how can I prevent a stroke',
  ])('raises no alarm: %s', (text) => expect(hear(text)).not.toMatch(/^emergency/))

  it.each([
    ['胸口疼得厉害，看什么科', 'emergency.chest-pain'],
    ['楼道里冒烟了，医保能报吗', 'emergency.fire'],
    ['嘴巴歪了说话不清楚挂什么科', 'emergency.stroke'],
    ['去年中风过，现在嘴巴又歪了', 'emergency.stroke'],
    ['胸口疼去哪个科', 'emergency.chest-pain'],
    ['以前没这样过胸口疼', 'emergency.chest-pain'],
    ['我胸口疼要等多久', 'emergency.chest-pain'],
    ['我来看望朋友胸口疼', 'emergency.chest-pain'],
    ['I have chest pain which department', 'emergency.chest-pain'],
  ])('is one where somebody is in danger now: %s', (text, name) => expect(hear(text)).toBe(name))
})

it('what repeats the words of a question is read as fast as anything', () => {
  const startMs = performance.now()
  for (const words of ['应该', '没有发烧，', '没 有 ', 'no fever but ']) hear(words.repeat(200))
  expect(performance.now() - startMs).toBeLessThan(5_000)
})

describe('a danger in one breath with a question', () => {
  const DANGERS = [
    '我胸口疼',
    '着火了',
    '我媳妇要生了',
    '我爸突然半边身子动不了',
    '我老伴胸口疼得厉害',
    '我老婆羊水破了',
    '我爸中风了',
    '楼道里冒烟了',
  ]
  const QUESTIONS = [
    '厕所在哪里',
    '哪里可以停车',
    '你们几点开门',
    '洗手间怎么走',
    '车停在哪里',
    '我想问一下',
  ]

  it.each(['', '，'])('is heard before and behind it, with "%s" between', (pause) => {
    const said = DANGERS.flatMap((danger) =>
      QUESTIONS.flatMap((question) => [
        `${question}${pause}${danger}`,
        `${danger}${pause}${question}`,
      ]),
    )
    expect(said.filter((text) => !/^emergency/.test(hear(text)))).toEqual([])
  })

  it.each([
    '停车多少钱没有着火吧',
    '厕所在哪里我去年中风过',
    '我爸中风能报销吗',
    '我爸中风，停车多少钱',
    '洗手间怎么走我来看中风的病人',
    '中风病人的洗手间怎么走',
  ])('is none where it is denied, long ago, asked about or of somebody else: %s', (text) =>
    expect(hear(text)).not.toMatch(/^emergency/),
  )
})

describe('one thing instead of another', () => {
  it.each([
    ['不是停车，是找厕所在哪里', 'toilet'],
    ['我不问停车多少钱，我要问几点开门', 'opening'],
    ["I don't want to park, I want to know when you open", 'opening'],
    ['不是，是胸口疼', 'emergency.chest-pain'],
    ['不是停车，是着火了', 'emergency.fire'],
  ])('is what is meant: %s', (text, name) => expect(hear(text)).toBe(name))
})
