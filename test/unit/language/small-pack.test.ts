/** A desk with five matters to answer, and a hall full of people with others. */
import { describe, expect, it } from 'vitest'
import type { Pack, PackIntent } from '../../../gateway/knowledge/pack-schema.ts'
import { engineOf } from '../../support/language.ts'

const intent = (name: string, zh: string[]): PackIntent => ({
  intent: name,
  title: { zh: name },
  source: 'written for this test',
  questions: { zh },
  answer: { zh: { text: name } },
})

const DESK: Pack = {
  manifest: {
    pack: 'desk',
    version: '1.0.0',
    title: { zh: '门诊问讯台' },
    languages: ['zh'],
    source: 'written for this test',
  },
  facts: {},
  intents: [
    intent('hours', [
      '今天门诊开到几点',
      '门诊几点开门',
      '门诊几点下班',
      '周末门诊开吗',
      '上午几点开始看病',
      '中午门诊休息吗',
    ]),
    intent('registration', [
      '怎么挂号',
      '在哪里挂号',
      '能在手机上预约挂号吗',
      '挂号要带什么',
      '专家号怎么挂',
      '挂号多少钱',
    ]),
    intent('report', [
      '在哪里取化验单',
      '检查报告什么时候出来',
      '抽血结果多久能拿到',
      '报告怎么打印',
      '化验结果在手机上能看吗',
    ]),
    intent('parking', [
      '医院停车怎么收费',
      '停车场在哪里',
      '停车要多少钱',
      '有地方停车吗',
      '停车场满了怎么办',
    ]),
    intent('toilet', [
      '厕所在哪里',
      '洗手间怎么走',
      '最近的卫生间在哪',
      '这层楼有厕所吗',
      '厕所在几楼',
    ]),
  ],
  rules: {},
  lists: new Map(),
  tests: [],
  digest: 'desk',
}

const FOREIGN = [
  '今天股市涨了吗',
  '今天股市开到几点',
  '今天电影院开到几点',
  '周末图书馆开吗',
  '银行几点下班',
  '怎么办签证',
  '在哪里买火车票',
  '能在手机上订酒店吗',
  '报考要带什么',
  '驾照怎么考',
  '机票多少钱',
  '高考成绩什么时候出来',
  '快递多久能到',
  '照片怎么打印',
  '比赛结果在手机上能看吗',
  '游乐场门票怎么收费',
  '加油站在哪里',
  '理发要多少钱',
  '手机内存满了怎么办',
  '地铁站怎么走',
]

const OWN = [
  ['hours', '门诊今天到几点结束'],
  ['hours', '请问星期天门诊开不开'],
  ['registration', '我想知道挂号怎么弄'],
  ['registration', '专家号在哪挂啊'],
  ['report', '化验单去哪里取'],
  ['report', '抽血的报告什么时候能拿到'],
  ['parking', '停车怎么收钱'],
  ['parking', '请问哪里能停车'],
  ['toilet', '请问卫生间在几楼'],
  ['toilet', '附近有没有洗手间'],
] as const

describe('a small pack', () => {
  const engine = engineOf(DESK, 1)
  const ask = (text: string) => engine.understand([{ text, confidence: 1 }])

  it('answers at most one of twenty questions that sound like its own and are not', () => {
    const answered = FOREIGN.filter((text) => ask(text).kind === 'intent')
    expect(answered.length, answered.join(', ')).toBeLessThanOrEqual(1)
  })

  it('says of most of them that it does not know, without asking back', () => {
    const asked = FOREIGN.filter((text) => ask(text).kind === 'ambiguous')
    expect(asked.length, asked.join(', ')).toBeLessThanOrEqual(5)
  })

  it.each(OWN)('still knows %s: %s', (want, text) => {
    const found = ask(text)
    const offered = found.kind === 'ambiguous' ? found.between : found.candidates.slice(0, 1)
    expect(found.kind).not.toBe('not-known')
    expect(offered.map(({ ref }) => ref.intent)).toContain(want)
  })
})
