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
    ['a suggestion of nothing', intentsWith('    suggestions: [nowhere]\n'), 'no intent "nowhere"'],
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
      '"call_nurse" is none of repeat, stop, louder, softer, slower, faster, call-nurse, handoff',
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
  })
})
