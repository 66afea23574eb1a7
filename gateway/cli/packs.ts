/** `kefu-edge pack`: the knowledge of the box. */
import { resolve } from 'node:path'
import { type CommandOptions, usual } from './command.ts'
import type { ExitCode } from './io.ts'
import type { OperateOptions } from './operate.ts'
import { print } from './print-report.ts'

/** Learning gives way to answers: a busy small box takes its time. */
const LEARNING: OperateOptions = { timeoutMs: 900_000 }

const pathOf = ({ words: [dir = ''] }: CommandOptions): string => resolve(dir)
const nameOf = ({ words: [name] }: CommandOptions) => ({ name })

export const pack = usual('pack', {
  validate: { usage: 'DIR', words: [1, 1], run: (options) => validate(pathOf(options), options) },
  install: {
    usage: 'DIR',
    words: [1, 1],
    run: (options) => print(options, 'pack.install', { dir: pathOf(options) }, LEARNING),
  },
  list: { usage: '', run: (options) => print(options, 'pack.list', {}) },
  rollback: {
    usage: 'NAME',
    words: [1, 1],
    run: (options) => print(options, 'pack.rollback', nameOf(options), LEARNING),
  },
  remove: {
    usage: 'NAME',
    words: [1, 1],
    run: (options) => print(options, 'pack.remove', nameOf(options), LEARNING),
  },
})

async function validate(dir: string, { io, values }: CommandOptions): Promise<ExitCode> {
  const { readPack } = await import('../knowledge/read-pack.ts')
  const read = readPack(dir)
  const problems = read.ok ? read.warnings : read.problems
  if (values.json) io.stdout(JSON.stringify({ ok: read.ok, problems }))
  for (const { file, line, message } of values.json ? [] : problems) {
    io.stdout(`${file}${line === undefined ? '' : `:${line}`}  ${message}`)
  }
  if (!read.ok) {
    io.stderr(`${problems.length} problem(s). Mend them and validate again; nothing was changed.`)
    return 1
  }
  const { manifest, intents, lists, tests } = read.pack
  if (!values.json) {
    io.stdout(
      `${manifest.pack} ${manifest.version} is valid: ${intents.length} intents, ${lists.size} lists, ${tests.length} tests`,
    )
  }
  return 0
}
