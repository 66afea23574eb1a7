import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

/** More than a second's worth of the default, from a device that does not wait for anything. */
const FLOOD = 6000

async function flood(gateway: TestGateway): Promise<Record<string, number>> {
  const client = await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
  for (let n = 1; n < FLOOD; n++) client.publish('kefu/v1/k1/event', '{}')
  // The last one is acknowledged, so all before it have been read.
  await client.publishAsync('kefu/v1/k1/event', '{"id":"last","kind":"button"}', { qos: 1 })
  const { clients } = (await runOperation('mqtt.clients', {}, gateway.box.operations)) as {
    clients: { clientId: string; counters: Record<string, number> }[]
  }
  return clients.find((one) => one.clientId === 'k1')?.counters ?? {}
}

it('a device that floods a box on its defaults is held to its rate, loses nothing, and shows', async () => {
  const gateway = await startGateway({ packs: [] })
  const counters = await flood(gateway)
  expect(counters.messagesReceived).toBe(FLOOD)
  expect(counters.heldBack).toBeGreaterThan(0)
  const page = await (await fetch(`${gateway.httpUrl}/metrics`)).text()
  expect(page).toMatch(/kefu_mqtt_client_count\{client="k1",what="held_to_its_rate"\} [1-9]/)
})

it('a device that may send as much as it likes is never held', async () => {
  const mqtt = { port: 0, messagesPerSecond: 0, bytesPerSecond: 0 }
  const gateway = await startGateway({ packs: [], config: { mqtt } })
  const counters = await flood(gateway)
  expect(counters.messagesReceived).toBe(FLOOD)
  expect(counters.heldBack).toBe(0)
})
