/**
 * Latency from a device at box A to a device at box B, over a real redis-server, everything in one process:
 * `node --conditions=kefu-source --import tsx test/bench/several-boxes.ts`. One JSON line per case.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { composeGateway, type Gateway } from '../../gateway/compose-gateway.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { startRedis } from '../support/redis.ts'

const MESSAGES = 2000
const WARM_UP = 200

const redis = await startRedis()
const dirs = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'kefu-boxes-')))
const boxes: Gateway[] = []
for (const dataDir of dirs) {
  const first = dirs[0] ?? dataDir
  if (dataDir !== first) {
    mkdirSync(join(dataDir, 'keys'), { mode: 0o700 })
    copyFileSync(join(first, 'keys/site.key'), join(dataDir, 'keys/site.key'))
  }
  const overrides = {
    http: { port: 0, adapter: 'node' },
    mqtt: { port: 0 },
    log: { level: 'silent' },
    site: { redis: redis.url, name: 'bench' },
    permissions: [{ kind: 'staff', publish: ['ward/#'], subscribe: ['ward/#'] }],
  }
  boxes.push(await composeGateway(loadConfig({ dataDir, env: {}, overrides })))
}
const [a, b] = boxes
if (!a || !b) throw new Error('two boxes are needed')

async function connect(box: Gateway, id: string) {
  const options = { id, kind: 'staff', groups: [], replace: true }
  const { token } = (await runOperation('device.add', options, box.box.operations)) as {
    token: string
  }
  const url = `mqtt://127.0.0.1:${box.ports.mqtt}`
  return connectAsync(url, { clientId: id, username: id, password: token, protocolVersion: 5 })
}

const sender = await connect(a, 'sender')
const sameBox = await connect(a, 'same-box')
const otherBox = await connect(b, 'other-box')

async function run(name: string, receiver: typeof sender, qos: 0 | 1, inFlight: number) {
  await receiver.subscribeAsync('ward/bench', { qos })
  const sentMs: number[] = []
  const tookMs: number[] = []
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  await new Promise<void>((resolve) => {
    let sent = 0
    const send = () => {
      if (sent >= MESSAGES) return
      sentMs[sent] = performance.now()
      sender.publish('ward/bench', `${sent++}`, { qos })
    }
    receiver.removeAllListeners('message')
    receiver.on('message', (_topic, payload) => {
      tookMs.push(performance.now() - (sentMs[Number(payload)] ?? 0))
      if (tookMs.length === MESSAGES) resolve()
      else send()
    })
    for (let n = 0; n < inFlight; n++) send()
  })
  await receiver.unsubscribeAsync('ward/bench')
  const used = process.cpuUsage(cpu)
  const sorted = tookMs.slice(WARM_UP).sort((x, y) => x - y)
  const at = (share: number) =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100
  const perSecond = Math.round((MESSAGES / (performance.now() - startedMs)) * 1000)
  const cpuMsPerMessage = Math.round((used.user + used.system) / MESSAGES) / 1000
  console.log(
    JSON.stringify({
      name,
      qos,
      inFlight,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      perSecond,
      cpuMsPerMessage,
    }),
  )
}

while ((a.box.hooks.status?.().site?.boxes.length ?? 0) === 0) {
  await new Promise((resolve) => setTimeout(resolve, 100))
}
for (const inFlight of [1, 20]) {
  for (const qos of [0, 1] as const) {
    await run('same box', sameBox, qos, inFlight)
    await run('other box', otherBox, qos, inFlight)
  }
}
for (const client of [sender, sameBox, otherBox]) await client.endAsync()
for (const box of boxes) await box.close()
await redis.stop()
for (const dir of dirs) rmSync(dir, { recursive: true })
