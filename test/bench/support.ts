/** What the benches share: programs built and started, ports found, medians taken. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const ROOT = join(import.meta.dirname, '../..')
/** Built tools and peers, kept between runs; ignored by git. */
const CACHE = join(ROOT, 'node_modules/.cache/kefu-bench')

/** The neutral load generator, compiled once. Needs a C compiler. */
export function buildLoadGenerator(): string {
  const source = join(import.meta.dirname, 'mqttload.c')
  const program = join(CACHE, 'mqttload')
  mkdirSync(CACHE, { recursive: true })
  execFileSync('cc', ['-O2', '-o', program, source])
  return program
}

/** A folder where these packages are installed, apart from the project's own. */
export function installPeer(name: string, packages: readonly string[]): string {
  const dir = join(CACHE, name)
  if (!existsSync(join(dir, 'node_modules'))) {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'package.json'), '{"private":true}')
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...packages], {
      cwd: dir,
      stdio: 'inherit',
    })
  }
  return dir
}

export const scratchFolder = (): string => mkdtempSync(join(tmpdir(), 'kefu-bench-'))

/** Resolves when something accepts connections there; rejects after the deadline. */
export async function waitForPort(port: number, deadlineMs = 60_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (Date.now() < end) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
    if (isUp) return
    await sleep(50)
  }
  throw new Error(`nothing listens on port ${port}`)
}

export interface Running {
  readonly pid: number
  readonly process: ChildProcess
  /** Ends this process, and this one only. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export function start(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Running {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', process.env.BENCH_VERBOSE ? 'inherit' : 'ignore'],
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  return {
    pid: child.pid ?? 0,
    process: child,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      await Promise.race([ended, sleep(10_000).then(() => child.kill('SIGKILL'))])
    },
  }
}

export interface Gateway extends Running {
  readonly dataDir: string
  readonly ports: { readonly http: number; readonly mqtt: number }
}

/** The built gateway in a process of its own on free ports, with the hospital pack. */
export async function startGateway(
  options: { config?: string; dataDir?: string; env?: Record<string, string> } = {},
): Promise<Gateway> {
  const dataDir = options.dataDir ?? scratchFolder()
  rmSync(join(dataDir, 'run.json'), { force: true })
  const config = join(dataDir, 'bench.yaml')
  writeFileSync(config, options.config ?? '')
  const running = start(
    join(ROOT, 'gateway/cli/kefu-edge.mjs'),
    ['start', '--data', dataDir, '--config', config],
    { KEFU_HTTP_PORT: '0', KEFU_MQTT_PORT: '0', KEFU_LOG_LEVEL: 'warn', ...options.env },
  )
  const end = Date.now() + 60_000
  while (Date.now() < end && running.process.exitCode === null) {
    try {
      const run = JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')) as {
        ports: Gateway['ports']
      }
      return { ...running, dataDir, ports: run.ports }
    } catch {
      await sleep(10)
    }
  }
  await running.stop('SIGKILL')
  throw new Error('the gateway did not start')
}

export const residentMb = (pid: number): number => {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return (pages * 4096) / 1_048_576
}

/** User and system time of a process in seconds. */
export const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export const machine = (): string =>
  `${cpus().length} cores ${cpus()[0]?.model ?? ''}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`

/** One markdown table; numbers as they are. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
