import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** How long another project's tool may take to be ready. */
const READY_LIMIT_MS = 15_000

/** A tool of another project that runs beside the test. */
export interface PeerProcess {
  /** Waits for the end of the process; its standard output. */
  output(): Promise<string>
  /** Ends it without letting it say goodbye. */
  kill(): void
}

async function sawReady(child: ChildProcess, read: () => string, ready: RegExp): Promise<void> {
  const limit = AbortSignal.timeout(READY_LIMIT_MS)
  while (!ready.test(read())) {
    if (child.exitCode !== null) throw new Error(`ended before it was ready: ${read()}`)
    const stdout = child.stdout
    if (stdout) await once(stdout, 'data', { signal: limit })
  }
}

/**
 * Starts a tool and waits until its standard output shows that it is ready.
 * Rejects when it ends or stays silent before that.
 */
export async function startReady(
  command: string,
  args: readonly string[],
  ready: RegExp,
): Promise<PeerProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  const ended = once(child, 'close')
  await sawReady(child, () => stdout, ready)
  return {
    output: async () => {
      await ended
      return stdout
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
