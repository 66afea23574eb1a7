/** What a device on its WebSocket tells reaches those who listen to its topics, as over MQTT. */
import { createDeviceClient } from '@kefu-edge/device-sdk'
import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const READER = { kind: 'staff', subscribe: ['kefu/v1/+/event', 'kefu/v1/+/reported'] }

async function onSocket(gateway: TestGateway, deviceId: string) {
  const token = await gateway.addDevice(deviceId, 'bedside')
  const url = `${gateway.httpUrl.replace('http', 'ws')}/v1/ws`
  return createDeviceClient({ deviceId, token, url })
}

/** What the screen at the nurses' desk gets, by topic. */
async function screen(gateway: TestGateway) {
  const token = await gateway.addDevice('desk', 'staff')
  const client = await gateway.connectMqtt('desk', token)
  const seen: [string, Record<string, unknown>][] = []
  client.on('message', (topic, payload) => seen.push([topic, JSON.parse(payload.toString())]))
  for (const filter of READER.subscribe) await client.subscribeAsync(filter, { qos: 1 })
  return seen
}

it('an alarm and a state are on the topics of the device, and in the record once', async () => {
  const gateway = await startGateway({ config: { permissions: [READER] } })
  const seen = await screen(gateway)
  const bed = await onSocket(gateway, 'bed-1')
  const id = await bed.sendEvent({ kind: 'alarm', name: 'fall' })
  await bed.reportState({ volume: 7 })
  await bed.flush()
  await expect.poll(() => seen.length).toBe(2)
  expect(Object.fromEntries(seen)).toMatchObject({
    'kefu/v1/bed-1/event': { id, kind: 'alarm', name: 'fall' },
    'kefu/v1/bed-1/reported': { state: { volume: 7 } },
  })
  const kinds = gateway.box.ledger.entriesFrom(0, 1_000).map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'event.alarm')).toHaveLength(1)
  await bed.close()
})

it('a state is retained, and goes with its device', async () => {
  const gateway = await startGateway({ config: { permissions: [READER] } })
  const bed = await onSocket(gateway, 'bed-1')
  await bed.reportState({ volume: 7 })
  await bed.ask('你好')
  await expect.poll(() => gateway.broker.retainedTopics('kefu/v1/bed-1/reported')).toHaveLength(1)
  await bed.close()
  await runOperation('device.remove', { id: 'bed-1' }, gateway.box.operations)
  await expect.poll(() => gateway.broker.retainedTopics('kefu/v1/bed-1/#')).toEqual([])
})
