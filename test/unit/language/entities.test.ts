import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ENTITY_READERS } from '../../../gateway/language/entities/extract.ts'
import { parseNumeral } from '../../../gateway/language/entities/numerals.ts'
import { normalise } from '../../../gateway/language/normalise.ts'
import { packagePath } from '../../../gateway/paths.ts'

const FRIDAY_MS = new Date(2026, 4, 1, 10).getTime()
const readAll = (entity: string, text: string) =>
  (ENTITY_READERS[entity]?.(normalise(text).text, FRIDAY_MS) ?? []).map(({ value }) => value)

describe('numerals', () => {
  it.each([
    ['三百零五', 305],
    ['两千零二十六', 2026],
    ['一百二', 120],
    ['一百零二', 102],
    ['一万五', 15_000],
    ['十五', 15],
    ['二十', 20],
    ['七点八', 7.8],
    ['零点一二五', 0.125],
    ['二零二六', 2026],
    ['三亿五千万', 350_000_000],
    ['十二万三千四百五', 123_450],
    ['幺幺零', 110],
    ['3.5万', 35_000],
    ['38.5', 38.5],
  ])('reads %s as %d', (words, value) => {
    expect(parseNumeral(words)).toBeCloseTo(value, 9)
  })

  it.each(['', '百百', '点五', '七点', '三点四点五', '挂号'])(
    'makes no number of "%s"',
    (words) => {
      expect(parseNumeral(words)).toBeUndefined()
    },
  )
})

describe('general entities, on Friday 1 May 2026, 10:00', () => {
  it.each([
    ['date', '明天下午三点', '2026-05-02'],
    ['date', '下周二上午九点半', '2026-05-05'],
    ['date', '三天后', '2026-05-04'],
    ['date', '五月二十号下午两点', '2026-05-20'],
    ['date', '四月二十号', '2027-04-20'],
    ['date', '两千零二十六年五月一号', '2026-05-01'],
    ['date', '周日上班吗', '2026-05-03'],
    ['date', '下个月3号', '2026-06-03'],
    ['date', 'next tuesday', '2026-05-05'],
    ['time', '明天下午三点', '15:00'],
    ['time', '后天晚上8点一刻', '20:15'],
    ['time', '每天早上八点', '08:00'],
    ['time', '中午十二点半', '12:30'],
    ['time', '凌晨两点', '02:00'],
    ['time', '14:30到吗', '14:30'],
    ['time', 'at 3 pm', '15:00'],
    ['time', '晚上十二点', '00:00'],
    ['time', '今晚十二点半', '00:30'],
    ['time', '晚上一点', '01:00'],
    ['time', '晚八点', '20:00'],
    ['time', '晚上五点', '17:00'],
    ['time', '夜里十一点', '23:00'],
    ['time', '傍晚六点', '18:00'],
    ['time', '明天一点来', '01:00'],
    ['time', '一点钟开门吗', '01:00'],
    ['duration', '半小时后', 'PT30M'],
    ['duration', '饭后半小时', 'PT30M'],
    ['duration', '每八小时', 'PT8H'],
    ['duration', '一个半小时', 'PT1H30M'],
    ['duration', 'two hours', 'PT2H'],
    ['number', '三十八度五', 38.5],
    ['number', '血糖七点八', 7.8],
    ['number', '38度5', 38.5],
    ['number', '两个半', 2.5],
    ['number', '1,200步', 1200],
    ['number', '零点一二五毫克', 0.125],
    ['age', '我今年六十五岁', 65],
    ['age', '宝宝三个月', 0.25],
    ['age', '两岁半', 2.5],
    ['amount', '三块五', 3.5],
    ['amount', '一百二十元', 120],
    ['amount', '1,200元', 1200],
    ['amount', '$1,234,567.5', 1_234_567.5],
    ['amount', '￥1,200', 1200],
    ['phone', '我电话138-0013-8000', '13800138000'],
    ['phone', '幺三八零零幺三八零零零', '13800138000'],
    ['idcard', '身份证11010519491231002X', '11010519491231002X'],
    ['bed', '我是加12床', '加12'],
    ['bed', '三号床要换药', '3'],
    ['ward', '五病区', '5'],
    ['room', '302房', '302'],
    ['room', '二号诊室', '2'],
    ['room', '七八室', '78'],
  ])('reads the %s in %s', (entity, text, value) => {
    expect(readAll(entity, text)[0]).toEqual(value)
  })

  it('are those, and only those, that the pack format names', () => {
    const format = readFileSync(packagePath('packs/FORMAT.md'), 'utf8')
    const named = /a general entity: (.*)\.$/m.exec(format)?.[1]?.split(', ')
    expect(named).toEqual(Object.keys(ENTITY_READERS))
  })

  it('takes a measured value for no time of day', () => {
    expect(readAll('time', '血糖七点八')).toEqual([])
    expect(readAll('time', '体温三十八度五')).toEqual([])
    expect(readAll('time', '几点开门')).toEqual([])
  })

  it.each([
    ['age', '七八岁'],
    ['date', '两三天后'],
    ['duration', '三五天'],
    ['amount', '七八块钱'],
    ['time', '两三点'],
    ['number', '四五次'],
  ])('makes no %s of the rough %s, so that the box asks back', (entity, text) => {
    expect(readAll(entity, text)).toEqual([])
  })

  it.each(['晚一点来', '早一点行吗', '有一点疼', '一点都不疼', '大声一点'])(
    'takes the little of %s for no time of day',
    (text) => {
      expect(readAll('time', text)).toEqual([])
    },
  )

  it('joins no numbers that are listed', () => {
    expect(normalise('110，120都打不通').text).toBe('110 120都打不通')
  })

  it('refuses an identity number whose check digit is wrong, and days that do not exist', () => {
    expect(readAll('idcard', '110105194912310021')).toEqual([])
    expect(readAll('date', '二月三十号')).toEqual([])
    expect(readAll('date', '13月5号').includes('2026-13-05')).toBe(false)
  })
})
