/** The brokers that bench:broker compares: how each is started fresh, killed and started again. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRegistry } from '../../gateway/devices/registry.ts'
import { openStore } from '../../gateway/storage/store.ts'
import { freePort } from '../support/free-port.ts'
import { type Running, scratchFolder, start, startGateway, waitForPort } from './support.ts'

/** What a scenario asks of a broker. */
export interface Needs {
  /** Kept messages: Mosquitto saves to disk; the gateway always does. */
  readonly isDurable?: boolean
  /** With the limits that a site sets, instead of none. */
  readonly hasLimits?: boolean
  /** Devices that the broker knows, `ml-i0` and on, each with a token of its own. */
  readonly devices?: number
}

export interface BrokerUnderLoad {
  readonly port: () => number
  readonly pid: () => number
  /** The tokens of `devices`, one a line. */
  readonly tokensFile: string
  /** SIGKILL, then started again on the same data. */
  killAndStart(): Promise<void>
  /** Stops it and takes its data away. */
  remove(): Promise<void>
}

export interface Peer {
  readonly name: string
  /** Takes part only where messages are kept. */
  readonly isDurableOnly: boolean
  start(needs: Needs): Promise<BrokerUnderLoad>
}

/** Anybody may do anything as fast as they can: what Mosquitto does with allow_anonymous. */
const OPEN = `
mqtt:
  allowAnonymous: true
  connectsPerSecond: 0
  messagesPerSecond: 0
  bytesPerSecond: 0
  maxConnections: 50000
  maxQueuedMessages: 1000000
  maxQueuedBytes: 1073741824
permissions:
  - publish: ["#"]
    subscribe: ["#"]
`
/** As a site has it: who shows no token is turned away, and a device has its own topics and no others. */
const KNOWN = `
mqtt: { connectsPerSecond: 0, maxConnections: 50000 }
`
/** The busiest client of the abuse scenario, the one that answers all, sends 1,000 messages a second. */
const LIMITED = OPEN.replace('messagesPerSecond: 0', 'messagesPerSecond: 1500').replace(
  'bytesPerSecond: 0',
  'bytesPerSecond: 1000000',
)
/** A broker that has just begun to listen still has work of its own to finish. */
const SETTLE_MS = 300

export async function createPeers(): Promise<{ peers: Peer[]; missing: string[] }> {
  const hasMosquitto = spawnSync('mosquitto', ['-h']).error === undefined
  const ours = await gateway()
  if (!hasMosquitto) return { peers: [ours], missing: ['mosquitto'] }
  return {
    peers: [
      mosquitto('mosquitto', false, ['autosave_on_changes true', 'autosave_interval 1']),
      mosquitto('mosquitto-autosave1000', true, [
        'autosave_on_changes true',
        'autosave_interval 1000',
      ]),
      ours,
    ],
    missing: [],
  }
}

function mosquitto(name: string, isDurableOnly: boolean, durability: readonly string[]): Peer {
  return {
    name,
    isDurableOnly,
    start: async ({ isDurable }) => {
      const dir = scratchFolder()
      const port = await freePort()
      const file = join(dir, 'mosquitto.conf')
      const lines = [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        'user root',
        'set_tcp_nodelay true',
        'max_inflight_messages 0',
        'max_queued_messages 0',
        'log_type error',
        'connection_messages false',
        ...(isDurable
          ? ['persistence true', `persistence_location ${dir}/`, ...durability]
          : ['persistence false']),
      ]
      writeFileSync(file, `${lines.join('\n')}\n`)
      const launch = async (): Promise<Launched> => {
        const running = start('mosquitto', ['-c', file])
        await waitForPort(port)
        return { running, port }
      }
      return underLoad(dir, launch)
    },
  }
}

/** The pack is learnt once; each run begins on a copy of that data folder. */
async function gateway(): Promise<Peer> {
  const template = scratchFolder()
  await (await startGateway({ dataDir: template, config: OPEN })).stop()
  process.on('exit', () => rmSync(template, { recursive: true, force: true }))
  return {
    name: 'kefu-edge',
    isDurableOnly: false,
    start: async ({ hasLimits, devices = 0 }) => {
      const dataDir = scratchFolder()
      cpSync(template, dataDir, { recursive: true })
      if (devices > 0) await addDevices(dataDir, devices)
      return underLoad(dataDir, async () => {
        const running = await startGateway({
          dataDir,
          config: hasLimits ? LIMITED : devices > 0 ? KNOWN : OPEN,
          env: profiling(),
        })
        return { running, port: running.ports.mqtt }
      })
    },
  }
}

/** As `device add` does it, all in one transaction. */
async function addDevices(dataDir: string, count: number): Promise<void> {
  const store = openStore({ path: join(dataDir, 'kefu.db'), synchronous: 'OFF' })
  const registry = createRegistry(store)
  const ids = Array.from({ length: count }, (_, index) => `ml-i${index}`)
  const tokens = await store.commit(() =>
    ids.map((id) => registry.add({ id, kind: 'kiosk' }, Date.now()).token),
  )
  await store.close()
  writeFileSync(join(dataDir, TOKENS), `${tokens.join('\n')}\n`)
}

const TOKENS = 'tokens'

/** Node takes --cpu-prof on its command line only, so the `node` that the command finds is one that adds it. */
function profiling(): Record<string, string> {
  const { PROFILE, PATH = '' } = process.env
  if (!PROFILE) return {}
  const bin = join(PROFILE, 'bin')
  mkdirSync(bin, { recursive: true })
  const line = `exec '${process.execPath}' --cpu-prof --cpu-prof-dir='${PROFILE}' "$@"`
  writeFileSync(join(bin, 'node'), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
  return { PATH: `${bin}:${PATH}` }
}

interface Launched {
  readonly running: Running
  readonly port: number
}

async function underLoad(dir: string, launch: () => Promise<Launched>): Promise<BrokerUnderLoad> {
  let now = await launch()
  await sleep(SETTLE_MS)
  return {
    port: () => now.port,
    pid: () => now.running.pid,
    tokensFile: join(dir, TOKENS),
    killAndStart: async () => {
      await now.running.stop('SIGKILL')
      now = await launch()
      await sleep(SETTLE_MS)
    },
    remove: async () => {
      // A profile is written only by a process that may end by itself.
      await now.running.stop(process.env.PROFILE ? 'SIGTERM' : 'SIGKILL')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
