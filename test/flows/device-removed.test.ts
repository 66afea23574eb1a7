/** What the next device of a name finds of the one that was removed: nothing. */
import type { MqttClient } from 'mqtt'
import { describe, expect, it } from 'vitest'
import { composeBox } from '../../gateway/compose.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { trainOnce } from '../support/learnt-models.ts'

const ID = 'bed-3'
const topic = (name: string): string => `kefu/v1/${ID}/${name}`
const KEPT = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } }
const alarm = Buffer.from(JSON.stringify({ id: 'lost-1', kind: 'alarm', name: 'bed lost' }))
const will = { topic: topic('event'), payload: alarm, qos: 1, retain: false }
const LATER = { ...will, properties: { willDelayInterval: 1800 } }

/** A patient has asked at bed 3, a second screen watches, both are away, and a will waits. */
async function leaveTraces(gateway: TestGateway): Promise<void> {
  const token = await gateway.addDevice(ID, 'bedside')
  const watch = { ...KEPT, clientId: `${ID}:watch` }
  const bed = await gateway.connectMqtt(ID, token, { ...KEPT, will: LATER })
  const screen = await gateway.connectMqtt(ID, token, watch)
  for (const client of [bed, screen]) {
    await client.subscribeAsync([topic('ask'), topic('answer')], { qos: 1 })
  }
  await screen.endAsync()
  const state = JSON.stringify({ state: { volume: 3 } })
  await bed.publishAsync(topic('reported'), state, { qos: 1, retain: true })
  await gateway.broker.publish({ topic: topic('ward/note'), payload: 'note', retain: true, qos: 1 })
  bed.stream.destroy()
  await expect.poll(() => connected(gateway)).toEqual([])
  await gateway.broker.publish({ topic: topic('answer'), payload: 'for the patient', qos: 1 })
}

const connected = ({ broker }: TestGateway): string[] =>
  broker
    .connections()
    .filter((one) => one.isConnected)
    .map((one) => one.clientId)

async function removeWhileRunning(gateway: TestGateway): Promise<TestGateway> {
  await runOperation('device.remove', { id: ID }, gateway.box.operations)
  return gateway
}

async function removeWhileStopped(gateway: TestGateway): Promise<TestGateway> {
  await gateway.close()
  const box = await composeBox(gateway.box.config, { train: trainOnce })
  await runOperation('device.remove', { id: ID }, box.operations)
  await box.close()
  return startGateway({ dataDir: gateway.dataDir, packs: [] })
}

/** What comes to the device before the mark. */
async function heardUntilMark(gateway: TestGateway, client: MqttClient): Promise<string[]> {
  const heard: string[] = []
  const marked = new Promise<void>((resolve) => {
    client.on('message', (name, payload) => {
      if (name === topic('mark')) resolve()
      else heard.push(`${name} ${payload}`)
    })
  })
  await client.subscribeAsync(topic('#'), { qos: 1 })
  await gateway.broker.publish({ topic: topic('mark'), payload: '', qos: 1 })
  await marked
  return heard.filter((line) => !line.startsWith(topic('presence')))
}

describe.each([
  ['while the gateway runs', removeWhileRunning],
  ['while the gateway is stopped', removeWhileStopped],
])('a device that was removed %s', (_when, remove) => {
  it('leaves no session, will, retained message or twin to the next one of its name', async () => {
    const before = await startGateway({ packs: [] })
    await leaveTraces(before)
    const gateway = await remove(before)
    expect(gateway.broker.connections().map((one) => one.clientId)).toEqual([])
    for (const table of ['mqtt_session', 'mqtt_subscription', 'mqtt_queue', 'mqtt_will', 'twin']) {
      expect([table, gateway.box.store.prepare(`SELECT * FROM ${table}`).all()]).toEqual([
        table,
        [],
      ])
    }
    const token = await gateway.addDevice(ID, 'bedside')
    const next = await gateway.connectMqtt(ID, token, KEPT)
    expect(await heardUntilMark(gateway, next)).toEqual([])
    expect(gateway.box.ledger.seen(ID, 'event/lost-1')).toBeUndefined()
  })
})

it('a device that is connected when it is removed sends no will', async () => {
  const gateway = await startGateway({ packs: [] })
  const token = await gateway.addDevice(ID, 'bedside')
  const bed = await gateway.connectMqtt(ID, token, { ...KEPT, will })
  const closed = new Promise<void>((resolve) => bed.once('close', () => resolve()))
  await runOperation('device.remove', { id: ID }, gateway.box.operations)
  await closed
  await gateway.box.store.durable()
  expect(gateway.broker.connections()).toEqual([])
  expect(gateway.box.ledger.seen(ID, 'event/lost-1')).toBeUndefined()
})
