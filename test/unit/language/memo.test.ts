import { describe, expect, it } from 'vitest'
import { remembering } from '../../../gateway/language/memo.ts'
import type { LanguageEngine, UnderstandOptions } from '../../../gateway/language/port.ts'
import type { Slot, Understanding } from '../../../gateway/turn.ts'

/** An engine that counts how often it is really asked. */
function counting(slots: readonly Slot[] = []) {
  let asked = 0
  const engine: LanguageEngine = {
    understand: ([first]): Understanding => {
      asked++
      return {
        kind: 'not-known',
        reason: 'low-confidence',
        lang: 'zh',
        normal: first?.text ?? '',
        slots,
        candidates: [],
      }
    },
    explain: () => {
      throw new Error('not here')
    },
  }
  const memory = remembering(engine)
  const ask = (text: string, options: UnderstandOptions = {}) =>
    memory.understand([{ text, confidence: 1 }], options)
  return { ask, asked: () => asked }
}

describe('the memory for common questions', () => {
  it('understands the same words once', () => {
    const { ask, asked } = counting()
    expect(ask('怎么挂号')).toBe(ask('怎么挂号'))
    expect(asked()).toBe(1)
  })

  it('keeps languages and packs apart', () => {
    const { ask, asked } = counting()
    ask('ok')
    ask('ok', { lang: 'en' })
    ask('ok', { packs: ['bank'] })
    expect(asked()).toBe(3)
  })

  it('reads anew what counts from today, and what answers a question of the box', () => {
    const timed = counting([{ name: 'when', entity: 'date', text: '明天', value: '2026-05-02' }])
    timed.ask('明天')
    timed.ask('明天')
    expect(timed.asked()).toBe(2)
    const asked = counting()
    const expecting = { ref: { pack: 'p', version: '1', intent: 'i' }, slot: 's', entity: 'e' }
    asked.ask('骨科', { expecting })
    asked.ask('骨科', { expecting })
    expect(asked.asked()).toBe(2)
  })

  it('keeps what is asked again, forgets the rest, and does not grow without end', () => {
    const { ask, asked } = counting()
    for (let i = 0; i < 10_000; i++) {
      ask(`第${i}个问题`)
      ask('停车场在哪')
    }
    expect(asked()).toBe(10_001)
    ask('第9999个问题')
    expect(asked()).toBe(10_001)
    ask('第0个问题')
    expect(asked()).toBe(10_002)
  })
})
