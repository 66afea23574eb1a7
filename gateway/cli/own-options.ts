/** What commands with options of their own share: where they speak, how they read and how they say their use. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { ExitCode } from './io.ts'

/** Text as it is, so that what a command writes may be a file. */
export interface CommandIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly isTty: boolean
}

/** Undefined where an option is not known or lacks its value. */
export function readOptions<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>> | undefined {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true as const })
  } catch {
    return undefined
  }
}

/** To standard output where somebody asked for it, else as a complaint. */
export function sayUsage(text: string, io: CommandIo, code: 0 | 2): ExitCode {
  const out = code === 0 ? io.stdout : io.stderr
  out.write(`${text}\n`)
  return code
}
