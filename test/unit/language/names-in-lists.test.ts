/** Names that two lists share, that a longer name of another list hides, or that everyday words change. */
import { describe, expect, it } from 'vitest'
import type { ListFile, Pack, PackIntent } from '../../../gateway/knowledge/pack-schema.ts'
import { buildListLexicon, findListValues } from '../../../gateway/language/entities/lists.ts'
import { engineOf } from '../../support/language.ts'

const SOURCE = 'written for this test'
const needs = (intent: string, list: string, zh: string[], en: string[]): PackIntent => ({
  intent,
  title: { zh: intent },
  source: SOURCE,
  skill: 'lookup',
  questions: { zh, en },
  slots: [{ name: list, entity: list, required: true, ask: { zh: '哪一个？', en: 'Which one?' } }],
  answer: { zh: { text: intent }, en: { text: intent } },
})
const list = (name: string, values: ListFile['values'], alone: string): [string, ListFile] => [
  name,
  { list: name, source: SOURCE, values, alone },
]

const PACK: Pack = {
  manifest: {
    pack: 'ward',
    version: '1.0.0',
    title: { zh: '病区' },
    languages: ['zh', 'en'],
    source: SOURCE,
  },
  facts: {},
  intents: [
    needs(
      'place.where',
      'place',
      ['电梯怎么走', '心电图在几楼', '玩具在哪里', '去哪里找电梯'],
      ['where is the lift', 'where are the toilets', 'which floor is the lab on'],
    ),
    needs(
      'test.prepare',
      'test',
      ['做心电图要空腹吗', '心电图吃了饭能做吗', '抽血前能喝水吗', '做检查要准备什么'],
      ['should I fast before the test', 'what should I do before the ECG'],
    ),
    needs(
      'test.report',
      'test',
      ['抽血结果多久出来', '报告什么时候有', '心电图报告几点能拿'],
      ['when is the report ready', 'how soon do I get my results'],
    ),
  ],
  rules: {},
  lists: new Map([
    list(
      'place',
      [
        { value: '心电图室', synonyms: ['心电图'], en: ['ECG'] },
        { value: '抽血窗口' },
        { value: '西药房', synonyms: ['药房'] },
        { value: '领药处', synonyms: ['取药'] },
        { value: '卫生间', synonyms: ['厕所'], en: ['toilet'] },
        { value: 'IT', en: ['IT'] },
        { value: '玩具', synonyms: ['娃娃', '洋娃娃', '小孩玩具'] },
      ],
      'place.where',
    ),
    list(
      'test',
      [
        { value: '心电图检查', synonyms: ['心电图'], en: ['ECG'] },
        { value: '抽血' },
        { value: '尿检', synonyms: ['查尿'] },
      ],
      'test.prepare',
    ),
  ]),
  tests: [],
  digest: 'of names in lists',
}

const engine = engineOf(PACK, 7)
const ask = (text: string, options = {}) => engine.understand([{ text, confidence: 1 }], options)
const lexicon = buildListLexicon(PACK)
const namesIn = (text: string) => findListValues(lexicon, text).map(({ value }) => value)
const slotOf = (text: string, name: string) =>
  ask(text).slots.find((slot) => slot.name === name)?.value

describe('a name that two lists share', () => {
  it('is read as the one that the question needs', () => {
    expect(slotOf('心电图吃了饭能做吗', 'test')).toBe('心电图检查')
    expect(slotOf('心电图在几楼', 'place')).toBe('心电图室')
  })

  it('answers what the box has just asked, whichever list stands first', () => {
    const ref = { pack: 'ward', version: '1.0.0', intent: 'test.report' }
    const heard = ask('心电图', { expecting: { ref, slot: 'test', entity: 'test' } })
    expect(heard).toMatchObject({ kind: 'intent', best: { ref: { intent: 'test.report' } } })
    expect(heard.slots.map(({ value }) => value)).toEqual(['心电图检查'])
  })
})

it('a value hidden in a longer name of another list is named where the question needs it', () => {
  expect(slotOf('抽血窗口的报告什么时候有', 'test')).toBe('抽血')
})

it('a value is named in the plural too, and its is not IT', () => {
  expect(slotOf('where are the toilets', 'place')).toBe('卫生间')
  expect(slotOf('where are its rooms', 'place')).toBeUndefined()
})

describe('what only sounds like a name', () => {
  it('is none where a character of grammar stands for a part of it: 查了 is not 查尿', () => {
    expect(namesIn('过敏原查了要等几天')).toEqual([])
  })

  it('gives way to a name that is written: 去药房 is 药房 and not 取药', () => {
    expect(namesIn('我要去药房')).toEqual(['西药房'])
  })
})

describe('an everyday word among the names of a list', () => {
  it('makes no name of the word that it commonly stands for', () => {
    expect(slotOf('孩子在哪里', 'place')).toBeUndefined()
    expect(namesIn('一转眼孩子没影了')).toEqual([])
    expect(ask('孩子')).not.toMatchObject({ kind: 'intent' })
  })

  it('is found within a longer name', () => {
    expect(slotOf('小孩玩具在哪里', 'place')).toBe('玩具')
    expect(slotOf('厕所在哪里', 'place')).toBe('卫生间')
  })
})
