/** MQTT clients that bring no client id, as `mosquitto_sub -u ID -P TOKEN` does: they are given one of their device. */
import { connect, type IConnackPacket, type MqttClient } from 'mqtt'
import { expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const ASSIGNED = /^bed-3:auto-[0-9a-f-]{36}$/

/** What CONNACK says to a client without an id; rejects with its code. */
function connackOf(gateway: TestGateway, options: object): Promise<[IConnackPacket, MqttClient]> {
  const client = connect(gateway.mqttUrl, { clientId: '', reconnectPeriod: 0, ...options })
  return new Promise((resolve, reject) => {
    client.on('connect', (packet) => resolve([packet, client]))
    client.on('error', (error) => {
      client.end(true)
      reject(error)
    })
  })
}

it('a client with user name and token goes by a further id of its device and hears what that may hear', async () => {
  const gateway = await startGateway({ packs: [] })
  const password = await gateway.addDevice('bed-3', 'bedside')
  const login = { username: 'bed-3', password, protocolVersion: 5 }
  const [connack, client] = await connackOf(gateway, login)
  expect(connack.properties?.assignedClientIdentifier).toMatch(ASSIGNED)
  const heard = new Promise((resolve) => client.once('message', (topic) => resolve(topic)))
  await client.subscribeAsync('kefu/v1/bed-3/speech', { qos: 1 })
  await gateway.broker.publish({ topic: 'kefu/v1/bed-3/speech', payload: '{}', qos: 1 })
  expect(await heard).toBe('kefu/v1/bed-3/speech')
  client.end(true)
})

it('a client of MQTT 3.1.1 is let in, though nothing tells it its id', async () => {
  const gateway = await startGateway({ packs: [] })
  const password = await gateway.addDevice('bed-3', 'bedside')
  const [, client] = await connackOf(gateway, { username: 'bed-3', password, protocolVersion: 4 })
  const ids = gateway.broker.connections().map((one) => one.clientId)
  expect(ids).toEqual([expect.stringMatching(ASSIGNED)])
  client.end(true)
})

it('failed logins of one device without a client id hold up no other', async () => {
  const gateway = await startGateway({ packs: [] })
  const password = await gateway.addDevice('bed-3', 'bedside')
  const wrong = { username: 'bed-4', password: 'kd_wrong', protocolVersion: 5 }
  const codes: unknown[] = []
  for (let n = 0; n < 6; n++) {
    codes.push(await connackOf(gateway, wrong).catch((error: { code?: number }) => error.code))
  }
  expect([codes[0], codes.at(-1)]).toEqual([0x86, 0x9f])
  const [{ reasonCode }, client] = await connackOf(gateway, {
    username: 'bed-3',
    password,
    protocolVersion: 5,
  })
  expect(reasonCode).toBe(0)
  client.end(true)
})
