/** What `pack validate` misses in a pack that stands by itself. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPack } from '../../../gateway/knowledge/read-pack.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MUSEUM = {
  'pack.yaml':
    "pack: museum\nversion: '1.0.0'\ntitle: { zh: 博物馆 }\nlanguages: [zh]\nsource: test\n",
  'intents/hall.yaml': `intents:
  - intent: hall.hours
    title: { zh: 开放时间 }
    source: test
    questions: { zh: [几点开门, 几点关门] }
    answer: { zh: { text: 九点开门。 } }
`,
}

function read(files: Record<string, string>) {
  const dir = tempFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  const pack = readPack(dir)
  return pack.ok ? { warnings: pack.warnings, problems: [] } : { warnings: [], ...pack }
}

describe('a pack that stands by itself', () => {
  it('is warned of the commands and emergencies that nobody would understand', () => {
    const said = read(MUSEUM).warnings.filter(({ file }) => file === 'pack.yaml')
    expect(said.map(({ message }) => message)).toEqual([
      expect.stringMatching(/command handoff, repeat, stop, louder, softer, slower, faster: /),
      expect.stringMatching(/alert: emergency/),
    ])
  })

  it('is warned of intents with too few questions to be understood in other words', () => {
    expect(read(MUSEUM).warnings).toContainEqual({
      file: 'intents/hall.yaml',
      line: 2,
      message: expect.stringMatching(/fewer than 10 questions \(zh\).*hall\.hours \(2\)$/),
    })
  })

  it('is warned of a list in a file of another name', () => {
    const list = 'list: hall\nsource: test\nvalues: [{ value: 一号厅 }]\n'
    const named = (file: string) =>
      read({ ...MUSEUM, [`lists/${file}`]: list }).warnings.filter(({ message }) =>
        /is named hall\.yaml/.test(message),
      )
    expect(named('halls.yaml')).toMatchObject([{ file: 'lists/halls.yaml', line: 1 }])
    expect(named('hall.yaml')).toEqual([])
  })

  it('is refused where it would ask back about what it is sure enough of to answer', () => {
    const manifest = `${MUSEUM['pack.yaml']}thresholds: { answer: 0.5, clarify: 0.8 }\n`
    expect(read({ ...MUSEUM, 'pack.yaml': manifest }).problems).toEqual([
      { file: 'pack.yaml', line: 6, message: expect.stringMatching(/0\.8.* above .*0\.5/) },
    ])
  })

  it('is told to quote a version that YAML reads as a number', () => {
    const manifest = MUSEUM['pack.yaml'].replace("'1.0.0'", '1.0')
    expect(read({ ...MUSEUM, 'pack.yaml': manifest }).problems[0]?.message).toMatch(
      /^version: .*number.*quotes/,
    )
  })
})
