/** Boxes of one site, each a real gateway in this process, over a real Redis. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { IPublishPacket, MqttClient } from 'mqtt'
import { expect, vi } from 'vitest'
import type { Clock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from './gateway.ts'
import type { TestRedis } from './redis.ts'
import { tempFolder } from './temp-folder.ts'

/** As long as a machine with other work may take; it ends when the check holds. */
export const soon = <T>(check: () => T | Promise<T>, timeout = 5000): Promise<T> =>
  vi.waitFor(check, { timeout })

let sites = 0
/** Another site for each test, in the same Redis. */
export const newSite = () => `site-${process.pid}-${++sites}`

export interface BoxOptions {
  readonly site: string
  readonly keyFrom?: TestGateway
  readonly packs?: readonly string[]
  readonly dataDir?: string
  readonly clock?: Clock
  readonly maxRetained?: number
}

export function startBox(
  redis: TestRedis,
  { site, keyFrom, packs, clock, maxRetained, dataDir = tempFolder() }: BoxOptions,
) {
  if (keyFrom) {
    mkdirSync(join(dataDir, 'keys'), { recursive: true, mode: 0o700 })
    const file = 'keys/site.key'
    copyFileSync(join(keyFrom.dataDir, file), join(dataDir, file))
  }
  return startGateway({
    dataDir,
    ...(packs ? { packs } : {}),
    ...(clock ? { overrides: { clock } } : {}),
    config: {
      http: { port: 0, adapter: 'node' },
      mqtt: { port: 0, bytesPerSecond: 0, ...(maxRetained ? { maxRetained } : {}) },
      site: { redis: redis.url, name: site },
      permissions: [
        {
          kind: 'staff',
          publish: ['ward/#', 'kefu/v1/+/speech'],
          subscribe: ['ward/#', 'kefu/v1/#'],
        },
      ],
    },
  })
}

/** Two boxes of one site that hear each other. */
export async function startSite(
  redis: TestRedis,
  packs?: readonly string[],
): Promise<[TestGateway, TestGateway]> {
  const site = newSite()
  const options = packs ? { packs } : {}
  const a = await startBox(redis, { site, ...options })
  const b = await startBox(redis, { site, keyFrom: a, ...options })
  await together(a, b)
  return [a, b]
}

export async function siteOf(gateway: TestGateway) {
  const status = (await runOperation('status', {}, gateway.box.operations)) as {
    site?: {
      state: string
      boxes: string[]
      missed: number
      notOpened: number
      stale: number
      refused?: string
    }
  }
  return status.site
}

export async function together(...boxes: TestGateway[]) {
  for (const box of boxes) {
    await soon(async () => expect((await siteOf(box))?.boxes).toHaveLength(1), 8000)
  }
}

export type Client = MqttClient & { readonly got: IPublishPacket[] }

export async function connect(
  box: TestGateway,
  id: string,
  kind = 'staff',
  options = {},
): Promise<Client> {
  const token = await box.addDevice(id, kind)
  const client = await box.connectMqtt(id, token, { protocolVersion: 5, ...options })
  const got: IPublishPacket[] = []
  client.on('message', (_topic, _payload, packet) => got.push(packet))
  return Object.assign(client, { got })
}

export const words = (client: Client, topic?: string) =>
  client.got
    .filter((one) => topic === undefined || one.topic === topic)
    .map((one) => String(one.payload))
/** Of a session that is kept while its device is away. */
export const roaming = { clean: false, properties: { sessionExpiryInterval: 3600 } }
