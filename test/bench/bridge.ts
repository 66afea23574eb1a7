/**
 * npm run bench:bridge: store and forward by a bridge, Kefu Edge beside Mosquitto (2.0, Debian's package).
 * A publisher sends numbered messages at QoS 2, each once; what the near broker acknowledged must reach
 * the far side once. The far side forgets nothing (bridge-far-side.ts).
 *
 *   ROUNDS=5 npm run bench:bridge     needs mosquitto in the path and a built kefu-edge
 */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { freePort } from '../support/free-port.ts'
import { type FarSide, openFarSide } from './bridge-far-side.ts'
import {
  machine,
  type Running,
  scratchFolder,
  start,
  startGateway,
  table,
  waitForPort,
} from './support.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 5)
/** Part of a name; absent: all. */
const ONLY_PEER = process.env.PEER ?? ''
const ONLY_SCENARIO = process.env.SCENARIO ?? ''
/** 2 promises exactly once; with 1 a message may arrive twice. */
const QOS = process.env.QOS === '1' ? 1 : 2
const PER_SECOND = 300
const STREAM_MS = 3000
const OUTAGE_MS = 4000
/** What has not arrived when nothing more came for so long is lost; bridges try again within half of it. */
const QUIET_MS = 30_000
const DEADLINE_MS = 120_000

interface Near extends Running {
  readonly port: number
}

interface Peer {
  readonly name: string
  /** Starts on the folder that it had before, if any. */
  start(dir: string, farPort: number): Promise<Near>
}

const kefuEdge: Peer = {
  name: 'Kefu Edge',
  async start(dir, farPort) {
    const bridge = {
      name: 'far',
      url: `mqtt://127.0.0.1:${farPort}`,
      protocolVersion: 4,
      keepAliveSeconds: 5,
      out: [{ filter: 'site/#', qos: 2 }],
    }
    const config = JSON.stringify({
      mqtt: { allowAnonymous: true, connectsPerSecond: 0 },
      permissions: [{ publish: ['#'], subscribe: ['#'] }],
      bridges: [bridge],
    })
    const gateway = await startGateway({ dataDir: dir, config })
    return { ...gateway, port: gateway.ports.mqtt }
  },
}

const mosquitto = (name: string, options: string): Peer => ({
  name,
  async start(dir, farPort) {
    const port = await freePort()
    const file = join(dir, 'mosquitto.conf')
    // Started by root it would change to a user that may not write into the folder.
    const user = process.getuid?.() === 0 ? 'user root\n' : ''
    writeFileSync(
      file,
      `listener ${port} 127.0.0.1
${user}allow_anonymous true
persistence true
persistence_location ${dir}/
${options}
connection far
address 127.0.0.1:${farPort}
topic site/# out 2
cleansession false
bridge_protocol_version mqttv311
keepalive_interval 5
restart_timeout 1
notifications false
`,
    )
    const running = start('mosquitto', ['-c', file])
    await waitForPort(port)
    return { ...running, port }
  },
})

const PEERS: readonly Peer[] = [
  kefuEdge,
  mosquitto('Mosquitto, defaults with persistence', ''),
  mosquitto(
    'Mosquitto, saved each second, no queue limit',
    'autosave_interval 1\nmax_queued_messages 0',
  ),
  mosquitto(
    'Mosquitto, saved at each change, no queue limit',
    'autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0',
  ),
]

interface Stage {
  readonly far: FarSide
  near: Near
  /** Kills the near broker and starts it on what it kept. */
  killNear(): Promise<void>
  startNear(): Promise<void>
  /** Publishes for so long; resolves when the stream is over or broken. */
  publish(durationMs: number): Promise<void>
}

interface Scenario {
  readonly name: string
  run(stage: Stage): Promise<void>
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'kill -9 in mid-stream',
    async run(stage) {
      const publishing = stage.publish(STREAM_MS)
      await sleep(STREAM_MS / 2)
      await stage.killNear()
      await publishing
      await stage.startNear()
      await stage.publish(STREAM_MS / 2)
    },
  },
  {
    name: `link cut for ${OUTAGE_MS / 1000} s in mid-stream`,
    async run(stage) {
      const publishing = stage.publish(STREAM_MS + OUTAGE_MS)
      await sleep(STREAM_MS / 2)
      await stage.far.stop()
      await sleep(OUTAGE_MS)
      await stage.far.start()
      await publishing
    },
  },
  {
    name: 'far side away, kill -9 meanwhile',
    async run(stage) {
      await stage.publish(500)
      await stage.far.stop()
      await stage.publish(STREAM_MS)
      await stage.killNear()
      await stage.startNear()
      await stage.far.start()
      await stage.publish(500)
    },
  },
]

interface Sum {
  acknowledged: number
  lost: number
  doubled: number
  roundsWithLoss: number
}

async function runRound(peer: Peer, scenario: Scenario, sum: Sum): Promise<void> {
  const dir = scratchFolder()
  const far = await openFarSide()
  const acknowledged = new Set<string>()
  let next = 0
  const stage: Stage = {
    far,
    near: await peer.start(dir, far.port),
    killNear: () => stage.near.stop('SIGKILL'),
    startNear: async () => {
      stage.near = await peer.start(dir, far.port)
    },
    publish: async (durationMs) => {
      const client = await connectAsync(`mqtt://127.0.0.1:${stage.near.port}`, {
        reconnectPeriod: 0,
        protocolVersion: 4,
      })
      next = await stream(client, durationMs, next, acknowledged)
      client.end(true)
    },
  }
  try {
    // Both bridges are connected before anything breaks.
    await stage.publish(500)
    await arrival(far, acknowledged)
    await scenario.run(stage)
    await arrival(far, acknowledged)
    const lost = [...acknowledged].filter((text) => !far.counts.has(text)).length
    sum.acknowledged += acknowledged.size
    sum.lost += lost
    sum.doubled += [...far.counts.values()].filter((count) => count > 1).length
    if (lost > 0) sum.roundsWithLoss += 1
  } finally {
    await stage.near.stop('SIGKILL')
    await far.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Each number once, at a steady rate; what is not acknowledged when the connection breaks is not counted. */
async function stream(
  client: MqttClient,
  durationMs: number,
  first: number,
  acknowledged: Set<string>,
): Promise<number> {
  const waiting: Promise<void>[] = []
  let isBroken = false
  client.on('error', () => {
    isBroken = true
  })
  client.on('close', () => {
    isBroken = true
    client.end(true)
  })
  const startedAt = performance.now()
  let n = first
  while (!isBroken && performance.now() - startedAt < durationMs) {
    const due = first + ((performance.now() - startedAt) / 1000) * PER_SECOND
    for (; n < due && !isBroken; n += 1) {
      const text = `m${n}`
      const sent = client.publishAsync('site/n', text, { qos: QOS }).then(
        () => void acknowledged.add(text),
        () => {},
      )
      waiting.push(sent)
    }
    await sleep(10)
  }
  await Promise.race([Promise.all(waiting), broken(() => isBroken), sleep(10_000)])
  return n
}

async function broken(isBroken: () => boolean): Promise<void> {
  while (!isBroken()) await sleep(50)
}

/** Until everything has arrived, or nothing more came for a while. */
async function arrival(far: FarSide, acknowledged: ReadonlySet<string>): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  let size = far.counts.size
  let grewAt = performance.now()
  while (performance.now() < end && performance.now() - grewAt < QUIET_MS) {
    if ([...acknowledged].every((text) => far.counts.has(text))) {
      // A second copy would come right after the first.
      await sleep(1000)
      return
    }
    await sleep(100)
    if (far.counts.size === size) continue
    size = far.counts.size
    grewAt = performance.now()
  }
}

async function main(): Promise<void> {
  // It says its version with its usage, and exits with 3.
  const usage = spawnSync('mosquitto', ['-h'], { encoding: 'utf8' }).stdout
  const version = /version (\S+)/.exec(usage)?.[1]
  const rows: (string | number)[][] = []
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(ONLY_SCENARIO))) {
    for (const peer of PEERS.filter(({ name }) => name.includes(ONLY_PEER))) {
      const sum: Sum = { acknowledged: 0, lost: 0, doubled: 0, roundsWithLoss: 0 }
      for (let round = 0; round < ROUNDS; round += 1) await runRound(peer, scenario, sum)
      const { acknowledged, lost, doubled, roundsWithLoss } = sum
      rows.push([
        scenario.name,
        peer.name,
        acknowledged,
        lost,
        doubled,
        `${roundsWithLoss}/${ROUNDS}`,
      ])
      console.error(JSON.stringify({ scenario: scenario.name, peer: peer.name, ...sum }))
    }
  }
  console.log(
    `${machine()}; Mosquitto ${version}; ${ROUNDS} rounds, ${PER_SECOND} messages/s, QoS ${QOS}\n`,
  )
  const head = ['scenario', 'bridge', 'acknowledged', 'lost', 'doubled', 'rounds with loss']
  console.log(table(head, rows))
}

await main()
