/** `kefu-edge …`: finds the command, gives it its options, turns errors into words and exit codes. */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { dataDirOf, processEnvironment } from '../config/environment.ts'
import { DEFAULT_DATA_DIR, loadConfig } from '../config/load-config.ts'
import type { Config } from '../config/schema.ts'
import { readRunFile } from '../storage/data-folder.ts'
import { COMMANDS, type CommandOptions, HELP } from './commands.ts'
import { type ExitCode, type Io, openProcessIo, sayError, UsageError } from './io.ts'
import { RemoteProblem } from './operate.ts'

const FOLDER_OPTIONS = { data: { type: 'string' }, config: { type: 'string' } } as const
const OPTIONS = {
  ...FOLDER_OPTIONS,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  demo: { type: 'boolean' },
  kind: { type: 'string' },
  group: { type: 'string', multiple: true },
  replace: { type: 'boolean' },
  explain: { type: 'boolean' },
  lang: { type: 'string' },
  session: { type: 'string' },
  force: { type: 'boolean' },
  device: { type: 'string' },
  'password-stdin': { type: 'boolean' },
} as const

/** Commands that read their own options. */
const RAW: ReadonlySet<string> = new Set(['language', 'ledger', 'subject'])

export async function main(
  argv: readonly string[],
  io: Io = openProcessIo(argv[0] === 'start'),
): Promise<ExitCode> {
  const [name = 'help'] = argv
  const asJson = argv.includes('--json')
  try {
    if (name === 'help' || name === '--help' || name === '-h' || argv.length === 0) {
      io.stdout(HELP)
      return 0
    }
    const command = COMMANDS[name]
    if (!command) throw new UsageError(`kefu-edge: there is no command "${name}"\n\n${HELP}`)
    if (RAW.has(name))
      return await command({ words: argv.slice(1), values: {}, config: loadConfigOf(argv), io })
    const { values, positionals } = parse(argv.slice(1))
    if (values.help) {
      io.stdout(HELP)
      return 0
    }
    const config = () => configFor(name, values.data, values.config)
    return await command({ words: positionals, values, config, io })
  } catch (error) {
    if (error instanceof RemoteProblem) {
      if (asJson) io.stdout(JSON.stringify({ error: error.problem }))
      io.stderr(error.message)
      return 1
    }
    return sayError(io, error, asJson)
  }
}

/** A raw command still lives in a data folder, written `--data DIR` or `--data=DIR`. */
function loadConfigOf(argv: readonly string[]): CommandOptions['config'] {
  const { values } = parseArgs({ args: [...argv], options: FOLDER_OPTIONS, strict: false })
  const optionOf = (name: keyof typeof FOLDER_OPTIONS): string | undefined => {
    const value = values[name]
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    throw new UsageError(`kefu-edge: --${name} needs a path behind it`)
  }
  const [name = '', dataDir, configFile] = [argv[0], optionOf('data'), optionOf('config')]
  return () => configFor(name, dataDir, configFile)
}

/** Where no file is named, a command reads the one that the gateway of the folder was started with. */
function configFor(
  command: string,
  dataDir: string | undefined,
  named: string | undefined,
): Config {
  const from = dataDir === undefined ? {} : { dataDir }
  if (named !== undefined) return loadConfig({ ...from, configFile: named })
  const folder = dataDir ?? dataDirOf(processEnvironment()) ?? DEFAULT_DATA_DIR
  const running = command === 'start' ? undefined : readRunFile(folder)?.configFile
  if (running === undefined || !existsSync(running)) return loadConfig(from)
  return loadConfig({ ...from, configFile: running })
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(
      `kefu-edge: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`,
    )
  }
}
