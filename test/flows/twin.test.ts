import type { MqttClient } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { runOperation } from '../../gateway/console/operations.ts'
import { announce, kefu } from '../support/command.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

type Body = Record<string, unknown>
interface Seen {
  readonly body: Body
  readonly retain: boolean
}

/** What comes on one topic, one after the other. */
function listen(client: MqttClient, topic: string): () => Promise<Seen> {
  const seen: Seen[] = []
  const waiting: ((one: Seen) => void)[] = []
  client.on('message', (got, payload, { retain }) => {
    if (got !== topic) return
    const one = { body: JSON.parse(payload.toString()) as Body, retain }
    const waiter = waiting.shift()
    if (waiter) waiter(one)
    else seen.push(one)
  })
  return () =>
    new Promise((resolve) => {
      const one = seen.shift()
      if (one) resolve(one)
      else waiting.push(resolve)
    })
}

const desire = (gateway: TestGateway, args: object) =>
  runOperation('twin.desire', args, gateway.box.operations) as Promise<Body[]>
const read = async (gateway: TestGateway, device: string) =>
  ((await runOperation('twin.read', { device }, gateway.box.operations)) as Body[])[0] ?? {}

describe('the twin of a device', () => {
  it('goes to it retained, comes back as reported, and the drift is gone', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    await desire(gateway, { device: 'k1', state: { volume: 7, theme: 'dark' } })
    expect(await read(gateway, 'k1')).toMatchObject({ drift: ['theme', 'volume'] })

    const client = await gateway.connectMqtt('k1', token, { protocolVersion: 5 })
    const desired = listen(client, 'kefu/v1/k1/desired')
    await client.subscribeAsync('kefu/v1/k1/desired', { qos: 1 })
    const first = await desired()
    expect(first).toMatchObject({
      retain: true,
      body: { version: 1, state: { volume: 7, theme: 'dark' } },
    })
    const page = () => fetch(`${gateway.httpUrl}/metrics`).then((reply) => reply.text())
    expect(await page()).toContain('kefu_twin_drift_devices 1')

    const reported = { version: 1, state: { volume: 7, theme: 'dark', firmware: '2.1' } }
    const options = { qos: 1, retain: true } as const
    await client.publishAsync('kefu/v1/k1/reported', JSON.stringify(reported), options)
    expect(await read(gateway, 'k1')).toMatchObject({ drift: [], reported: reported })
    expect(await page()).toContain('kefu_twin_drift_devices 0')

    await desire(gateway, { device: 'k1', state: { volume: 3, theme: null } })
    expect(await desired()).toMatchObject({ body: { version: 2, state: { volume: 3 } } })
    expect(await read(gateway, 'k1')).toMatchObject({
      drift: ['volume'],
      fields: { volume: { desired: { value: 3, version: 2 }, reported: { value: 7, version: 1 } } },
    })
  })

  it('is the same whichever of two writers came first', async () => {
    const gateway = await startGateway()
    for (const id of ['there', 'back']) await gateway.addDevice(id)
    const writes = [
      { version: 5, state: { volume: 3, lamp: { on: true, warm: 1 } } },
      { version: 5, state: { volume: 7, lamp: { warm: 1, on: true } } },
      { version: 4, state: { volume: 1, theme: 'dark' } },
    ]
    for (const write of writes) await desire(gateway, { device: 'there', ...write })
    for (const write of writes.toReversed()) await desire(gateway, { device: 'back', ...write })
    const [there, back] = [await read(gateway, 'there'), await read(gateway, 'back')]
    expect(there.fields).toEqual(back.fields)
    expect(there.desired).toEqual({
      version: 5,
      state: { lamp: { on: true, warm: 1 }, theme: 'dark', volume: 7 },
    })
  })

  it('reaches a device on a WebSocket after its welcome, and again at each change', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('w1')
    await desire(gateway, { device: 'w1', state: { volume: 7 } })
    const socket = new WebSocket(`${gateway.httpUrl.replace('http', 'ws')}/v1/ws`, 'kefu.v1.json')
    const frames: Body[] = []
    const twice = new Promise<void>((resolve) =>
      socket.on('message', (data: Buffer) => {
        frames.push(JSON.parse(data.toString()) as Body)
        if (frames.length === 2) void desire(gateway, { device: 'w1', state: { volume: 2 } })
        if (frames.length === 3) resolve()
      }),
    )
    await new Promise((resolve) => socket.on('open', resolve))
    socket.send(JSON.stringify({ type: 'hello', deviceId: 'w1', token }))
    await twice
    expect(frames).toMatchObject([
      { type: 'welcome' },
      { type: 'desired', state: { volume: 7 } },
      { type: 'desired', state: { volume: 2 } },
    ])
    socket.close()
  })

  it('can be set for a whole group, by command, while no gateway runs; the start publishes it', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1', 'kiosk', ['lobby'])
    await gateway.addDevice('k2', 'kiosk', ['lobby'])
    await gateway.close()
    const set = await kefu(
      'twin',
      '--group',
      'lobby',
      'volume=4',
      'greeting=你好',
      '--data',
      gateway.dataDir,
    )
    expect(set.code).toBe(0)
    expect(JSON.parse(set.out)).toMatchObject([
      { device: 'k1', drift: ['greeting', 'volume'] },
      { device: 'k2', drift: ['greeting', 'volume'] },
    ])

    const again = await startGateway({ dataDir: gateway.dataDir })
    const client = await again.connectMqtt('k1', token)
    const desired = listen(client, 'kefu/v1/k1/desired')
    await client.subscribeAsync('kefu/v1/k1/desired')
    expect(await desired()).toMatchObject({
      retain: true,
      body: { state: { volume: 4, greeting: '你好' } },
    })
    announce(again)
    const status = await kefu('status', '--data', again.dataDir)
    expect(status.out).toContain('2 状态不一致 not as desired')
    const shown = await kefu('twin', 'k1', '--data', again.dataDir)
    expect(JSON.parse(shown.out)).toMatchObject([{ device: 'k1', desired: { version: 1 } }])
    const unknown = await kefu('twin', 'k9', 'volume=1', '--data', again.dataDir)
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('device.unknown') })
    expect((await kefu('twin')).code).toBe(2)
  })

  it.each([9_000_000_000_000_001, 2 ** 53, 1e300])(
    'takes no version that cannot be counted on from: %d is refused, later reports are kept',
    async (version) => {
      const gateway = await startGateway()
      const token = await gateway.addDevice('k1')
      const client = await gateway.connectMqtt('k1', token)
      const problem = listen(client, 'kefu/v1/k1/problem')
      await client.subscribeAsync('kefu/v1/k1/problem')
      const report = (state: object) =>
        client.publishAsync('kefu/v1/k1/reported', JSON.stringify(state), { qos: 1 })
      await report({ version, state: { volume: 1 } })
      expect(await problem()).toMatchObject({
        body: { code: 'message.invalid', field: '/version' },
      })
      await expect(
        desire(gateway, { device: 'k1', version, state: { volume: 1 } }),
      ).rejects.toThrow('/version')
      await report({ version: 9_000_000_000_000_000, state: { volume: 2 } })
      await report({ state: { volume: 3 } })
      expect(await read(gateway, 'k1')).toMatchObject({ reported: { state: { volume: 3 } } })
    },
  )

  it('is bounded, and leaves with its device', async () => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('k1')
    const wide = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, at]))
    await expect(desire(gateway, { device: 'k1', state: wide })).rejects.toMatchObject({
      code: 'twin.too-large',
    })
    await expect(
      desire(gateway, { device: 'k1', state: { text: 'x'.repeat(3000) } }),
    ).rejects.toMatchObject({ code: 'twin.too-large' })
    expect(await read(gateway, 'k1')).toMatchObject({ fields: {} })

    await desire(gateway, { device: 'k1', state: { volume: 1 } })
    await runOperation('device.remove', { id: 'k1' }, gateway.box.operations)
    expect(token).not.toBe(await gateway.addDevice('k1'))
    expect(await read(gateway, 'k1')).toMatchObject({ fields: {}, desired: { version: 0 } })
  })
})
