/** What every sink of the core must do, shown on the engines that are installed; the others are skipped aloud. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import net from 'node:net'
import { join } from 'node:path'
import { startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { openKafkaSink } from '@kefu-edge/cloud-sync/core/sinks/kafka-sink'
import { natsSink, openNatsSink } from '@kefu-edge/cloud-sync/core/sinks/nats-sink'
import { messageIdOf, type Sink, type SinkRecord } from '@kefu-edge/cloud-sync/core/sinks/sink'
import { decodeView } from '@kefu-edge/cloud-sync/protocol/entry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { hasPeer } from '../support/peers.ts'
import { fileFolder } from '../support/temp-folder.ts'
import { openRig, range, until } from '../unit/cloud-sync/support/rig.ts'

const hasNats = hasPeer('nats-server')
const hasKcat = hasPeer('kcat')

let folder: string
const children: ChildProcess[] = []
beforeAll(() => {
  folder = fileFolder()
})
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

const records = (from: number, to: number): SinkRecord[] =>
  range(from, to).map((sequence) => ({
    gatewayId: 'ward-3.box',
    epoch: 'e1',
    lane: 'audit',
    sequence,
    index: sequence - 1,
    bytes: Buffer.from(`entry ${sequence}`),
    disclosed: null,
  }))

describe.skipIf(!hasNats)('NATS JetStream', () => {
  let servers: string
  beforeAll(async () => {
    const port = await freePort()
    servers = `nats://127.0.0.1:${port}`
    const flags = ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', join(folder, 'js')]
    children.push(spawn('nats-server', flags, { stdio: 'ignore' }))
    await until('NATS listens', () => isListening(port))
  })

  it('keeps what comes twice once, and says where it stands', async () => {
    const sink = await openNatsSink({ servers, stream: 'TWICE', subject: 'twice' })
    const [one] = records(1, 1)
    if (!one) throw new Error('no record')
    expect(await sink.lastSequence?.(one)).toBeUndefined()
    await sink.publish(records(1, 50))
    await sink.publish(records(30, 60))
    expect(await sink.lastSequence?.(one)).toBe(60)
    expect(await sink.lastSequence?.({ ...one, epoch: 'e2' })).toBeUndefined()
    expect((await readNats(servers, 'TWICE')).map(({ sequence }) => sequence)).toEqual(range(1, 60))
    await sink.close()
  })

  it('gets from the core everything that gateways pushed, once, across a restart that lost its marks', async () => {
    const rig = await openRig({ isInsecureHttp: true })
    rig.source.append('audit', 1200)
    rig.source.append('critical', 3)
    await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()
    await rig.core.close()

    for (const name of ['first', 'second']) {
      const sink = await openNatsSink({ servers, stream: 'CORE', subject: 'core' })
      // Another name has no marks: the engine itself must say what it has.
      const renamed: Sink = { ...sink, name }
      const core = await startCloudCore({
        dataDir: join(rig.folder, 'core'),
        port: 0,
        isInsecureHttp: true,
        sink: renamed,
      })
      await until('the inbox is handed on', () => core.sinkStatus()?.waiting === 0)
      // A batch of the longer stream again, in case a part of it was not taken; and the short one.
      expect(core.sinkStatus()?.relayed).toBe(name === 'first' ? 1203 : 503)
      await core.close()
    }
    const there = await readNats(servers, 'CORE')
    expect(there.filter(({ lane }) => lane === 'audit').map(({ sequence }) => sequence)).toEqual(
      range(1, 1200),
    )
    expect(there).toHaveLength(1203)
    await rig.close()
  })
})

describe.skipIf(!hasNats)('NATS JetStream that took later records and not earlier ones', () => {
  it('has them all once the core is back, whether the core knows how far it was or not', async () => {
    const port = await freePort()
    const servers = `nats://127.0.0.1:${port}`
    const flags = ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', join(folder, 'js-holes')]
    children.push(spawn('nats-server', flags, { stdio: 'ignore' }))
    await until('NATS listens', () => isListening(port))
    const rig = await openRig({ isInsecureHttp: true })
    rig.source.append('audit', 1200)
    await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()
    await rig.core.close()
    const start = async (name: string, holes: readonly number[]) => {
      const sink = await openNatsSink({ servers, stream: 'HOLES', subject: 'holes' })
      return startCloudCore({
        dataDir: join(rig.folder, 'core'),
        port: 0,
        isInsecureHttp: true,
        sink: {
          ...sink,
          name,
          async publish(all) {
            const taken = all.filter(({ sequence }) => !holes.includes(sequence))
            await sink.publish(taken)
            if (taken.length < all.length) throw new Error('no word on some of them')
          },
        },
      })
    }
    for (const [name, holes] of [
      ['first', [620, 640]],
      ['first', [1001, 1100]],
      ['marks lost', []],
    ] as const) {
      const core = await start(name, holes)
      await until(
        'it has what it takes',
        () => core.sinkStatus()?.waiting === 0 || core.sinkStatus()?.lastError !== undefined,
      )
      await core.close()
    }
    const there = (await readNats(servers, 'HOLES')).map(({ sequence }) => Number(sequence))
    expect(there.sort((a, b) => a - b)).toEqual(range(1, 1200))
    await rig.close()
  })
})

describe.skipIf(!hasNats)('NATS JetStream, away when the core starts', () => {
  it('is handed everything once it is there; the core takes entries meanwhile', async () => {
    const port = await freePort()
    const servers = `nats://127.0.0.1:${port}`
    const rig = await openRig({ isInsecureHttp: true })
    await rig.core.close()
    const core = await startCloudCore({
      dataDir: join(rig.folder, 'core'),
      port: 0,
      isInsecureHttp: true,
      sink: await natsSink({ servers, stream: 'LATE', subject: 'late' }),
    })
    rig.source.append('audit', 40)
    await rig.pusher(rig.linkTo(core.url)).pushOnce()
    await until('the relay has tried', () => core.sinkStatus()?.lastError !== undefined)
    expect(core.sinkStatus()).toMatchObject({ relayed: 0, waiting: 40 })
    const flags = ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', join(folder, 'js-late')]
    children.push(spawn('nats-server', flags, { stdio: 'ignore' }))
    await until('the inbox is handed on', () => core.sinkStatus()?.waiting === 0)
    expect((await readNats(servers, 'LATE')).map(({ sequence }) => sequence)).toEqual(range(1, 40))
    await core.close()
    await rig.close()
  })
})

describe.skipIf(!hasNats)('NATS JetStream, killed', () => {
  it('has everything once, in order, when it is back', async () => {
    const port = await freePort()
    const store = join(folder, 'js-kill')
    const start = async () => {
      const flags = ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', store]
      const child = spawn('nats-server', flags, { stdio: 'ignore' })
      children.push(child)
      await until('NATS listens', () => isListening(port))
      return child
    }
    const server = await start()
    const servers = `nats://127.0.0.1:${port}`
    const rig = await openRig({ isInsecureHttp: true })
    rig.source.append('session', 6000)
    await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()
    await rig.core.close()
    const sink = await openNatsSink({ servers, stream: 'KILL', subject: 'kill', ackTimeoutMs: 500 })
    const core = await startCloudCore({
      dataDir: join(rig.folder, 'core'),
      port: 0,
      isInsecureHttp: true,
      sink,
    })
    await until('a part is handed on', () => (core.sinkStatus()?.relayed ?? 0) >= 1000)
    server.kill('SIGKILL')
    await until('it is gone', async () => !(await isListening(port)))
    await start()
    await until('the inbox is handed on', () => core.sinkStatus()?.waiting === 0)
    await core.close()
    const there = await readNats(servers, 'KILL')
    expect(there.map(({ sequence }) => sequence)).toEqual(range(1, 6000))
    await rig.close()
  })
})

describe.skipIf(!hasKcat)('Kafka, the plain producer against a mock broker of librdkafka', () => {
  it('takes records with the gateway as key and the idempotency key in a header', async () => {
    const broker = await startMockKafka()
    const sink = await openKafkaSink({ brokers: [broker], topic: 'kefu' })
    await sink.publish(records(1, 20))
    await sink.close()

    const read = spawnSync(
      'kcat',
      ['-C', '-b', broker, '-t', 'kefu', '-o', 'beginning', '-e', '-q', '-f', '%k %h\n'],
      { encoding: 'utf8', timeout: 10_000 },
    )
    const lines = read.stdout.trim().split('\n')
    expect(lines).toHaveLength(20)
    const [first] = records(1, 1)
    expect(lines[0]).toContain(`ward-3.box kefu-message-id=${first ? messageIdOf(first) : ''}`)
  })
})

async function readNats(servers: string, stream: string) {
  const { connect } = await import('@nats-io/transport-node')
  const { jetstreamManager } = await import('@nats-io/jetstream')
  const connection = await connect({ servers })
  const manager = await jetstreamManager(connection)
  const { state } = await manager.streams.info(stream)
  const found: { sequence: unknown; lane: unknown }[] = []
  for (let seq = 1; seq <= state.messages; seq += 1) {
    const message = await manager.streams.getMessage(stream, { seq })
    const view = message ? decodeView(message.data) : undefined
    found.push({ sequence: view?.sequence, lane: view?.lane })
  }
  await connection.close()
  return found
}

/** librdkafka starts a mock cluster inside kcat; its port is in the debug output. */
async function startMockKafka(): Promise<string> {
  const flags = ['-C', '-t', 'kefu', '-b', 'none:1', '-X', 'test.mock.num.brokers=1', '-d', 'mock']
  const child = spawn('kcat', flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  let output = ''
  child.stderr.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  const address = () => /bootstrap\.servers=(127\.0\.0\.1:\d+)/.exec(output)?.[1]
  await until('the mock broker says where it is', () => address() !== undefined)
  return address() ?? ''
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
