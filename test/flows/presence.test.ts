import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { announce, kefu } from '../support/command.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

type Body = Record<string, unknown>

/** An operator's screen: it may watch the presence of everybody. */
const watched = {
  config: { permissions: [{ kind: 'staff', subscribe: ['kefu/v1/+/presence'] }] },
}

/** Waits for the first presence of a device that fits, retained or not. */
async function watch(gateway: TestGateway) {
  const client = await gateway.connectMqtt('desk', await gateway.addDevice('desk', 'staff'))
  const seen: Body[] = []
  const waiting: (() => void)[] = []
  client.on('message', (topic, payload, { retain }) => {
    seen.push({ device: topic.split('/')[2], retain, ...(JSON.parse(String(payload)) as Body) })
    for (const wake of waiting.splice(0)) wake()
  })
  await client.subscribeAsync('kefu/v1/+/presence', { qos: 1 })
  return async (device: string, online: boolean): Promise<Body> => {
    for (;;) {
      const at = seen.findIndex((one) => one.device === device && one.online === online)
      if (at >= 0) return seen.splice(at, 1)[0] ?? {}
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
}

async function openSocket(gateway: TestGateway, deviceId: string, token: string) {
  const socket = new WebSocket(`${gateway.httpUrl.replace('http', 'ws')}/v1/ws`, 'kefu.v1.json')
  await new Promise((resolve) => socket.on('open', resolve))
  const welcome = new Promise((resolve) => socket.once('message', resolve))
  socket.send(JSON.stringify({ type: 'hello', deviceId, token }))
  await welcome
  return socket
}

describe('presence', () => {
  it('says since when, and in plain words why not', async () => {
    const gateway = await startGateway(watched)
    const next = await watch(gateway)
    const client = await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
    const online = await next('k1', true)
    expect(Math.abs(Date.parse(String(online.since)) - Date.now())).toBeLessThan(60_000)
    expect(online.reason).toBeUndefined()
    await client.endAsync()
    expect(await next('k1', false)).toMatchObject({ reason: 'the client disconnected' })
    const lost = await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
    await next('k1', true)
    lost.stream.destroy()
    expect(String((await next('k1', false)).reason)).toMatch(/[a-z]+ [a-z]+ [a-z]+/)
  })

  it('of a device on two channels ends with the last of them', async () => {
    const gateway = await startGateway(watched)
    const next = await watch(gateway)
    const token = await gateway.addDevice('k1')
    const client = await gateway.connectMqtt('k1', token)
    await next('k1', true)
    const socket = await openSocket(gateway, 'k1', token)
    await client.endAsync()
    expect(gateway.box.hooks.live?.presence('k1')).toMatchObject({ online: true })
    socket.close()
    expect(await next('k1', false)).toMatchObject({
      reason: 'the device closed the connection or was lost',
    })
  })

  it('does not lie after a restart: who has not come back is offline', async () => {
    const gateway = await startGateway(watched)
    const next = await watch(gateway)
    await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
    await openSocket(gateway, 'w1', await gateway.addDevice('w1'))
    await next('k1', true)
    await next('w1', true)
    // As after a kill: the last thing on disk is that both were there.
    const asKilled = await copyAsKilled(gateway)
    const again = await startGateway({ dataDir: asKilled, ...watched })
    const nextThere = await watch(again)
    const k1 = await nextThere('k1', false)
    expect(k1).toMatchObject({ retain: true, reason: 'the gateway restarted' })
    expect(await nextThere('w1', false)).toMatchObject({ reason: 'the gateway restarted' })
  })

  it('is not said of clients without credentials, whatever name they give', async () => {
    const gateway = await startGateway({
      config: { mqtt: { port: 0, allowAnonymous: true }, ...watched.config },
    })
    const token = await gateway.addDevice('k1')
    const stranger = await gateway.connectMqtt('k1', token, {
      username: undefined,
      password: undefined,
    })
    await expect.poll(() => gateway.box.hooks.status?.().mqttClients).toBe(1)
    expect(gateway.box.hooks.live?.presence('k1')).toBeUndefined()
    const next = await watch(gateway)
    await stranger.endAsync()
    await gateway.connectMqtt('k1', token)
    expect(await next('k1', true)).not.toHaveProperty('reason')
    expect(gateway.box.hooks.live?.presence('k1')).toMatchObject({ online: true })
  })

  it('stands in the list of devices while the gateway runs', async () => {
    const gateway = await startGateway()
    await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
    const gone = await gateway.connectMqtt('k2', await gateway.addDevice('k2'))
    await gateway.addDevice('k3')
    await gone.endAsync()
    await expect.poll(() => gateway.box.hooks.live?.presence('k2')?.online).toBe(false)
    announce(gateway)
    const list = await kefu('device', 'list', '--data', gateway.dataDir)
    const [k1, k2, k3] = JSON.parse(list.out) as Body[]
    expect(k1).toMatchObject({ id: 'k1', presence: { online: true, since: expect.any(String) } })
    expect(k2).toMatchObject({ presence: { online: false, reason: 'the client disconnected' } })
    expect(k3).not.toHaveProperty('presence')
    await gateway.close()
    const stopped = JSON.parse((await kefu('device', 'list', '--data', gateway.dataDir)).out)
    expect(stopped[0]).not.toHaveProperty('presence')
  })
})

/** The data folder as a kill at this moment would leave it. */
async function copyAsKilled(gateway: TestGateway): Promise<string> {
  await gateway.box.store.durable()
  const dir = join(tempFolder(), 'data')
  cpSync(gateway.dataDir, dir, { recursive: true, filter: (file) => !/lock/.test(file) })
  return dir
}
