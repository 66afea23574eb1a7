/** The SDK at a box whose operator has set tight limits and rights. */
import type { DeviceClient } from '@kefu-edge/device-sdk/client/api'
import type { ConnectionState } from '@kefu-edge/device-sdk/client/connection'
import { createDeviceClient } from '@kefu-edge/device-sdk/client/node'
import type { Problem } from '@kefu-edge/device-sdk/protocol/schemas'
import { afterEach, expect, test, vi } from 'vitest'
import { startGateway } from '../support/gateway.ts'

const clients: DeviceClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})
const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 10 })

async function deviceAt(config: Record<string, unknown>) {
  const gateway = await startGateway({ config })
  const token = await gateway.addDevice('kiosk-1')
  const states: ConnectionState['kind'][] = []
  const problems: Problem[] = []
  const client = createDeviceClient({ deviceId: 'kiosk-1', token, url: gateway.mqttUrl })
  clients.push(client)
  client.onConnection((state) => states.push(state.kind))
  client.onProblem((problem) => problems.push(problem))
  return { client, states, problems }
}

test.each([1, 2, 16])(
  'a backlog and a state go out over one link where the box grants %i unacknowledged',
  async (receiveMaximum) => {
    const { client, states } = await deviceAt({ mqtt: { port: 0, receiveMaximum } })
    await client.reportState({ volume: 0.7 })
    for (let n = 0; n < 60; n++) await client.sendEvent({ kind: 'sensor', values: { n } })
    for (let n = 0; n < 6; n++) await client.sendEvent({ kind: 'button', name: 'call-nurse' })
    await client.flush()
    expect(states).toEqual(['online'])
  },
)

const denying = (name: string) => ({
  permissions: [{ kind: 'kiosk', denySubscribe: [`kefu/v1/+/${name}`] }],
})

test('a device that may not watch presence is online all the same, and is told', async () => {
  const { client, problems } = await deviceAt(denying('presence'))
  expect((await client.ask('几点开门')).inReplyTo).toBeDefined()
  expect(problems).toMatchObject([
    { code: 'client.not-subscribed', detail: 'kefu/v1/kiosk-1/presence' },
  ])
})

test('a device that would hear no speech is not online, and says why', async () => {
  const { client } = await deviceAt(denying('speech'))
  await until(() =>
    expect(client.connection).toMatchObject({
      kind: 'offline',
      reason: expect.stringContaining('kefu/v1/kiosk-1/speech'),
    }),
  )
})
