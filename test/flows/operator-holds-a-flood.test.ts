import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

/** More than the default allows at once, in packets that a starved box too reads in a moment. */
const FLOOD = 7000
const PINGREQ = Buffer.from([0xc0, 0x00])

async function flood(gateway: TestGateway) {
  const client = await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
  let answered = 0
  client.on('packetreceive', ({ cmd }) => {
    if (cmd === 'pingresp') answered++
  })
  client.stream.write(Buffer.concat(Array<Buffer>(FLOOD).fill(PINGREQ)))
  // Acknowledged last, so all before it have been read.
  await client.publishAsync('kefu/v1/k1/event', '{"id":"last","kind":"button"}', { qos: 1 })
  const { clients } = (await runOperation('mqtt.clients', {}, gateway.box.operations)) as {
    clients: { clientId: string; counters: Record<string, number> }[]
  }
  const { heldBack } = clients.find((one) => one.clientId === 'k1')?.counters ?? {}
  return { answered, heldBack }
}

it('a device that floods a box on its defaults is held to its rate, loses nothing, and shows', async () => {
  const gateway = await startGateway({ packs: [] })
  const counters = await flood(gateway)
  expect(counters.answered).toBe(FLOOD)
  expect(counters.heldBack).toBeGreaterThan(0)
  const page = await (await fetch(`${gateway.httpUrl}/metrics`)).text()
  expect(page).toMatch(/kefu_mqtt_client_count\{client="k1",what="held_to_its_rate"\} [1-9]/)
})

it('a device that may send as much as it likes is never held', async () => {
  const mqtt = { port: 0, messagesPerSecond: 0, bytesPerSecond: 0 }
  const gateway = await startGateway({ packs: [], config: { mqtt } })
  const counters = await flood(gateway)
  expect(counters.answered).toBe(FLOOD)
  expect(counters.heldBack).toBe(0)
})
