import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BrokerAddress } from './wire/link.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CLI = path.join(ROOT, 'gateway/cli/kefu-edge.mjs')
const OPEN_PROFILE = path.join(ROOT, 'test/support/open-broker.yaml')
/** A cold start compiles nothing, but a busy machine may need this long. */
const START_LIMIT_MS = 30_000
/** Between looks at run.json, which appears once the listeners are up. */
const LOOK_EVERY_MS = 50
/** A gateway that has not stopped by then is killed. */
const STOP_LIMIT_MS = 10_000

/** A gateway started for tests. */
export interface RunningBroker {
  address: BrokerAddress
  /** What the gateway has written to its log so far. */
  log(): string
  /** False once the process has ended, however it ended. */
  alive(): boolean
  stop(): Promise<void>
}

/** The broker that WIRE_TCP (host:port) and WIRE_WS (URL) name, if both are set. */
export function brokerFromEnvironment(): BrokerAddress | undefined {
  const { WIRE_TCP, WIRE_WS, WIRE_PID } = process.env
  if (!WIRE_TCP || !WIRE_WS) return undefined
  const [host = '127.0.0.1', port = '1883'] = WIRE_TCP.split(':')
  const address = { tcp: { host, port: Number(port) }, ws: WIRE_WS }
  return WIRE_PID ? { ...address, pid: Number(WIRE_PID) } : address
}

interface RunFile {
  pid: number
  ports: { http: number; mqtt: number }
}

async function readRunFile(dataFolder: string, child: ChildProcess, log: () => string) {
  const deadline = Date.now() + START_LIMIT_MS
  while (Date.now() < deadline && child.exitCode === null) {
    try {
      return JSON.parse(await readFile(path.join(dataFolder, 'run.json'), 'utf8')) as RunFile
    } catch {
      await delay(LOOK_EVERY_MS)
    }
  }
  child.kill('SIGKILL')
  throw new Error(`the gateway did not start (exit code ${child.exitCode}):\n${log()}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await exited
  clearTimeout(killer)
}

/**
 * Starts the gateway with the open test profile on free ports and a fresh data folder.
 * Rejects with the gateway's own log when it does not come up.
 */
export async function startBroker(): Promise<RunningBroker> {
  const dataFolder = await mkdtemp(path.join(tmpdir(), 'kefu-wire-'))
  const child = spawn(
    process.execPath,
    [CLI, 'start', '--config', OPEN_PROFILE, '--data', dataFolder],
    {
      env: { ...process.env, KEFU_MQTT_PORT: '0', KEFU_HTTP_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let written = ''
  const keep = (chunk: Buffer) => {
    written = (written + chunk.toString()).slice(-100_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const { pid, ports } = await readRunFile(dataFolder, child, () => written)
  return {
    address: {
      tcp: { host: '127.0.0.1', port: ports.mqtt },
      ws: `ws://127.0.0.1:${ports.http}/mqtt`,
      pid,
    },
    log: () => written,
    alive: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      await stop(child)
      await rm(dataFolder, { recursive: true, force: true })
    },
  }
}
