import { describe, expect, it } from 'vitest'
import { foldTemplate } from '../../../gateway/language/knowledge-base.ts'
import { normalise } from '../../../gateway/language/normalise.ts'
import { indexTemplates } from '../../../gateway/language/template-index.ts'
import {
  matchTemplate,
  parseTemplate,
  type SlotReader,
  TemplateError,
} from '../../../gateway/language/templates.ts'

const rules = { please: '(请|麻烦|帮我)', bit: '(一点|点)', a: '<b>', b: '<a>' }
const departments: SlotReader = (name, text, at) =>
  name !== 'department'
    ? []
    : ['心内科', '心内']
        .filter((value) => text.startsWith(value, at))
        .map((value) => ({ value: '心内科', end: at + value.length }))
const match = (template: string, text: string) =>
  matchTemplate(parseTemplate(template, rules), text, departments)

describe('templates', () => {
  it.each([
    ['[<please>](大声|响)<bit>', '大声点', true],
    ['[<please>](大声|响)<bit>', '麻烦响一点', true],
    ['[<please>](大声|响)<bit>', '大声', false],
    ['[<please>](大声|响)<bit>', '大声点好吗', false],
    ['再(说|讲)[一(遍|次)]', '再讲一次', true],
    ['再(说|讲)[一(遍|次)]', '再讲', true],
    ['再 说 一遍', '再说一遍', true],
    ['speak [a bit] louder', 'speak louder', true],
    ['speak [a bit] louder', 'speak a bit louder', true],
    ['speak [a bit] louder', 'speaks louder', false],
  ])('%s on %s: %s', (template, text, fits) => {
    expect(match(template, text) !== undefined).toBe(fits)
  })

  it('keeps the point of a figure, as it is said', () => {
    const said = normalise('血糖2.8。').text
    expect(match(foldTemplate('血糖(2.8|2.9)。'), said)).toBeDefined()
  })

  it('fills slots, and tries a shorter value when the longer one leaves no way on', () => {
    expect(match('{department}在哪', '心内科在哪')?.slots).toEqual({ department: '心内科' })
    expect(match('{department}在哪', '心内在哪')?.slots).toEqual({ department: '心内科' })
    expect(match('{department}科在哪', '心内科在哪')?.slots).toEqual({ department: '心内科' })
    expect(match('{department}在哪', '皮肤科在哪')).toBeUndefined()
  })

  it.each([
    ['(a|b', '")" is missing'],
    ['a]', 'closes nothing'],
    ['{slot', '"}" is missing'],
    ['<nowhere>', 'no rule <nowhere>'],
    ['<a>', 'circle'],
  ])('says what is wrong with %s', (template, problem) => {
    expect(() => parseTemplate(template, rules)).toThrow(TemplateError)
    expect(() => parseTemplate(template, rules)).toThrow(problem)
  })
})

describe('the index of templates', () => {
  const sources = [
    '[<please>](大声|响)<bit>',
    '{department}在(哪|几楼)',
    '[(my|his)] chest (hurts|is tight)',
    '[a] [b]',
    '叫[一下](护士|医生)',
  ]
  const templates = sources.map((source) => ({ source, node: parseTemplate(source, rules) }))
  const candidates = indexTemplates(templates)
  const namesFor = (text: string) => candidates(text).map(({ source }) => source)

  it.each([
    ['请大声一点', sources[0]],
    ['心内科在几楼', sources[1]],
    ['my chest hurts', sources[2]],
    ['chest is  tight', sources[2]],
    ['a', sources[3]],
    ['叫 医生', sources[4]],
  ])('leaves %s its template, and most others out', (text, source) => {
    expect(match(source ?? '', text)).toBeDefined()
    expect(namesFor(text)).toContain(source)
    expect(namesFor(text).length).toBeLessThanOrEqual(2)
  })
})
