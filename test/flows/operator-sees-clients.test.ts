import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway } from '../support/gateway.ts'

type Body = Record<string, unknown>

it('an operator sees each client with its counters, and why others went or were refused', async () => {
  const gateway = await startGateway({ packs: [] })
  const { operations } = gateway.box
  const client = await gateway.connectMqtt('k1', await gateway.addDevice('k1'))
  await client.publishAsync('kefu/v1/k1/event', '{"id":"e1","kind":"button"}', { qos: 1 })
  await gateway.connectMqtt('k2', 'not the token').catch(() => undefined)
  const found = (await runOperation('mqtt.clients', { prefix: 'k' }, operations)) as {
    total: number
    clients: Body[]
  }
  expect(found.total).toBe(1)
  expect(found.clients[0]).toMatchObject({
    clientId: 'k1',
    isConnected: true,
    transport: 'tcp',
    connectedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    counters: { messagesReceived: 1, droppedQueue: 0, droppedSlow: 0 },
  })
  const ends = (await runOperation('mqtt.ends', {}, operations)) as Body[]
  expect(ends[0]).toMatchObject({ clientId: 'k2', wasRefused: true })
  expect(String(ends[0]?.reason)).toMatch(/[a-z]+ [a-z]+/)
  const totals = await runOperation('mqtt.totals', {}, operations)
  expect(totals).toMatchObject({ connected: 1, refusedConnects: 1, sharedDropped: 0 })
  // The same as on the metrics page.
  const page = await (await fetch(`${gateway.httpUrl}/metrics`)).text()
  expect(page).toContain('kefu_mqtt_connects_refused 1')
  expect(page).toMatch(/kefu_mqtt_client_count\{client="k1",what="received"\} 1/)
})
