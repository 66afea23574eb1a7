import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { scorePredictions } from '../../../gateway/cli/language-score.ts'
import { kefu } from '../../support/command.ts'
import { fileFolder } from '../../support/temp-folder.ts'

let dir = ''
beforeAll(() => {
  dir = fileFolder()
})

async function run(...args: string[]) {
  const { code, out, err } = await kefu('language', ...args)
  return { code, stdout: out, stderr: err }
}

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}
const THINGS: Record<string, string[]> = {
  weather: ['天气', '下雨', '气温', '刮风', '晴天'],
  food: ['吃饭', '菜单', '早餐', '点菜', '外卖'],
  travel: ['机票', '火车', '酒店', '行李', '签证'],
}
const FRAMES = ['今天{}怎么样', '请问{}的事', '我想知道{}', '{}好不好', '关于{}有什么要注意']
const rows = Object.entries(THINGS).flatMap(([label, words]) =>
  words.flatMap((word) => FRAMES.map((frame) => `${label}\t${frame.replace('{}', word)}`)),
)
const table = (lines: readonly string[]): string =>
  ['id\tlabel\ttext', ...lines.map((line, i) => `r${i}\t${line}`)].join('\n')

describe('kefu-edge language', () => {
  it('says that a handful of rows teaches little, however often they stand there', async () => {
    const few = table([...rows.slice(0, 9), ...rows.slice(-9)].flatMap((row) => [row, row, row]))
    const train = file('few.tsv', few)
    const model = join(dir, 'few')
    const trained = await run('train', '--task', 'classify', '--in', train, '--model', model)
    expect(trained).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^1\d different texts are few.*below 50.*evaluate/),
    })
  })

  it('refuses what is next to impossible where no row is labelled oos, and says that this is all', async () => {
    const train = file('without-oos.tsv', table([...rows.slice(0, 9), ...rows.slice(-9)]))
    const model = join(dir, 'without-oos')
    const trained = await run('train', '--task', 'classify', '--in', train, '--model', model)
    expect(trained.stderr).toContain('no row is labelled "oos": hardly anything will be refused')
    const asked = file('foreign.tsv', 'text\nhow do I tie a bow tie\n今天天气怎么样\n')
    const out = join(dir, 'foreign-pred.tsv')
    await run('predict', '--model', model, '--in', asked, '--out', out)
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n').slice(1)
    expect(lines.map((line) => line.split('\t')[1])).toEqual(['oos', 'weather'])
  })

  it('takes no quotes that a spreadsheet wrote for a part of the label', async () => {
    const quoted = rows.map((row) => row.replace(/^(.*)\t(.*)$/, '"$1"\t"$2, ""说"""'))
    const train = file('quoted.tsv', `"label"\t"text"\n${quoted.join('\n')}\n`)
    const model = join(dir, 'quoted')
    await run('train', '--task', 'classify', '--in', train, '--model', model)
    const out = join(dir, 'quoted-pred.tsv')
    const ask = file('quoted-ask.tsv', 'text\n明天下雨吗\n')
    await run('predict', '--model', model, '--in', ask, '--out', out)
    expect(readFileSync(out, 'utf8')).toContain('1\tweather\t')
  })

  it('does not write over the table that it reads', async () => {
    const asked = file('mine.tsv', 'text\n明天下雨吗\n')
    const { code, stderr } = await run('predict', '--model', dir, '--in', asked, '--out', asked)
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('same file'),
    })
    expect(readFileSync(asked, 'utf8')).toBe('text\n明天下雨吗\n')
  })

  it('trains, predicts and evaluates', async () => {
    const train = file('train.tsv', table(rows))
    const ask = file('ask.tsv', 'id\ttext\nq1\t明天下雨吗\nq2\t有什么早餐\nq3\t\n')
    const model = join(dir, 'model')
    const trained = await run('train', '--task', 'classify', '--in', train, '--model', model)
    expect(trained.code).toBe(0)
    expect(JSON.parse(trained.stdout)).toMatchObject({ examples: rows.length, labels: 3, seed: 1 })

    const out = join(dir, 'pred.tsv')
    const predicted = await run(
      'predict',
      '--model',
      model,
      '--in',
      ask,
      '--out',
      out,
      '--top',
      '2',
    )
    expect(predicted.code).toBe(0)
    const lines = readFileSync(out, 'utf8').replace(/\n$/, '').split('\n')
    expect(lines[0]).toBe('id\tlabel\tconfidence\ttop')
    expect(lines[1]).toMatch(/^q1\tweather\t[01]\.\d+\tweather:[\d.]+\|\w+:[\d.]+$/)
    expect(lines[2]).toMatch(/^q2\tfood\t/)
    expect(lines[3]).toBe('q3\toos\t0.000000\t')

    const evaluated = await run('evaluate', '--model', model, '--in', train)
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ n: rows.length, accuracy: 1, macroF1: 1 })
  })

  it('keeps the row of an empty line in a table of texts alone, and asks evaluate for every label', async () => {
    const train = file('train-again.tsv', table(rows))
    const model = join(dir, 'model-again')
    await run('train', '--task', 'classify', '--in', train, '--model', model)
    const out = join(dir, 'pred-again.tsv')
    const asked = file('texts.tsv', 'text\n明天下雨吗\n\n有什么早餐\n')
    expect((await run('predict', '--model', model, '--in', asked, '--out', out)).code).toBe(0)
    const labels = readFileSync(out, 'utf8').trimEnd().split('\n').slice(1)
    expect(labels.map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['1', 'weather'],
      ['2', 'oos'],
      ['3', 'food'],
    ])
    const partly = file('partly.tsv', 'label\ttext\nweather\t明天下雨吗\n\t有什么早餐\n')
    const { code, stderr } = await run('evaluate', '--model', model, '--in', partly)
    expect(code).toBe(1)
    expect(stderr).toContain('partly.tsv:3: the column "label" is empty')
  })

  it('finds an answer that has one question', async () => {
    const faq = [
      'a\t医保卡丢了怎么补办',
      'b\t停车场怎么收费',
      'c\t体检报告多久能拿',
      'd\t住院可以陪护吗',
    ]
    const model = join(dir, 'faq')
    const train = file('faq.tsv', table(faq))
    expect((await run('train', '--task', 'faq', '--in', train, '--model', model)).code).toBe(0)
    const out = join(dir, 'faq-pred.tsv')
    const ask = file('faq-ask.tsv', 'id\ttext\n1\t停车如何收费\n2\t体检报告要多久才能拿到\n')
    await run('predict', '--model', model, '--in', ask, '--out', out)
    const found = readFileSync(out, 'utf8').trimEnd().split('\n').slice(1)
    expect(found.map((line) => line.split('\t')[3]?.split(':')[0])).toEqual(['b', 'c'])
  })

  it.each([
    ['a missing column', 'id\tquestion\n1\thallo', ':1: there is no column "text"'],
    ['an empty label', 'id\tlabel\ttext\n1\ta\tx\n2\t\ty', ':3: the column "label" is empty'],
    ['a label that "top" could not show', 'label\ttext\na|b\tx\nb\ty', ':2: the label "a|b"'],
    ['a tab in a text', 'label\ttext\na\tb\tc', ':2: 3 fields'],
    ['an empty file', '', ':1: the header line'],
    ['a single label', 'label\ttext\na\tb\na\tc', 'at least two labels'],
    [
      'GBK',
      new Uint8Array([...Buffer.from('label\ttext\na\tb\n'), 0xb9, 0xd2, 0x0a]),
      ':3: not valid UTF-8',
    ],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x41, 0]), 'UTF-16'],
  ])('refuses %s and names the line', async (_what, content, problem) => {
    const input = file('bad.tsv', content)
    const { code, stderr } = await run('train', '--task', 'classify', '--in', input, '--model', dir)
    expect(code).toBe(1)
    expect(stderr).toContain('bad.tsv')
    expect(stderr).toContain(problem)
  })

  it.each([
    [[], 'say what to do'],
    [['fly'], 'there is no "language fly"'],
    [['train', '--in', 'x', '--model', 'y'], '--task is missing'],
    [['train', '--task', 'guess', '--in', 'x', '--model', 'y'], 'must be classify or faq'],
    [['predict', '--model', 'x', '--in', 'y'], '--out is missing'],
    [['predict', '--model', 'x', '--in', 'y', '--out', 'z', '--top', '0'], '--top is "0"'],
    [['train', '--bogus'], 'bogus'],
  ])('answers 2 and says how to use it: %j', async (args, problem) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(problem)
    expect(stderr).toContain('kefu-edge language')
  })

  it('says which file is missing or no model', async () => {
    const gone = await run('evaluate', '--model', join(dir, 'nowhere'), '--in', 'x')
    expect(gone).toMatchObject({ code: 1 })
    expect(gone.stderr).toMatch(/nowhere.*: no model was trained into this folder\n$/)
    const train = file('to-a-file.tsv', table(rows))
    const taken = await run('train', '--task', 'classify', '--in', train, '--model', train)
    expect(taken.stderr).toMatch(/to-a-file.tsv: this is a file where a folder is needed/)
  })
})

describe('scores', () => {
  it('are those of a table worked out by hand', () => {
    const score = scorePredictions([
      { want: 'a', got: 'a', confidence: 0.9 },
      { want: 'a', got: 'b', confidence: 0.6 },
      { want: 'b', got: 'b', confidence: 0.8 },
      { want: 'b', got: 'oos', confidence: 0.2 },
      { want: 'oos', got: 'oos', confidence: 0.1 },
      { want: 'oos_near', got: 'a', confidence: 0.7 },
    ])
    expect(score).toMatchObject({ n: 6, inScope: 4, accuracy: 0.5, oosRecall: 0.5 })
    // a: 1 right of 2, given once in scope; b: 1 right of 2, given twice.
    expect(score.macroF1).toBeCloseTo((2 / 3 + 1 / 2) / 2, 9)
    expect(score.coverageAt90).toBe(0.5)
    expect(score.oosAuroc).toBeCloseTo((2 + 1 + 2 + 1) / 8 + 0, 9)
  })
})
