/** A real broker on a real store, for the tests of this folder, and raw clients to speak to it. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import type { MqttBroker, MqttBrokerParts } from '../../../../gateway/channels/mqtt/broker.ts'
import { createMqttBroker } from '../../../../gateway/channels/mqtt/broker.ts'
import type { MqttPrincipal } from '../../../../gateway/channels/mqtt/ports.ts'
import { openStore, type Store } from '../../../../gateway/storage/store.ts'

/** For what must come: some of it is looked for once a second. */
const PATIENCE_MS = 5000

export interface TestBroker {
  readonly broker: MqttBroker
  readonly store: Store
  readonly port: number
  readonly folder: string
  /** Moves broker time forward. */
  advance(ms: number): void
  /** While true, nothing can be written to disk. */
  failWrites(isFailing: boolean): void
  /** Writes that came to nothing for it. */
  lostWrites(): number
  /** Stops broker and store, and starts both anew on the same file. */
  restart(): Promise<TestBroker>
  /** A second broker on a copy of the files as they are at this moment. */
  afterPowerCut(): Promise<TestBroker>
  close(): Promise<void>
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

type Overrides = Partial<MqttBrokerParts<MqttPrincipal>>

/** Starts a broker that lets everybody in, unless `overrides` say otherwise. */
export async function startBroker(overrides: Overrides = {}, folder?: string): Promise<TestBroker> {
  const place = folder ?? mkdtempSync(join(tmpdir(), 'kefu-mqtt-'))
  const store = openStore({ path: join(place, 'kefu.db'), synchronous: 'OFF' })
  let offsetMs = 0
  let isFailing = false
  let lost = 0
  const broker = createMqttBroker({
    store: {
      ...store,
      commit: (work) => {
        if (!isFailing) return store.commit(work)
        lost++
        return failedCommit(store, work)
      },
    },
    clock: { nowMs: () => Date.now() + offsetMs },
    logger: silent,
    authenticate: ({ clientId }) => ({ ok: true, principal: { id: clientId } }),
    authorize: () => ({ ok: true }),
    isDeviceMessageTopic: () => false,
    onDeviceMessage: () => ({ reasonCode: 0 }),
    ...overrides,
  })
  const port = await broker.listen({ host: '127.0.0.1', port: 0 })
  const stop = async (): Promise<void> => {
    await broker.close()
    await store.close()
  }
  return {
    broker,
    store,
    port,
    folder: place,
    advance: (ms) => {
      offsetMs += ms
      broker.runDue()
    },
    failWrites: (shouldFail) => {
      isFailing = shouldFail
    },
    lostWrites: () => lost,
    restart: async () => {
      await stop()
      return startBroker(overrides, place)
    },
    afterPowerCut: () => {
      const copy = mkdtempSync(join(tmpdir(), 'kefu-mqtt-'))
      cpSync(place, copy, { recursive: true })
      return startBroker(overrides, copy)
    },
    close: async () => {
      await stop()
      rmSync(place, { recursive: true, force: true })
    },
  }
}

/** As a full disk does it: the work ran, its writes are undone, the promise is rejected. */
function failedCommit<T>(store: Store, work: () => T): Promise<T> {
  return store.commit(() => {
    work()
    throw new Error('disk full')
  })
}

/** A client that sends bytes as given and collects what comes. */
export class RawClient {
  private readonly socket: Socket
  private bytes = Buffer.alloc(0)
  private wake: (() => void) | undefined
  isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      this.wake?.()
    })
    socket.on('close', () => {
      this.isClosed = true
      this.wake?.()
    })
    socket.on('error', () => undefined)
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () =>
        resolve(new RawClient(socket)),
      )
      socket.once('error', reject)
    })
  }

  send(hex: string): void {
    this.socket.write(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
  }

  sendBytes(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  /** The next whole packet as hex, or 'closed'. Rejects where none comes. */
  async next(): Promise<string> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const packet = this.take()
      if (packet !== undefined) return packet.toString('hex')
      if (this.isClosed) return 'closed'
      await this.waitUntil(deadline)
    }
  }

  /** Resolves when the broker has closed the connection. */
  async closed(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!this.isClosed) await this.waitUntil(deadline)
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private waitUntil(deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no packet; have ${this.bytes.toString('hex')}`)),
        Math.max(0, deadlineMs - Date.now()),
      )
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private take(): Buffer | undefined {
    if (this.bytes.length < 2) return undefined
    let length = 0
    let at = 1
    for (let shift = 0; ; shift += 7) {
      if (at >= this.bytes.length) return undefined
      const byte = this.bytes[at++] as number
      length |= (byte & 0x7f) << shift
      if ((byte & 0x80) === 0) break
    }
    if (this.bytes.length < at + length) return undefined
    const packet = this.bytes.subarray(0, at + length)
    this.bytes = this.bytes.subarray(at + length)
    return packet
  }
}

/** A broker that is closed when the test that asked for it ends. */
export async function brokerOfTest(overrides: Overrides = {}): Promise<TestBroker> {
  const broker = await startBroker(overrides)
  onTestFinished(() => broker.close())
  return broker
}

/** A client of it that goes before it. */
export async function clientOfTest({ port }: TestBroker): Promise<RawClient> {
  const client = await RawClient.open(port)
  onTestFinished(() => client.destroy())
  return client
}

/** A client of MQTT.js that is connected, stays away once it has gone, and ends with the test. */
export async function joinOfTest(
  { port }: TestBroker,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const url = `mqtt://127.0.0.1:${port}`
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options })
  onTestFinished(() => void client.end(true))
  return client
}
