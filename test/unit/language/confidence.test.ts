/** How sure an FAQ is when stored questions alone decide. */
import { describe, expect, it } from 'vitest'
import {
  CONFIDENCE_WIDTH,
  confidenceOf,
  fitConfidence,
  type Sample,
} from '../../../gateway/language/confidence.ts'
import { type LabelledText, openTask, trainTask } from '../../../gateway/language/task-model.ts'

const RANK = 0
const LEAD = 6
const NOTHING_LEARNED = { weights: new Array<number>(CONFIDENCE_WIDTH + 1).fill(0) }

const figures = (rank: number, lead: number): Float32Array => {
  const all = new Float32Array(CONFIDENCE_WIDTH)
  all[RANK] = rank
  all[LEAD] = lead
  return all
}

/** Good matches are right, or one of two equals is; poor matches are of questions that nobody stored. */
const EXPERIENCE: Sample[] = Array.from({ length: 400 }, (_, i) => {
  const isInScope = i % 2 === 0
  const hasEqual = i % 4 === 0
  return {
    figures: figures(isInScope ? 3 : -3, hasEqual ? 0 : 2),
    isInScope,
    isRight: isInScope && (!hasEqual || i % 8 === 0),
    weight: 1,
  }
})

describe('how sure an FAQ is of an answer', () => {
  const learned = fitConfidence(
    { confidence: NOTHING_LEARNED, lead: { weights: [0, 0] } },
    EXPERIENCE,
  )

  it('is sure of a good match that has no rival', () => {
    expect(confidenceOf(learned, figures(3, 2))).toBeGreaterThan(0.9)
  })

  it('is half as sure where two stored questions fit equally well', () => {
    const rivalled = confidenceOf(learned, figures(3, 0))
    expect(rivalled).toBeGreaterThan(0.4)
    expect(rivalled).toBeLessThan(0.6)
  })

  it('is not taken in by a poor match that leads by far', () => {
    expect(confidenceOf(learned, figures(-3, 2))).toBeLessThan(0.1)
  })

  it('knows after storing that one question with two answers is less sure than one with one', () => {
    const matters = ['停车证', '借书证', '健身卡', '饭卡', '门禁卡', '学生证', '公交卡', '校园网']
    const rows = matters.flatMap((matter) => [
      { text: `${matter}怎么办理`, label: matter },
      { text: `${matter}丢了找谁`, label: `${matter}丢失` },
    ])
    const twice = [...rows, { text: '怎么办理停车证', label: '停车证(旧)' }]
    const faq = openTask(trainTask(twice, { task: 'faq', seed: 1 }))
    const rivalled = faq.predict('停车证怎么样办理')
    const alone = faq.predict('借书证怎么样办理')
    expect(
      rivalled.top
        .slice(0, 2)
        .map(({ label }) => label)
        .sort(),
    ).toEqual(['停车证', '停车证(旧)'].sort())
    expect(rivalled.confidence).toBeLessThan(alone.confidence)
  })

  it('is the same whether the records of a site say what is popular once or five times', () => {
    const matters = ['停车证', '借书证', '健身卡', '饭卡', '门禁卡', '学生证', '公交卡', '校园网']
    const rows = matters.flatMap((matter) => [
      { text: `${matter}怎么办理`, label: '办理' },
      { text: `${matter}丢了找谁`, label: '丢失' },
    ])
    const popular = rows.flatMap((row, i) => (i % 3 === 0 ? Array(5).fill(row) : [row]))
    const asked = (given: readonly LabelledText[]) =>
      openTask(trainTask(given, { task: 'classify', seed: 1 })).predict('校园卡弄丢了怎么办')
    expect(asked(popular)).toEqual(asked(rows))
  })

  it('does not refuse the questions of a table that has a few rows only', () => {
    const rows = [
      { text: '怎么挂号', label: '挂号' },
      { text: '食堂在哪里', label: '食堂' },
    ]
    const faq = openTask(trainTask(rows, { task: 'faq', seed: 1 }))
    expect(faq.predict('挂号').label).toBe('挂号')
    expect(faq.predict('今天股票涨了吗').label).toBe('oos')
  })
})
