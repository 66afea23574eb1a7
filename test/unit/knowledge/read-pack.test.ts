import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPack } from '../../../gateway/knowledge/read-pack.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const PACK = {
  'pack.yaml': 'pack: demo\nversion: 1.0.0\ntitle: { zh: 示例 }\nlanguages: [zh]\nsource: test\n',
  'facts.yaml': 'source: test\nfacts: { phone: "1234" }\n',
  'intents/a.yaml': `intents:
  - intent: phone
    title: { zh: 电话 }
    source: test
    questions: { zh: [电话多少] }
    answer: { zh: { text: "电话是{facts.phone}" } }
`,
}

function write(files: Record<string, string>): string {
  const dir = tempFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}
const problemsOf = (files: Record<string, string>) => {
  const read = readPack(write(files))
  return read.ok ? [] : read.problems
}
const warningsOf = (files: Record<string, string>) => {
  const read = readPack(write(files))
  return read.ok ? read.warnings : []
}
const intentsWith = (text: string) => ({ ...PACK, 'intents/a.yaml': PACK['intents/a.yaml'] + text })

describe('reading a pack', () => {
  it('takes a whole one', () => {
    const read = readPack(write(PACK))
    expect(read).toMatchObject({
      ok: true,
      pack: { manifest: { pack: 'demo' }, facts: { phone: '1234' } },
    })
  })

  it('gives the same digest for the same content and another for one changed letter', () => {
    const digest = (files: Record<string, string>) => {
      const read = readPack(write(files))
      return read.ok ? read.pack.digest : undefined
    }
    expect(digest(PACK)).toBe(digest(PACK))
    expect(digest(PACK)).not.toBe(
      digest({ ...PACK, 'facts.yaml': PACK['facts.yaml'].replace('1234', '1235') }),
    )
  })

  it('warns of intents that cannot be asked in a language that the pack names', () => {
    const files = { ...PACK, 'pack.yaml': PACK['pack.yaml'].replace('[zh]', '[zh, en]') }
    expect(warningsOf(files).filter(({ message }) => /cannot be asked/.test(message))).toEqual([
      {
        file: 'intents/a.yaml',
        line: 2,
        message: expect.stringMatching(/cannot be asked in en.*\(1 of 1\): phone$/),
      },
    ])
  })

  it('names the file that is missing', () => {
    const { 'pack.yaml': _, ...rest } = PACK
    expect(problemsOf(rest)).toEqual([{ file: 'pack.yaml', message: 'the file is missing' }])
  })

  it('gives the line of broken YAML and of a wrong field', () => {
    expect(
      problemsOf({ ...PACK, 'facts.yaml': 'source: test\nfacts: {\n  a: "x\n' })[0],
    ).toMatchObject({ file: 'facts.yaml' })
    const [wrong] = problemsOf(intentsWith('    risk: huge\n'))
    expect(wrong).toMatchObject({ file: 'intents/a.yaml', line: 7 })
    expect(wrong?.message).toContain('risk')
  })

  it.each([
    [
      'an unknown fact',
      { ...PACK, 'facts.yaml': 'source: t\nfacts: { other: "1" }\n' },
      'no fact "phone"',
    ],
    [
      'a fact that the language of the answer has not',
      {
        ...PACK,
        'facts.yaml': 'source: t\nfacts: { phone: { en: one } }\n',
      },
      'phone: the fact "phone" is not given in zh',
    ],
    [
      'a brace that would be read out',
      { ...PACK, 'intents/a.yaml': PACK['intents/a.yaml'].replace('facts.phone', 'Facts.phone') },
      'has a brace that belongs to no field',
    ],
    [
      'an answer to no question',
      { ...PACK, 'intents/a.yaml': PACK['intents/a.yaml'].replace('zh: [电话多少]', '') },
      'an answer but no questions (zh)',
    ],
    ['a suggestion of nothing', intentsWith('    suggestions: [nowhere]\n'), 'no intent "nowhere"'],
    [
      'a suggestion that would call staff',
      intentsWith(
        '    suggestions: [fire]\n  - intent: fire\n    title: { zh: 火警 }\n    source: t\n    alert: emergency\n    questions: { zh: [着火了] }\n    answer: { zh: { text: 快走 } }\n',
      ),
      'suggest an intent that only informs',
    ],
    [
      'a slot of an unknown list',
      intentsWith('    slots: [{ name: where, entity: planet }]\n'),
      'no list or general entity "planet"',
    ],
    [
      'a slot of an entity that nothing reads',
      intentsWith('    slots: [{ name: words, entity: text }]\n'),
      'no list or general entity "text"',
    ],
    [
      'a required slot without a question',
      intentsWith('    slots: [{ name: n, entity: number, required: true }]\n'),
      'no question to ask back',
    ],
    [
      'one question of two intents',
      intentsWith(
        '  - intent: other\n    title: { zh: 别的 }\n    source: t\n    questions: { zh: ["电话，多少？"] }\n    answer: { zh: { text: 好 } }\n',
      ),
      'is also a question of phone',
    ],
    [
      'a misspelt command, with those that there are',
      intentsWith('    skill: command\n    command: call_nurse\n'),
      '"call_nurse" is none of repeat, stop, louder, softer, slower, faster, chinese, english, call-nurse, handoff',
    ],
    [
      'a command that no skill would do',
      intentsWith('    command: call-nurse\n'),
      'phone: "command" does nothing without "skill: command"',
    ],
    [
      'a command skill without a command',
      intentsWith('    skill: command\n'),
      'phone: "skill: command" lacks its "command"',
    ],
    [
      'a test of no intent',
      { ...PACK, 'tests/a.yaml': 'tests: [{ text: 嗯, intent: nope }]\n' },
      'no intent "nope"',
    ],
  ])('finds %s', (_, files, message) => {
    const problems = problemsOf(files)
    if (message === undefined) expect(problems).toEqual([])
    else expect(problems.map((one) => one.message).join('\n')).toContain(message)
  })

  it('gives the file and line of a template that cannot be read', () => {
    const [problem, ...others] = problemsOf(
      intentsWith('    templates:\n      zh:\n        - 几号\n        - （请|麻烦说电话\n'),
    )
    expect(others).toEqual([])
    expect(problem).toEqual({
      file: 'intents/a.yaml',
      line: 10,
      message: 'phone: Template "(请|麻烦说电话": ")" is missing',
    })
  })

  it.each([
    ['a rule that there is not', '<constructor>电话', 'there is no rule <constructor>'],
    ['a slot that nothing reads', '{who}的电话', '"{who}" is no slot, list or general entity'],
  ])('finds %s in a template', (_, template, message) => {
    const problems = problemsOf(intentsWith(`    templates: { zh: ['${template}'] }\n`))
    expect(problems.map((one) => one.message).join('\n')).toContain(message)
  })

  it('finds a rule that two files define, and one that cannot be read, each once', () => {
    const rules = 'rules: { please: (请|麻烦), bit: (一点 }\n'
    const template = "    templates: { zh: ['<please>大声<bit>'] }\n"
    const other = PACK['intents/a.yaml'].replaceAll('phone', 'hours').replace('电话多少', '几点')
    const problems = problemsOf({
      ...PACK,
      'facts.yaml': 'source: t\nfacts: { phone: "1", hours: "2" }\n',
      'intents/a.yaml': `${rules}${PACK['intents/a.yaml']}${template}`,
      'intents/b.yaml': `rules: { please: 请你 }\n${other}`,
    })
    expect(problems).toEqual([
      {
        file: 'intents/b.yaml',
        line: 1,
        message: 'the rule <please> stands twice in the pack',
      },
      {
        file: 'intents/a.yaml',
        line: 1,
        message: 'rule <bit>: Template "(一点": ")" is missing',
      },
    ])
  })

  describe('with a list', () => {
    const list = (values: string) => ({
      ...PACK,
      'lists/room.yaml': `list: clinic\nsource: t\nvalues:\n${values}`,
      'intents/b.yaml': `intents:
  - intent: where
    title: { zh: 在哪 }
    source: t
    questions: { zh: [在哪里], en: [where is it] }
    slots: [{ name: clinic, entity: clinic }, { name: bed, entity: bed }]
    answer:
      zh: { text: '{clinic}在{clinic.floor}' }
      en: { text: '{clinic} is on {clinic.floor}' }
`,
    })
    const INNER =
      '  - { value: 内科, synonyms: [内], attributes: { floor: { zh: 三楼, en: level 3 } } }\n'

    it('finds a name that two values share, however it is written', () => {
      const values = `${INNER}  - { value: 外科, synonyms: [ＥＮＴ, 内科。], attributes: { floor: 2 } }\n`
      expect(problemsOf(list(values))).toEqual([
        { file: 'lists/room.yaml', line: 5, message: '"内科。" also means "内科"' },
      ])
    })

    it('finds an attribute that one language of the answer lacks', () => {
      const values = `${INNER}  - { value: 外科, attributes: { floor: { zh: 二楼 } } }\n`
      expect(problemsOf(list(values))).toEqual([
        {
          file: 'intents/b.yaml',
          line: 9,
          message: 'where: "外科" of list "clinic" lack "floor" (en)',
        },
      ])
    })

    it('finds an attribute of what is no list', () => {
      const files = list(INNER)
      const intents = files['intents/b.yaml'].replace('在{clinic.floor}', '在{bed.floor}')
      expect(problemsOf({ ...files, 'intents/b.yaml': intents })).toMatchObject([
        { line: 8, message: 'where: "bed" is no list and has no "floor"' },
      ])
    })

    it('finds a name said alone that would ask an intent which can do without it', () => {
      const files = list(INNER)
      const lists = files['lists/room.yaml'].replace('values:', 'alone: where\nvalues:')
      expect(problemsOf({ ...files, 'lists/room.yaml': lists })).toEqual([
        {
          file: 'lists/room.yaml',
          line: 3,
          message: '"where" is no intent with a required slot of this list and without an alert',
        },
      ])
    })

    it('finds a list with the name of a general entity, which would never be read', () => {
      const files = list(INNER)
      const lists = files['lists/room.yaml'].replace('list: clinic', 'list: room')
      expect(problemsOf({ ...files, 'lists/room.yaml': lists })[0]).toMatchObject({
        file: 'lists/room.yaml',
        message: '"room" is a general entity; the list needs another name',
      })
    })
  })

  it.each([
    ['begins with an asterisk', '- *号码错了', '"*号码错了" names nothing'],
    ['begins with an exclamation mark', '- !important 号码错了', 'Unresolved tag: !important'],
  ])('says where a text %s and has no quotes', (_, line, message) => {
    const questions = `questions:\n      zh:\n        ${line}`
    const intents = PACK['intents/a.yaml'].replace('questions: { zh: [电话多少] }', questions)
    const [problem] = problemsOf({ ...PACK, 'intents/a.yaml': intents })
    expect(problem).toMatchObject({ file: 'intents/a.yaml', line: 7 })
    expect(problem?.message).toContain(message)
  })

  it.each([
    ['the title of another', '电话'],
    ['a question of another', '请问电话多少？'],
    ['what another has as a template', '找人'],
  ])('refuses a title that is %s: who taps it would get that', (_, title) => {
    const phone = PACK['intents/a.yaml'].replace(
      'source: test',
      'source: test\n    templates: { zh: ["找(人|东西)"] }',
    )
    const desk = `
  - intent: desk
    title: { zh: ${title} }
    source: test
    questions: { zh: [服务台呢] }
    answer: { zh: { text: 在这里 } }
`
    expect(problemsOf({ ...PACK, 'intents/a.yaml': phone + desk }).at(-1)).toEqual({
      file: 'intents/a.yaml',
      line: 10,
      message: `desk: the title "${title}", said as it stands, asks phone; give it other words`,
    })
  })

  it('warns of a question whose slot does not hear the name that stands in it', () => {
    const lists = {
      'lists/test.yaml': 'list: test\nsource: test\nvalues: [{ value: 抽血 }]\n',
      'lists/place.yaml':
        'list: place\nsource: test\nvalues: [{ value: 心电图 }, { value: 抽血处 }]\n',
    }
    const asking = `
  - intent: fasting
    title: { zh: 要不要空腹 }
    source: test
    slots: [{ name: test, entity: test, required: true, ask: { zh: 哪项检查？ } }]
    questions: { zh: [抽血处空腹吗, 要空腹吗, 心电图空腹吗] }
    answer: { zh: { text: '{test}' } }
`
    const warnings = warningsOf({ ...intentsWith(asking), ...lists })
    expect(warnings.filter(({ message }) => / is a name of /.test(message))).toEqual([
      {
        file: 'intents/a.yaml',
        line: 12,
        message:
          'fasting: "心电图" is a name of the list place but none of test, so "test" is asked back',
      },
    ])
  })

  it('says that a file stands where a folder should', () => {
    expect(problemsOf({ ...PACK, lists: 'list: department\n' })).toEqual([
      { file: 'lists/', message: 'the folder cannot be read (ENOTDIR)' },
    ])
  })

  it('refuses a file that is not UTF-8', () => {
    const dir = write(PACK)
    writeFileSync(join(dir, 'facts.yaml'), Buffer.from([0x61, 0xff, 0xfe]))
    expect(readPack(dir)).toMatchObject({
      ok: false,
      problems: [{ file: 'facts.yaml', message: 'the file is not UTF-8' }],
    })
  })
})

describe('the packs we ship', () => {
  it.each(['hospital', 'bank', 'retail', 'education'])('%s is valid', (name) => {
    const read = readPack(join(import.meta.dirname, '../../../gateway/packs', name))
    expect(read.ok ? [] : read.problems).toEqual([])
    const missed = read.ok
      ? read.warnings.filter(({ message }) =>
          /is a name of|no intent with|fewer than/.test(message),
        )
      : []
    expect(missed).toEqual([])
  })
})
