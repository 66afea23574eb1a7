/** `kefu-edge …`: finds the command, gives it its options, turns errors into words and exit codes. */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { dataDirOf, processEnvironment } from '../config/environment.ts'
import { DEFAULT_DATA_DIR, loadConfig } from '../config/load-config.ts'
import type { Config } from '../config/schema.ts'
import { readRunFile } from '../storage/data-folder.ts'
import { VERSION } from '../version.ts'
import type { Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { HELP } from './help.ts'
import { type ExitCode, type Io, openProcessIo, sayError, UsageError } from './io.ts'

export async function main(
  argv: readonly string[],
  io: Io = openProcessIo(argv[0] === 'start'),
): Promise<ExitCode> {
  const [name = 'help', ...args] = argv
  const asJson = argv.includes('--json')
  try {
    if (['help', '--help', '-h'].includes(name)) {
      io.stdout(HELP)
      return 0
    }
    if (['version', '--version', '-v'].includes(name)) {
      io.stdout(asJson ? JSON.stringify({ version: VERSION }) : `kefu-edge ${VERSION}`)
      return 0
    }
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!load) throw new UsageError(`kefu-edge: there is no command "${name}"\n\n${HELP}`)
    const command = await load()
    const { values, positionals: words } = parse(args, command)
    if (values.help) {
      io.stdout(command.help)
      return 0
    }
    return await command.run({ words, values, config: () => configFor(name, values), io })
  } catch (error) {
    return sayError(io, error, asJson)
  }
}

function parse(args: readonly string[], { options, help }: Command) {
  const wrong = (problem: string) => new UsageError(`kefu-edge: ${problem}\n\n${help}`)
  const parsed = (() => {
    try {
      return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    } catch (error) {
      throw wrong(error instanceof Error ? error.message : String(error))
    }
  })()
  for (const name of ['data', 'config'] as const) {
    if (parsed.values[name] === '') throw wrong(`--${name} needs a path behind it`)
  }
  return parsed
}

/** Where no file is named, a command reads the one that the gateway of the folder was started with. */
function configFor(
  command: string,
  { data: dataDir, config: named }: { data?: string | undefined; config?: string | undefined },
): Config {
  const from = dataDir === undefined ? {} : { dataDir }
  if (named !== undefined) return loadConfig({ ...from, configFile: named })
  const folder = dataDir ?? dataDirOf(processEnvironment()) ?? DEFAULT_DATA_DIR
  const running = command === 'start' ? undefined : readRunFile(folder)?.configFile
  if (running === undefined || !existsSync(running)) return loadConfig(from)
  return loadConfig({ ...from, configFile: running })
}
