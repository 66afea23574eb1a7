import * as OpenCC from 'opencc-js'
import { pinyin } from 'pinyin-pro'
import { describe, expect, it } from 'vitest'
import { PINYIN_TABLE } from '../../../gateway/language/data/pinyin-table.ts'
import { clean, languageOf, normalise } from '../../../gateway/language/normalise.ts'
import { exactSyllableOf, syllableOf } from '../../../gateway/language/pinyin.ts'
import { toSimplified } from '../../../gateway/language/simplify.ts'

describe('normalise', () => {
  it.each([
    ['ＣＴ在几楼？', 'ct在几楼'],
    ['請問掛號處在哪裡', '挂号处在哪里'],
    ['那个，麻烦问一下，骨科怎么走啊', '骨科怎么走'],
    ['嗯……挂号就是说要多少钱呀，谢谢', '挂号要多少钱'],
    ['怎么就是样挂号', '怎么样挂号'],
    ['咋挂号', '怎么挂号'],
    ['茅房在哪儿', '卫生间在哪里'],
    ['厕所搁哪儿呢', '卫生间在哪里'],
    ['骨科喺边度', '骨科在哪里'],
    ['阿拉要拍片子，几楼伐', '我们要拍片子 几楼'],
    ['好好好好疼', '好疼'],
    ['血糖7.8', '血糖7.8'],
    ['幺三八零零零一', '幺三八零零零一'],
    ['Um, where is the X-ray room please?', 'where is the x ray room'],
  ])('brings %s to %s', (raw, text) => {
    expect(normalise(raw).text).toBe(text)
  })

  it('keeps words that are nothing but politeness, or there would be nothing to answer', () => {
    expect(normalise('你好').text).toBe('你好')
    expect(normalise('谢谢').text).toBe('谢谢')
  })

  it('takes off politeness however often it is said, also words that are two others joined', () => {
    expect(normalise(`${'谢谢啊'.repeat(300)}药`).text).toBe(`${'谢谢啊'.repeat(300)}药`)
    expect(normalise(`药${'谢谢啊'.repeat(300)}`).text).toBe('药')
    expect(
      normalise(`${'hi there, '.repeat(80)}where is the lift${', thank you'.repeat(8)}`).text,
    ).toBe('where is the lift')
  })

  it('tells the language by what carries the sentence', () => {
    expect(languageOf('WiFi密码是多少')).toBe('zh')
    expect(languageOf('where is 骨科 and how do I get there')).toBe('en')
    expect(languageOf('12')).toBe('zh')
  })

  it('finds nothing in silence, signs or control characters', () => {
    for (const raw of ['', '  ', '？！……', '\u0000\u200b']) expect(normalise(raw).text).toBe('')
  })

  it('gives the same again when put in twice', () => {
    for (const raw of ['請問一下，掛號在邊度？', 'What’s  UP', '３号楼５层']) {
      expect(clean(clean(raw))).toBe(clean(raw))
    }
  })
})

describe('the tables', () => {
  it('simplify as OpenCC does, character by character', () => {
    const convert = OpenCC.Converter({ from: 't', to: 'cn' })
    for (const character of '掛號處體檢醫保繳費診療報銷藥樓層護兒婦產婚') {
      expect(toSimplified(character)).toBe(convert(character))
    }
  })

  it('read characters as pinyin-pro does', () => {
    const lines = PINYIN_TABLE.split('\n')
    for (const character of '挂号缴费检查报告住院医保药房护士心血管') {
      const read = pinyin(character, { toneType: 'none', v: true })
      expect(lines.find((line) => line.includes(character))?.split(' ')[0]).toBe(read)
    }
  })

  it('merge what recognisers confuse, and nothing else', () => {
    const unit = (character: string) => character.charCodeAt(0)
    for (const [one, other] of ['长藏', '诗思', '兰南', '因英', '瓜挂'].map((pair) => [...pair])) {
      expect(syllableOf(unit(one ?? ''))).toBe(syllableOf(unit(other ?? '')))
    }
    expect(syllableOf(unit('挂'))).not.toBe(syllableOf(unit('号')))
    expect(exactSyllableOf(unit('长'))).not.toBe(exactSyllableOf(unit('藏')))
    expect(syllableOf(unit('a'))).toBe(0)
  })
})
