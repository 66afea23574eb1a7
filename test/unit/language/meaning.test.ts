/** Words that no example has, known by what they mean. */
import { describe, expect, it } from 'vitest'
import { openTask, trainTask } from '../../../gateway/language/task-model.ts'

const ILLNESSES = ['发烧', '咳嗽', '呕吐', '腹泻', '失眠', '发炎', '过敏', '出血']
const VEHICLES = ['火车', '飞机', '汽车', '轮船', '摩托车', '客车', '货车', '卡车']
/** Sentences that say nothing of the matter, so that only the word in them can. */
const SENTENCES = [
  '请问*怎么办',
  '我想问问*的事',
  '*要找哪里',
  '关于*想了解一下',
  '有人*吗',
  '*是怎么回事',
  '昨天的*',
  '说说*',
  '孩子*呢',
  '*的话去哪',
  '老人*要注意什么',
  '为什么*',
  '又*了',
  '*严重吗',
  '没有*',
  '刚才*',
  '*多久',
  '在*',
  '可能*',
  '这个*',
  '不想*',
  '你看*',
  '我的*',
  '知道*吗',
  '先*',
  '一直*',
]
const OPENINGS = ['', '今天', '听说', '在这里']
const sentencesWith = (words: readonly string[], label: string) =>
  words.flatMap((word) =>
    OPENINGS.flatMap((opening) =>
      SENTENCES.map((one) => ({ text: opening + one.replace('*', word), label })),
    ),
  )
const EXAMPLES = [...sentencesWith(ILLNESSES, 'illness'), ...sentencesWith(VEHICLES, 'vehicle')]

const labelsOf = (
  examples: readonly { text: string; label: string }[],
  texts: readonly string[],
) => {
  const model = openTask(trainTask(examples, { task: 'classify', seed: 1 }))
  return texts.map((text) => model.predict(text, 1).top[0]?.label)
}

describe('a table of many texts', () => {
  it('lets words be recognised that stand in none of them', () => {
    const unheard = { illness: ['便秘', '头痛', '感冒'], vehicle: ['巴士', '地铁'] }
    const texts = Object.values(unheard)
      .flat()
      .map((word) => `这个${word}`)
    expect(labelsOf(EXAMPLES, texts)).toEqual([
      ...unheard.illness.map(() => 'illness'),
      ...unheard.vehicle.map(() => 'vehicle'),
    ])
  })
})
