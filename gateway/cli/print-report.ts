/** What an operation of the box reports, as JSON for people and programs. */
import type { OperationName } from '../console/operations.ts'
import type { CommandOptions } from './command.ts'
import { type ExitCode, sayError } from './io.ts'
import { hasBox, type OperateOptions, operate } from './operate.ts'

/** Runs the operation and prints its report. Throws as it does. */
export async function print(
  options: CommandOptions,
  name: OperationName,
  args: Record<string, unknown>,
  patience?: OperateOptions,
): Promise<ExitCode> {
  const { io } = options
  const config = options.config()
  const isNew = !hasBox(config)
  const report = await operate(config, name, args, patience)
  io.stdout(JSON.stringify(report, null, io.isTty ? 2 : 0))
  if (isNew) {
    io.stderr(
      `There was no box in ${config.dataDir}: a new one was made. Not the one you meant? Name its folder with --data DIR.`,
    )
  }
  return 0
}

/**
 * The same for each of these, one report a line. What one of them is refused is said, and the others are done all
 * the same: exit code 1.
 */
export async function printEach(
  options: CommandOptions,
  name: OperationName,
  each: readonly Record<string, unknown>[],
): Promise<ExitCode> {
  const [only] = each
  if (each.length === 1 && only) return print(options, name, only)
  const codes: ExitCode[] = []
  for (const args of each) {
    try {
      codes.push(await print(options, name, args))
    } catch (error) {
      codes.push(sayError(options.io, error, options.values.json ?? false))
    }
  }
  return codes.every((code) => code === 0) ? 0 : 1
}
