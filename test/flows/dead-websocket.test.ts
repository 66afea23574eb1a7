/** A device on the WebSocket that only listens, and a network that dies without a word. */
import { createDeviceClient } from '@kefu-edge/device-sdk/client/node'
import { afterEach, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway } from '../support/gateway.ts'
import { type FaultProxy, openFaultProxy } from '../unit/cloud-sync/support/fault-proxy.ts'
import { ManualClock } from '../unit/device-sdk/support/manual-clock.ts'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

/** A speaker whose time passes as it is told, behind a network that can die. */
async function site() {
  const gateway = await startGateway()
  const token = await gateway.addDevice('s1', 'speaker')
  const network: FaultProxy = await openFaultProxy(gateway.ports.http)
  const clock = new ManualClock()
  const url = `ws://127.0.0.1:${network.port}/v1/ws`
  const client = createDeviceClient({ deviceId: 's1', token, url, clock })
  open.push(network, client)
  const heard: string[] = []
  const states: string[] = []
  client.onSpeech(({ text }) => heard.push(text))
  client.onConnection(({ kind }) => states.push(kind))
  await expect.poll(() => client.connection.kind).toBe('online')
  const call = (text: string) =>
    runOperation('announce', { devices: ['s1'], text, lang: 'en' }, gateway.box.operations)
  return { client, network, clock, heard, states, call }
}

it('is back within a minute and hears what was announced meanwhile', async () => {
  const { client, network, clock, heard, call } = await site()
  network.set('black-hole')
  await call('fire')
  await clock.advance(40_000)
  expect(client.connection).toMatchObject({
    kind: 'offline',
    reason: expect.stringContaining('not a word'),
  })
  network.set('pass')
  await clock.advance(1000)
  await expect.poll(() => heard, { timeout: 8000 }).toEqual(['fire'])
})

it('keeps a link on which nothing is said for long, and learns the time from it', async () => {
  const { client, clock, states } = await site()
  // Half a minute after the last word, of which ten seconds have gone by in the second and third round.
  for (const quietMs of [30_000, 20_000, 20_000]) {
    const at = client.gatewayTime() ?? 0
    await clock.advance(quietMs)
    await expect.poll(() => (client.gatewayTime() ?? 0) - at).toBeLessThan(quietMs - 1000)
    await clock.advance(10_000)
  }
  expect(client.connection.kind).toBe('online')
  expect(states).not.toContain('offline')
})
