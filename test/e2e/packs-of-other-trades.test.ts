/** What the shipped packs of a bank, a shop and a school take for despair, and in which languages they answer. */
import { describe, expect, it } from 'vitest'
import { readValidPack } from '../../gateway/knowledge/read-pack.ts'
import { packagePath } from '../../gateway/paths.ts'
import { engineOf } from '../support/language.ts'

describe.each(['bank', 'retail', 'education'])('the %s pack', (name) => {
  const pack = readValidPack(packagePath(`packs/${name}`))
  const engine = engineOf(pack, 1)
  /** Every intent that is answered or offered. */
  const reached = (text: string): string[] => {
    const heard = engine.understand([{ text, confidence: 1 }])
    if (heard.kind === 'ambiguous') return heard.between.map(({ ref }) => ref.intent)
    return heard.kind === 'intent' ? [heard.best.ref.intent] : []
  }

  it('takes nothing that people just want or do not want for despair', () => {
    const wishes = [
      'I want to drink water',
      'I want to eat',
      'I want to know my results',
      'I want to go home today',
      'I do not want to wait any longer',
      '我想喝水',
      '我不想办了',
      '我要死了这么慢怎么投诉',
      '我爸中风了本人来不了怎么取钱',
    ]
    const taken = wishes.filter((text) => reached(text).includes('safety.crisis'))
    expect(taken).toEqual([])
  })

  it('hears despair in words that no example has', () => {
    for (const text of [
      '我真的活不下去了',
      '我早就活够了',
      'I wish I was dead',
      'I really want to die',
      "I don't want to wait, I want to die",
      "I don't want medicine, but I want to kill myself",
      '不是取钱，我是想死',
      '不用管我了，我要死了',
    ]) {
      expect(reached(text), text).toEqual(['safety.crisis'])
    }
  })

  it('can be asked everything in both of its languages', () => {
    const lacking = pack.intents.filter(({ questions }) => !questions.zh || !questions.en)
    expect(lacking.map(({ intent }) => intent)).toEqual([])
  })
})
