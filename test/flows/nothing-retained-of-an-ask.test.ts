/** RETAIN on what a device tells the box: only its twin may be kept for whoever subscribes later. */
import type { MqttClient } from 'mqtt'
import { expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const topic = (name: string): string => `kefu/v1/bed-1/${name}`
const WORDS = 'my name is Li Ming'
const RETAINED = { qos: 1, retain: true } as const
const state = JSON.stringify({ state: { volume: 3 } })
const message = {
  ask: { id: 'a-1', text: WORDS, subject: { id: 'p-77', kind: 'patient' } },
  event: { id: 'e-1', kind: 'alarm', name: WORDS },
}

/** Names below the device's topics that a client is sent when it subscribes to all of them. */
async function heardLater(gateway: TestGateway, token: string): Promise<string[]> {
  const later = await gateway.connectMqtt('bed-1', token, { clientId: 'bed-1:later' })
  const heard: string[] = []
  const done = new Promise<void>((resolve) => {
    later.on('message', (name) => {
      if (name === topic('mark')) resolve()
      else heard.push(name)
    })
  })
  await later.subscribeAsync([topic('ask'), topic('event'), topic('reported'), topic('mark')])
  await gateway.broker.publish({ topic: topic('mark'), payload: 'all that is retained has come' })
  await done
  return heard
}

it('an ask that is sent with RETAIN is answered, and nobody who comes later is given it', async () => {
  const gateway = await startGateway()
  const token = await gateway.addDevice('bed-1', 'bedside')
  const will = { topic: topic('event'), payload: JSON.stringify({ ...message.event, id: 'e-2' }) }
  const bed: MqttClient = await gateway.connectMqtt('bed-1', token, {
    will: { ...will, qos: 1, retain: true },
  })
  await bed.subscribeAsync(topic('answer'), { qos: 1 })
  const answered = new Promise((resolve) => bed.once('message', resolve))
  await bed.publishAsync(topic('ask'), JSON.stringify(message.ask), RETAINED)
  await bed.publishAsync(topic('event'), JSON.stringify(message.event), RETAINED)
  await bed.publishAsync(topic('reported'), state, RETAINED)
  await answered
  bed.stream.destroy()
  await expect.poll(() => gateway.box.ledger.seen('bed-1', 'event/e-2')).toBeDefined()

  expect(await heardLater(gateway, token)).toEqual([topic('reported')])
  const kept = gateway.box.store
    .prepare<{ topic: string }>('SELECT topic FROM mqtt_retained ORDER BY topic')
    .all()
    .map((row) => row.topic)
  expect(kept).toEqual([topic('presence'), topic('reported')])
})
