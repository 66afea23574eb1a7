/** Other brokers for the stories of the bridge: Mosquitto, a second gateway, or one that is away. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import {
  type AddressInfo,
  connect as connectSocket,
  createServer,
  type Server,
  type Socket,
} from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { afterEach } from 'vitest'
import type { BridgeStatus } from '../../gateway/bridge/bridge.ts'
import type { TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const LOOK_EVERY_MS = 25
/** Several times what a quiet machine needs for the longest of these stories. */
const START_LIMIT_MS = 45_000

/** A gateway that anybody may use. */
export const open = {
  mqtt: { port: 0, allowAnonymous: true, connectsPerSecond: 0 },
  permissions: [{ publish: ['#'], subscribe: ['#'] }],
}

/** The bridge of these stories, to a broker on this port. */
export const bridgeTo = (port: number, more: object = {}) => ({
  name: 'hospital',
  url: `mqtt://127.0.0.1:${port}`,
  out: [{ filter: 'site/#', remotePrefix: 'ward7/', qos: 2 }],
  in: [{ filter: 'his/#', localPrefix: 'from-his/', qos: 2 }],
  ...more,
})

const children = new Set<ChildProcess>()
const clients = new Set<MqttClient>()
const servers = new Set<Server>()
afterEach(async () => {
  for (const client of clients) client.end(true)
  clients.clear()
  for (const server of servers) server.close()
  servers.clear()
  for (const child of [...children]) await kill(child)
})

/** Ends a process that this test started, without letting it say goodbye. */
export async function kill(child: ChildProcess): Promise<void> {
  children.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Ends it in good order, so that it writes down what it keeps. */
export async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

export async function until<T>(look: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const deadline = Date.now() + START_LIMIT_MS
  while (Date.now() < deadline) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    await delay(LOOK_EVERY_MS)
  }
  throw new Error(`waited in vain for ${what}`)
}

/** A way to `port` that is cut whenever so many bytes have passed, in either direction. */
export async function openCutWire(port: number, cutEveryBytes: number): Promise<CutWire> {
  const wire = { port: 0, cuts: 0 }
  let left = cutEveryBytes
  const server = createServer((near) => {
    const far = connectSocket(port, '127.0.0.1')
    const cut = () => {
      near.destroy()
      far.destroy()
    }
    const pass = (to: Socket) => (chunk: Buffer) => {
      left -= chunk.length
      if (left > 0) to.write(chunk)
      else {
        // The last chunk is torn in the middle of a packet.
        to.write(chunk.subarray(0, chunk.length >> 1))
        left = cutEveryBytes
        wire.cuts++
        cut()
      }
    }
    near.on('data', pass(far))
    far.on('data', pass(near))
    for (const socket of [near, far]) socket.on('error', cut).on('close', cut)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.add(server)
  const address = server.address()
  wire.port = typeof address === 'object' && address !== null ? address.port : 0
  return wire
}

export interface CutWire {
  readonly port: number
  readonly cuts: number
}

/** Debian's package; it keeps what it must in `dir`. */
export async function startMosquitto(port: number, dir = tempFolder()) {
  const config = join(dir, 'mosquitto.conf')
  // Started by root it would change to a user that may not write into the folder.
  const user = process.getuid?.() === 0 ? 'user root\n' : ''
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\n${user}allow_anonymous true\npersistence true\npersistence_location ${dir}/\nautosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\n`,
  )
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' })
  children.add(child)
  await until(() => isOpen(port), 'mosquitto')
  return child
}

type Sent = Pick<IPublishPacket, 'topic' | 'payload' | 'qos'> & Partial<IPublishPacket>

/** A broker that looks at no text: it gives these messages to whoever subscribes first. */
export async function startOddBroker(messages: readonly Sent[]) {
  const acknowledged: number[] = []
  const server = createServer((socket) => {
    const parse = parser({ protocolVersion: 5 })
    const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: 5 }))
    socket.on('data', (chunk) => parse.parse(chunk)).on('error', () => socket.destroy())
    parse.on('packet', (packet) => {
      if (packet.cmd === 'connect') {
        send({ cmd: 'connack', reasonCode: 0, sessionPresent: false })
      } else if (packet.cmd === 'subscribe') {
        const granted = packet.subscriptions.map(() => 0)
        send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted })
        for (const [at, message] of messages.entries()) {
          send({ cmd: 'publish', dup: false, retain: false, messageId: at + 1, ...message })
        }
      } else if (packet.cmd === 'puback') acknowledged.push(packet.messageId ?? 0)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.add(server)
  return { port: (server.address() as AddressInfo).port, acknowledged }
}

const isOpen = (port: number): boolean =>
  spawnSync('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`], { stdio: 'ignore' }).status === 0

export interface GatewayProcess {
  readonly child: ChildProcess
  readonly mqttUrl: string
}

/** A gateway in a process of its own, open to anonymous clients, so that it can be killed. */
export async function startGatewayProcess(
  dataDir: string,
  config: object,
): Promise<GatewayProcess> {
  const file = join(dataDir, 'test.yaml')
  const open = {
    http: { port: 0, adapter: 'node' },
    mqtt: { port: 0, allowAnonymous: true, connectsPerSecond: 0 },
    permissions: [{ publish: ['#'], subscribe: ['#'] }],
    log: { level: 'warn' },
  }
  writeFileSync(file, JSON.stringify({ ...open, ...config }))
  const program = join(import.meta.dirname, 'bridge-gateway-process.ts')
  const child = spawn(
    process.execPath,
    ['--conditions=kefu-source', '--import', 'tsx', program, dataDir, file],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  children.add(child)
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    said += String(chunk)
  })
  const port = await until(() => /^(\d+)\n/.exec(said)?.[1], 'the gateway to listen')
  return { child, mqttUrl: `mqtt://127.0.0.1:${port}` }
}

/** `onMessage` hears what a kept session sends together with CONNACK, too. */
export async function connectTo(
  url: string,
  clientId: string,
  options: IClientOptions = {},
  onMessage?: (topic: string, payload: Buffer, packet: { readonly dup: boolean }) => void,
): Promise<MqttClient> {
  const client = connect(url, { clientId, protocolVersion: 5, reconnectPeriod: 0, ...options })
  clients.add(client)
  if (onMessage) client.on('message', onMessage)
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve()).once('error', reject)
  })
  return client
}

/** A subscriber, and what it gets. */
export async function gatherFrom(url: string, filter: string, prefix: string, qos: 0 | 1 | 2 = 2) {
  const got: string[] = []
  const client = await connectTo(url, 'watcher', {}, (topic, payload) => {
    if (topic.startsWith(prefix)) got.push(String(payload))
  })
  await client.subscribeAsync(filter, { qos })
  return got
}

export const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, at) => `m${from + at}`)

export const bridgeStatus = (gateway: TestGateway): BridgeStatus => {
  const status = gateway.box.hooks.status?.()
  const [bridge] = status?.bridges ?? []
  if (!bridge) throw new Error('no bridge')
  return bridge
}
