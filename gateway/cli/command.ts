/** What a command is: the options that it takes, how it says its use, and what it does. */
import type { ParseArgsConfig, parseArgs } from 'node:util'
import type { Config } from '../config/schema.ts'
import { HELP } from './help.ts'
import { type ExitCode, type Io, UsageError } from './io.ts'

export type OptionTable = NonNullable<ParseArgsConfig['options']>

/** Every table has these. */
export const EVERY = {
  data: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies OptionTable

/** What the commands without a table of their own take. */
export const OPTIONS = {
  ...EVERY,
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
} as const satisfies OptionTable

/** What was typed behind the command, read by its table. */
export interface CommandOptions<T extends OptionTable = typeof OPTIONS> {
  readonly words: readonly string[]
  readonly values: ReturnType<typeof parseArgs<{ options: T }>>['values']
  readonly config: () => Config
  readonly io: Io
}

export interface Command<T extends OptionTable = typeof EVERY> {
  readonly options: T
  /** Said with `--help`, and behind what was wrong with the options. */
  readonly help: string
  /** Throws UsageError, GatewayError. */
  run(options: CommandOptions<T>): Promise<ExitCode>
}

/** One way to call a command; what it does not name is refused, so that no word is passed over in silence. */
export interface Use<T extends OptionTable> {
  /** What stands behind the verb, as people read it. */
  readonly usage: string
  /** Fewest and most words behind the verb; 0 unless told otherwise. */
  readonly words?: readonly [fewest: number, most: number]
  /** Its options, besides those of every command. */
  readonly takes?: readonly Exclude<keyof T & string, keyof typeof EVERY>[]
  /** Its words are those behind the verb. Throws UsageError, GatewayError. */
  run(options: CommandOptions<T>): Promise<ExitCode>
}

/** Under its verb; under the empty one where the command has none. */
export type Uses<T extends OptionTable> = Readonly<Record<string, Use<T>>>

/** A command that is called in these ways alone. */
export function commandOf<T extends OptionTable>(
  name: string,
  uses: Uses<T>,
  { options, help }: { readonly options: T; readonly help: string },
): Command<T> {
  const run = async (given: CommandOptions<T>): Promise<ExitCode> => {
    const isVerbless = Object.hasOwn(uses, '')
    const verb = isVerbless ? '' : (given.words[0] ?? '')
    const use = Object.hasOwn(uses, verb) ? uses[verb] : undefined
    if (!use) throw new UsageError(`usage: kefu-edge ${name} ${Object.keys(uses).join('|')} …`)
    const words = isVerbless ? given.words : given.words.slice(1)
    const called = [name, verb].filter((word) => word !== '').join(' ')
    refuseWrong(called, use, words, Object.keys(given.values))
    return use.run({ ...given, words })
  }
  return { options, help, run }
}

/** One with the common table and help. */
export const usual = (name: string, uses: Uses<typeof OPTIONS>): Command<typeof OPTIONS> =>
  commandOf(name, uses, { options: OPTIONS, help: HELP })

function refuseWrong<T extends OptionTable>(
  called: string,
  { usage, words: [fewest, most] = [0, 0], takes = [] }: Use<T>,
  words: readonly string[],
  options: readonly string[],
): void {
  const known: readonly string[] = [...Object.keys(EVERY), ...takes]
  const strange = options.find((option) => !known.includes(option))
  const problem =
    strange !== undefined
      ? `kefu-edge ${called} takes no --${strange}\n`
      : words.length > most
        ? `kefu-edge ${called}: "${words[most]}" is one word too many\n`
        : undefined
  const isShort = words.length < fewest || words.includes('')
  if (problem === undefined && !isShort) return
  throw new UsageError(`${problem ?? ''}usage: kefu-edge ${called} ${usage}`.trim())
}
