/** The built command in processes of its own. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const COMMAND = join(import.meta.dirname, '../../gateway/cli/kefu-edge.mjs')
/** The first start learns the starter pack. */
const START_TIMEOUT_MS = 45_000
const LOOK_MS = 25

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command to its end. */
export function kefu(dataDir: string, ...argv: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const args = [COMMAND, ...argv, '--data', dataDir]
    execFile(process.execPath, args, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err })
    })
  })
}

export interface RunningGateway {
  readonly pid: number
  readonly ports: { readonly http: number; readonly mqtt: number }
  readonly output: () => string
  /** Resolves with exit code or signal once the process has ended. */
  end(signal: NodeJS.Signals): Promise<number | string>
}

const children = new Set<ChildProcess>()

/** `start` with free ports; resolves once run.json is there and names this process. */
export async function startGateway(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningGateway> {
  const child = spawn(process.execPath, [COMMAND, 'start', '--data', dataDir], {
    env: {
      ...process.env,
      KEFU_HTTP_PORT: '0',
      KEFU_MQTT_PORT: '0',
      KEFU_LOG_LEVEL: 'info',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'exit').then(([code, signal]: (number | string | null)[]) => {
    children.delete(child)
    return code ?? signal ?? ''
  })
  const runFile = join(dataDir, 'run.json')
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    const run = existsSync(runFile) ? parsed(runFile) : undefined
    if (run && run.pid === child.pid) {
      return {
        ...run,
        output: () => output,
        end: (signal) => {
          child.kill(signal)
          return ended
        },
      }
    }
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${output}`)
    if (Date.now() > deadline) throw new Error(`not listening in time:\n${output}`)
    await sleep(LOOK_MS)
  }
}

/** Half a file is read while it is being written. */
function parsed(file: string): { pid: number; ports: { http: number; mqtt: number } } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** Ends what a failed test left running, and removes its folder. */
export async function cleanUp(folder: string): Promise<void> {
  for (const child of children) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
}

export function isInstalled(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
