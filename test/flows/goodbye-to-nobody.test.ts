/** A device that shuts down where nobody acknowledges any more what it has sent. */
import type { DeviceClient } from '@kefu-edge/device-sdk/client/api'
import { createDeviceClient } from '@kefu-edge/device-sdk/client/node'
import { expect, test, vi } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import { type FaultProxy, openFaultProxy } from '../unit/cloud-sync/support/fault-proxy.ts'

/** A second for the goodbye, the rest for a machine that is busy. */
const SOON_MS = 4_000

const closedSoon = (client: DeviceClient) =>
  Promise.race([
    client.close().then(() => 'closed'),
    new Promise((resolve) => setTimeout(resolve, SOON_MS, 'still waits')),
  ])

async function callIntoTheVoid(): Promise<{ client: DeviceClient; network: FaultProxy }> {
  const gateway = await startGateway({ packs: [] })
  const network = await openFaultProxy(gateway.ports.mqtt)
  const client = createDeviceClient({
    deviceId: 'bed-1',
    token: await gateway.addDevice('bed-1'),
    url: `mqtt://127.0.0.1:${network.port}`,
  })
  await vi.waitFor(() => expect(client.connection.kind).toBe('online'), { timeout: 8_000 })
  network.set('black-hole')
  await client.sendEvent({ kind: 'button', name: 'call-nurse' })
  return { client, network }
}

test('it is through in a second, and what was not acknowledged stays in its queue', async () => {
  const { client, network } = await callIntoTheVoid()
  expect(await closedSoon(client)).toBe('closed')
  expect(client.waiting.messages).toBe(1)
  await network.close()
})

test('it is through at once where the link breaks while it says goodbye', async () => {
  const { client, network } = await callIntoTheVoid()
  const closed = closedSoon(client)
  await network.close()
  expect(await closed).toBe('closed')
})
