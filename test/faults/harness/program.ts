/** One program of the project as a process of its own: started, watched, killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../../..')
/** Enough of its last words to see why a program ended. */
const KEPT_OUTPUT_BYTES = 8192

export interface Program {
  readonly pid: number
  isGone(): boolean
  /** What it wrote last, both streams. */
  lastWords(): string
  /** SIGKILL; resolves once the kernel has taken it away, with 1 where it had run until then. */
  kill(): Promise<number>
  /** SIGTERM, and SIGKILL when it does not end in time; resolves with its exit code. */
  stop(): Promise<number | null>
}

/** A program that does not end within this after SIGTERM is stuck; on a starved machine an end takes long. */
const STOP_TIMEOUT_MS = 60_000

/** Starts a built program; resolves with what `isReady` makes of its state, looked at every few ms. */
export async function startProgram<T>(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  isReady: (child: { pid: number; output: string }) => T | undefined,
): Promise<Program & { readonly ready: T }> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C is for the harness, which ends after the round.
    detached: true,
  })
  const gone = once(child, 'exit')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output = (output + bytes.toString()).slice(-KEPT_OUTPUT_BYTES)
    })
  }
  const isGone = () => child.exitCode !== null || child.signalCode !== null
  const kill = async () => {
    const ran = isGone() ? 0 : 1
    child.kill('SIGKILL')
    await gone
    return ran
  }
  const program = {
    pid: child.pid ?? 0,
    isGone,
    lastWords: () => output,
    kill,
    stop: async () => {
      child.kill('SIGTERM')
      if (!(await until(STOP_TIMEOUT_MS, () => isGone() || undefined))) child.kill('SIGKILL')
      await gone
      return child.exitCode
    },
  }
  const ready = await until(START_TIMEOUT_MS, () => {
    if (isGone()) throw new Error(`a program ended at its start: ${args.join(' ')}\n${output}`)
    return isReady({ pid: program.pid, output })
  })
  if (ready === undefined) {
    await kill()
    throw new Error(`a program did not start: ${args.join(' ')}\n${output}`)
  }
  return { ...program, ready }
}

export const GATEWAY_PROGRAM = join(ROOT, 'gateway/cli/kefu-edge.mjs')
/** Seconds on a machine at rest. */
const COMMAND_TIMEOUT_MS = 180_000

/** `kefu-edge …`, run to its end. */
export async function runGateway(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly lastWords: string }> {
  const run = await startProgram([GATEWAY_PROGRAM, ...args], {}, () => true)
  await until(COMMAND_TIMEOUT_MS, () => run.isGone() || undefined)
  return { code: await run.stop(), lastWords: run.lastWords().slice(0, 1000) }
}

/** Starts a program and kills it after so many milliseconds, wherever it is then. */
export async function startAndKill(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  afterMs: number,
): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const gone = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  await gone
  clearTimeout(timer)
}

/** Two busy cores and a first start that learns a pack. */
const START_TIMEOUT_MS = 90_000
const LOOK_EVERY_MS = 10

/**
 * Looks until there is a value; undefined when the time is over. The time is counted in looks, of which
 * none is due before the last one was answered: where the machine gives nobody a turn, the limit waits too.
 */
export async function until<T>(
  timeoutMs: number,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  for (let looks = timeoutMs / LOOK_EVERY_MS; ; looks--) {
    const found = await look()
    if (found !== undefined) return found
    if (looks <= 0) return undefined
    await pause(LOOK_EVERY_MS)
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))
