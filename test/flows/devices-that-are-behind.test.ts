/** Devices that sent more than may be handled by now: what holds of them when they have gone or are shut out. */
import { expect, it, onTestFinished } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway, type TestOptions } from '../support/gateway.ts'
import { WireClient } from '../support/wire/client.ts'
import { openLink } from '../support/wire/link.ts'
import * as packet from '../support/wire/packets.ts'

const ID = 'bed-1'
const EVENTS = 300

/** A gateway that handles ten messages a second, and a hand to move its time. */
async function startSlow(options: TestOptions = { packs: [] }) {
  let aheadMs = 0
  const gateway = await startGateway({
    ...options,
    config: { mqtt: { port: 0, messagesPerSecond: 10, floodShare: 1 } },
    overrides: {
      clock: { now: () => Date.now() + aheadMs, monotonic: () => performance.now() + aheadMs },
    },
  })
  const advance = (ms: number): void => {
    aheadMs += ms
    gateway.broker.runDue()
  }
  return { gateway, advance }
}

type Slow = Awaited<ReturnType<typeof startSlow>>

/** A client that has sent its CONNECT. */
async function connect(
  { ports }: TestGateway,
  clientId: string,
  token: string,
  options: Partial<packet.ConnectOptions> = {},
) {
  const address = { tcp: { host: '127.0.0.1', port: ports.mqtt }, ws: '' }
  const client = new WireClient(await openLink('tcp', address), 5, clientId)
  onTestFinished(() => client.kill())
  const login = { username: clientId, password: token }
  client.send(packet.connect({ version: 5, clientId, clean: false, ...login, ...options }))
  return client
}

const seen = ({ broker }: TestGateway, id: string) =>
  broker.connections().find(({ clientId }) => clientId === id)

/** Sends more than may be handled by now. */
async function flood(gateway: TestGateway, client: WireClient): Promise<void> {
  const { clientId } = client
  const events = Array.from({ length: EVENTS }, (_, n) =>
    packet.publish(5, `kefu/v1/${clientId}/event`, `{"id":"e-${n}","kind":"scan"}`),
  )
  client.send(...events)
  await expect.poll(() => seen(gateway, clientId)?.counters.heldBack).toBeGreaterThan(0)
}

/** The bed is in, and behind. */
async function floodFromBed(
  gateway: TestGateway,
  token: string,
  options: Partial<packet.ConnectOptions> = {},
): Promise<WireClient> {
  const bed = await connect(gateway, ID, token, options)
  await bed.expect('connack')
  await flood(gateway, bed)
  return bed
}

/** It leaves, which is seen behind what it had sent; that is still handled. */
async function leave({ gateway, advance }: Slow, client: WireClient): Promise<void> {
  client.kill()
  const hasGone = (): boolean => {
    advance(1000)
    return seen(gateway, client.clientId)?.isConnected === false
  }
  await expect.poll(hasGone, { timeout: 5000, interval: 200 }).toBe(true)
}

/** By then the gateway has read what was sent to it before. */
async function afterAll(gateway: TestGateway): Promise<void> {
  const desk = await gateway.connectMqtt('desk', await gateway.addDevice('desk'))
  const event = { id: `d-${performance.now()}`, kind: 'scan' }
  await desk.publishAsync('kefu/v1/desk/event', JSON.stringify(event), { qos: 1 })
  await desk.endAsync()
}

const shutOut = [
  ['switched off', 'device.disable', {}],
  ['removed', 'device.remove', {}],
  ['given a new token', 'device.add', { kind: 'bedside', replace: true }],
] as const

it.each(shutOut)(
  'a device that is %s while its next connection waits does not come in by what it brought before',
  async (_, operation, change) => {
    const { gateway } = await startSlow()
    const token = await gateway.addDevice(ID, 'bedside')
    await floodFromBed(gateway, token)
    const again = await connect(gateway, ID, token)
    await afterAll(gateway)
    expect(again.unread).toEqual([])
    await runOperation(operation, { id: ID, ...change }, gateway.box.operations)
    expect((await again.expect('connack')).code).toBe(0x88)
    expect(seen(gateway, ID)?.isConnected ?? false).toBe(false)
  },
)

it.each(shutOut)(
  'of a device that has gone and is %s nothing is recorded that was not handled before',
  async (_, operation, change) => {
    const slow = await startSlow()
    const { gateway, advance } = slow
    const bed = await floodFromBed(gateway, await gateway.addDevice(ID, 'bedside'))
    await leave(slow, bed)
    await runOperation(operation, { id: ID, ...change }, gateway.box.operations)
    const heard = (): number =>
      Array.from({ length: gateway.box.ledger.size() }, (_, at) =>
        gateway.box.ledger.entryAt(at),
      ).filter((entry) => entry?.deviceId === ID && entry.kind.startsWith('event.')).length
    const before = heard()
    expect(before).toBeLessThan(EVENTS / 2)
    for (let n = 0; n < 5; n++) {
      advance(1000)
      await afterAll(gateway)
    }
    expect(heard()).toBe(before)
  },
)

it('a device that said goodbye behind what it had sent is not mourned where it is switched off before that is handled', async () => {
  const slow = await startSlow()
  const { gateway } = slow
  const payload = '{"id":"lost","kind":"alarm","name":"bed lost"}'
  const will = { topic: `kefu/v1/${ID}/event`, payload }
  const bed = await floodFromBed(gateway, await gateway.addDevice(ID, 'bedside'), { will })
  bed.send(packet.disconnect())
  await leave(slow, bed)
  await runOperation('device.disable', { id: ID }, gateway.box.operations)
  await afterAll(gateway)
  expect(gateway.box.ledger.seen(ID, 'event/lost')).toBeUndefined()
})

it('a nurse station that has gone while it is behind is not said to hear a call', async () => {
  const slow = await startSlow({})
  const { gateway } = slow
  const desk = await connect(gateway, 'desk', await gateway.addDevice('desk', 'nurse'))
  await desk.expect('connack')
  await desk.subscribe('kefu/v1/desk/speech')
  const bed = await gateway.addDevice(ID, 'bedside')
  const call = async (id: string) => (await gateway.ask(bed, { id, text: '叫护士' })).body.text
  expect(await call('1')).toBe('好的。')
  await flood(gateway, desk)
  await leave(slow, desk)
  expect(await call('2')).toContain('按床头的红色呼叫按钮')
})
