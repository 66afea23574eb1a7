/** Runs the load generator, which knows no broker, against one. */
import { spawn } from 'node:child_process'
import type { BrokerUnderLoad } from './broker-peers.ts'
import { buildLoadGenerator } from './support.ts'

/** One run: figures by name, as mqttload calls them. */
export interface Result {
  readonly [figure: string]: number | string | readonly number[] | undefined
}

export interface LoadOptions {
  /** The processor core it has to stay on. */
  readonly core?: string
}

/** A run that hangs is cut; the longest good one takes half of that. */
const LOAD_DEADLINE_MS = 240_000

const mqttload = buildLoadGenerator()

export function load(
  broker: BrokerUnderLoad,
  args: readonly string[],
  { core }: LoadOptions = {},
): Promise<Result> {
  const line = [mqttload, ...args, '--port', String(broker.port()), '--pid', String(broker.pid())]
  const [command = mqttload, ...rest] = core === undefined ? line : ['taskset', '-c', core, ...line]
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), LOAD_DEADLINE_MS)
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== 0 || out === '')
        reject(new Error(`mqttload ${args.join(' ')}: ${err || signal || code}`))
      else resolve(JSON.parse(out) as Result)
    })
  })
}
