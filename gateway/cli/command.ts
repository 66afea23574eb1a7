/** What a command is: the options that it takes, how it says its use, and what it does. */
import type { ParseArgsConfig, parseArgs } from 'node:util'
import type { Config } from '../config/schema.ts'
import type { ExitCode, Io } from './io.ts'

type OptionTable = NonNullable<ParseArgsConfig['options']>

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
