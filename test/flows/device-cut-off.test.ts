/** Devices that the operator shuts out while they are behind with what they sent: neither comes in nor is heard on. */
import { expect, it, onTestFinished } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { WireClient } from '../support/wire/client.ts'
import { openLink } from '../support/wire/link.ts'
import * as packet from '../support/wire/packets.ts'

const ID = 'bed-1'
const EVENTS = 300

/** A gateway that handles ten messages a second, and a hand to move its time. */
async function startSlow() {
  let aheadMs = 0
  const gateway = await startGateway({
    packs: [],
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

/** CONNECT under the id of the bed. */
async function connect({ ports }: TestGateway, token: string): Promise<WireClient> {
  const address = { tcp: { host: '127.0.0.1', port: ports.mqtt }, ws: '' }
  const client = new WireClient(await openLink('tcp', address), 5, ID)
  onTestFinished(() => client.kill())
  const login = { username: ID, password: token }
  client.send(packet.connect({ version: 5, clientId: ID, clean: false, ...login }))
  return client
}

const bedOf = ({ broker }: TestGateway) =>
  broker.connections().find(({ clientId }) => clientId === ID)

/** The bed is in, and has sent more than may be handled by now. */
async function floodFromBed(gateway: TestGateway, token: string): Promise<WireClient> {
  const bed = await connect(gateway, token)
  await bed.expect('connack')
  const events = Array.from({ length: EVENTS }, (_, n) =>
    packet.publish(5, `kefu/v1/${ID}/event`, `{"id":"e-${n}","kind":"scan"}`),
  )
  bed.send(...events)
  await expect.poll(() => bedOf(gateway)?.counters.heldBack).toBeGreaterThan(0)
  return bed
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
    const again = await connect(gateway, token)
    await afterAll(gateway)
    expect(again.unread).toEqual([])
    await runOperation(operation, { id: ID, ...change }, gateway.box.operations)
    expect((await again.expect('connack')).code).toBe(0x88)
    expect(bedOf(gateway)?.isConnected ?? false).toBe(false)
  },
)

it.each(shutOut)(
  'of a device that has gone and is %s nothing is recorded that was not handled before',
  async (_, operation, change) => {
    const { gateway, advance } = await startSlow()
    const bed = await floodFromBed(gateway, await gateway.addDevice(ID, 'bedside'))
    bed.kill()
    const hasGone = (): boolean => {
      advance(1000)
      return bedOf(gateway)?.isConnected === false
    }
    await expect.poll(hasGone, { timeout: 5000, interval: 200 }).toBe(true)
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
