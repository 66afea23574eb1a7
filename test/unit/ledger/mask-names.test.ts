import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPack } from '../../../gateway/knowledge/read-pack.ts'
import { maskText } from '../../../gateway/ledger/masking.ts'

const PACKS = join(import.meta.dirname, '../../../gateway/packs')

describe('a person who is named in passing is masked', () => {
  test.each([
    ['我是王小明，预约明天的号', '我是王**，预约明天的号'],
    ['你好我是李建国我想取报告', '你好我是李**我想取报告'],
    ['我的名字是王小明', '我的名字是王**'],
    ['姓名王小明', '姓名王**'],
    ['我叫王小明想挂号', '我叫王**想挂号'],
    ['患者王小明的报告出来了吗', '患者王**的报告出来了吗'],
    ['患者：张伟', '患者：张*'],
    ['客户何建国来办卡', '客户何**来办卡'],
    ['我女儿叫王小红', '我女儿叫王**'],
    ['孩子叫欧阳小红今年三岁', '孩子叫欧阳**今年三岁'],
    ['我儿子张小虎发烧了', '我儿子张**发烧了'],
    ['帮我查一下李建国的化验单', '帮我查一下李**的化验单'],
    ['李建国住哪个病房', '李**住哪个病房'],
    ['请问王芳在几床', '请问王*在几床'],
  ])('%s', (text, masked) => {
    expect(maskText(text)).toBe(masked)
  })

  test.each([
    '我是糖尿病',
    '我是高血压',
    '我是骨科的',
    '我是江苏的',
    '我是常德人',
    '我是王医生',
    '我叫车',
    '患者家属在哪等',
    '患者康复了吗',
    '病人方便吗',
    '病人常咳嗽',
    '病人钱不够',
    '家属马上来',
    '孩子高烧不退',
    '孩子黄疸在哪看',
    '孙女发烧了',
    '高血压的检查',
    '周三的号还有吗',
    '张主任的号还有吗',
    '查一下石膏的费用',
  ])('leaves alone: %s', (text) => {
    expect(maskText(text)).toBe(text)
  })
})

test('an identity number with one digit misheard is masked, by its name or by its date of birth', () => {
  expect(
    [
      '身份证号110105194912310021',
      '身份证号码是11010519491231002',
      '身份证号一一零一零五一九四九一二三一零零二一',
      '110105194912310021',
    ].map(maskText),
  ).toEqual([
    '身份证号110***********0021',
    '身份证号码是110**********1002',
    '身份证号********',
    '110***********0021',
  ])
  for (const text of ['身份证丢了怎么办', '身份证后六位123456', '身份证复印件2份']) {
    expect(maskText(text)).toBe(text)
  }
})

test('no question that a shipped pack knows is masked, whatever it is about', () => {
  const questions = readdirSync(PACKS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => questionsOf(join(PACKS, name)))
  expect(questions.length).toBeGreaterThan(5_000)
  expect(questions.filter((question) => maskText(question) !== question)).toEqual([])
})

/** What the pack is asked, what it must not answer, and each thing of its lists where a name could stand. */
function questionsOf(dir: string): string[] {
  const read = readPack(dir)
  if (!read.ok) throw new Error(`${dir}: ${read.problems[0]?.message}`)
  const { intents, outOfScope, tests, lists } = read.pack
  const things = [...lists.values()].flatMap(({ values }) =>
    values.flatMap(({ value, synonyms = [] }) => [value, ...synonyms]),
  )
  return [
    ...[...intents.map(({ questions }) => questions), outOfScope ?? {}].flatMap(
      ({ zh = [], en = [] }) => [...zh, ...en],
    ),
    ...tests.flatMap(({ text }) => text),
    ...things.flatMap((thing) => [
      `我是${thing}的`,
      `患者${thing}`,
      `孩子${thing}怎么办`,
      `查一下${thing}的报告`,
      `${thing}在几楼`,
    ]),
  ]
}
