/** A real gateway in this process: its own data folder, free ports, a small pack. */
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterEach } from 'vitest'
import type { Overrides } from '../../gateway/compose.ts'
import { composeGateway, type Gateway } from '../../gateway/compose-gateway.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { readValidPack } from '../../gateway/knowledge/read-pack.ts'
import { trainOnce } from './learnt-models.ts'
import { tempFolder } from './temp-folder.ts'

export const DESK_PACK = join(import.meta.dirname, 'packs/desk')
/** Departments and examinations to ask several things about; sentences it must not guess are templates. */
export const COUNTER_PACK = join(import.meta.dirname, 'packs/counter')

const running = new Set<TestGateway>()
afterEach(async () => {
  await Promise.all([...running].map((gateway) => gateway.close()))
})

export interface TestGateway extends Gateway {
  readonly dataDir: string
  readonly httpUrl: string
  readonly mqttUrl: string
  /** Adds a device and gives its token. */
  addDevice(id: string, kind?: string, groups?: string[]): Promise<string>
  /** An MQTT client logged in as this device. */
  connectMqtt(id: string, token: string, options?: object): Promise<MqttClient>
  ask(
    token: string,
    body: object | string | Uint8Array,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown> }>
}

export interface TestOptions {
  readonly dataDir?: string
  readonly config?: Record<string, unknown>
  readonly overrides?: Overrides
  /** Packs to install; the desk pack unless told otherwise. */
  readonly packs?: readonly string[]
}

export async function startGateway(options: TestOptions = {}): Promise<TestGateway> {
  const dataDir = options.dataDir ?? tempFolder()
  const config = loadConfig({
    dataDir,
    env: {},
    overrides: {
      http: { port: 0 },
      mqtt: { port: 0 },
      log: { level: 'silent' },
      ...options.config,
    },
  })
  const gateway = await composeGateway(config, { train: trainOnce, ...options.overrides })
  for (const dir of options.packs ?? [DESK_PACK]) {
    const pack = readValidPack(dir)
    if (!gateway.box.library.list().some(({ digest }) => digest === pack.digest)) {
      await gateway.box.library.install(pack)
    }
  }
  const clients: MqttClient[] = []
  const httpUrl = `http://127.0.0.1:${gateway.ports.http}`
  const mqttUrl = `mqtt://127.0.0.1:${gateway.ports.mqtt}`
  const test: TestGateway = {
    ...gateway,
    dataDir,
    httpUrl,
    mqttUrl,
    close: async () => {
      if (!running.delete(test)) return
      for (const client of clients) client.end(true)
      await gateway.close()
    },
    addDevice: async (id, kind = 'kiosk', groups = []) => {
      const added = await runOperation(
        'device.add',
        { id, kind, groups, replace: true },
        gateway.box.operations,
      )
      return (added as { token: string }).token
    },
    connectMqtt: async (id, token, extra = {}) => {
      const client = await connectAsync(mqttUrl, {
        clientId: id,
        username: id,
        password: token,
        reconnectPeriod: 0,
        ...extra,
      })
      clients.push(client)
      return client
    },
    ask: async (token, body, headers = {}) => {
      const isRaw = typeof body === 'string' || body instanceof Uint8Array
      const reply = await fetch(`${httpUrl}/v1/ask`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: isRaw ? (body as string) : JSON.stringify(body),
      })
      return { status: reply.status, body: (await reply.json()) as Record<string, unknown> }
    },
  }
  running.add(test)
  return test
}
