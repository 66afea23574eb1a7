/** `kefu-edge config`: every option with its type, default, description, and what it is here. */
import { describeOptions, LIST } from '../config/describe-options.ts'
import type { Config } from '../config/schema.ts'
import { MASKED, maskUrls } from '../mask-line.ts'
import { type CommandOptions, usual } from './command.ts'
import type { ExitCode } from './io.ts'

/** Options whose value is a secret: shown as set or not. */
export const SECRET_OPTIONS: ReadonlySet<string> = new Set(['cloud.enrolToken'])

/** Each description ends in who needs the option, and may add a hint for him: `(IT: 0.0.0.0 opens it)`. */
const WHO = /\((IT|nurses|auditors|device makers)([:,] [^()]*)?\)$/

export interface OptionState {
  readonly name: string
  readonly type: string
  readonly default: unknown
  readonly value: unknown
  readonly description: string
  /** Who needs it: IT, nurses, device makers, auditors. */
  readonly who: string
}

/** Every option of this configuration, secrets masked. */
export function optionStates(config: Config): readonly OptionState[] {
  return describeOptions().map(({ name, type, default: byDefault, description }) => {
    const value = valueAt(config, name)
    const [note, who = '', hint = ''] = WHO.exec(description) ?? ['']
    return {
      name,
      type,
      default: byDefault ?? null,
      value: SECRET_OPTIONS.has(name) && value !== null ? MASKED : withoutPasswords(value),
      description: `${description.slice(0, description.length - note.length).trim()}${hint}`,
      who,
    }
  })
}

/** An address of Redis or of a broker may carry a password. */
const withoutPasswords = (value: unknown): unknown => JSON.parse(maskUrls(JSON.stringify(value)))

export const config = usual('config', { '': { usage: '[--json]', run: showOptions } })

async function showOptions({ config, values, io }: CommandOptions): Promise<ExitCode> {
  const present = config()
  const options = optionStates(present)
  if (values.json) {
    io.stdout(JSON.stringify({ dataDir: present.dataDir, options }))
    return 0
  }
  io.stdout(`# data folder: ${present.dataDir}   (--data, KEFU_DATA)`)
  for (const { name, type, value, default: byDefault, description, who } of options) {
    const isOwn = JSON.stringify(value) !== JSON.stringify(byDefault)
    const shown = isOwn ? `  (default ${JSON.stringify(byDefault)})` : ''
    // An entry's option has no value here: the list above shows what is set.
    io.stdout(name.includes(LIST) ? `\n${name}` : `\n${name}: ${JSON.stringify(value)}${shown}`)
    io.stdout(`    ${description}${who ? ` · ${who}` : ''} · ${type}`)
  }
  return 0
}

function valueAt(config: Config, name: string): unknown {
  let at: unknown = config
  for (const key of name.split('.')) {
    if (typeof at !== 'object' || at === null) return null
    at = (at as Record<string, unknown>)[key]
  }
  return at ?? null
}
