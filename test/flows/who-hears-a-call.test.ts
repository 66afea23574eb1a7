/** To whom a call for the nurse goes, as devices are moved, watched and fall silent while they are connected. */
import { createDeviceClient } from '@kefu-edge/device-sdk'
import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** A device of staff that listens to its speech, by the plain id or by another connection. */
async function listener(gateway: TestGateway, id: string, groups: string[] = [], clientId = id) {
  const token = await gateway.addDevice(id, 'nurse', groups)
  const client = await gateway.connectMqtt(id, token, { clientId })
  await client.subscribeAsync(`kefu/v1/${id}/speech`, { qos: 1 })
  return client
}

/** Devices that were given something to say to staff; what a bed says of its own call is not to them. */
const told = ({ box }: TestGateway) =>
  Array.from({ length: box.ledger.size() }, (_, index) => box.ledger.entryAt(index))
    .filter((entry) => entry?.kind === 'speech.announced' && !entry.deviceId?.startsWith('bed-'))
    .map((entry) => entry?.deviceId)

async function callFrom(gateway: TestGateway, bed: string) {
  const token = await gateway.addDevice(bed, 'bedside')
  return (await gateway.ask(token, { id: '1', text: '叫护士' })).body.text
}

it('a bed that is moved to another ward calls the nurse there at once, whatever it is connected by', async () => {
  const gateway = await startGateway()
  await listener(gateway, 'nurse-a', ['ward-a'])
  await listener(gateway, 'nurse-b', ['ward-b'])
  for (const [id, url] of [
    ['bed-m', gateway.mqttUrl],
    ['bed-w', `${gateway.httpUrl.replace('http', 'ws')}/v1/ws`],
  ] as const) {
    const token = await gateway.addDevice(id, 'bedside', ['ward-a'])
    const bed = createDeviceClient({ deviceId: id, token, url })
    await bed.ask('你好')
    await runOperation('device.update', { id, groups: ['ward-b'] }, gateway.box.operations)
    await bed.sendEvent({ kind: 'button', name: 'call-nurse' })
    await bed.flush()
    await bed.close()
  }
  expect(told(gateway)).toEqual(['nurse-b', 'nurse-b'])
})

it('who watches what a nurse is told is not taken for the nurse, neither then nor afterwards', async () => {
  const gateway = await startGateway()
  const watcher = await listener(gateway, 'night-nurse', [], 'night-nurse:watch')
  expect(await callFrom(gateway, 'bed-1')).toContain('按床头的红色呼叫按钮')
  await watcher.endAsync()
  expect(await callFrom(gateway, 'bed-2')).toContain('按床头的红色呼叫按钮')
})

it('a station that has unsubscribed from its speech is not said to have heard', async () => {
  const gateway = await startGateway()
  const desk = await listener(gateway, 'desk')
  await desk.subscribeAsync('kefu/v1/desk/#')
  await desk.unsubscribeAsync('kefu/v1/desk/speech')
  expect(await callFrom(gateway, 'bed-1')).toBe('好的。')
  await desk.unsubscribeAsync('kefu/v1/desk/#')
  expect(await callFrom(gateway, 'bed-2')).toContain('按床头的红色呼叫按钮')
})

it('a stranger without credentials is not the nurse whose name it gives', async () => {
  const gateway = await startGateway({ config: { mqtt: { port: 0, allowAnonymous: true } } })
  await gateway.addDevice('night-nurse', 'nurse')
  const stranger = await gateway.connectMqtt('night-nurse', '', {
    username: undefined,
    password: undefined,
  })
  await stranger.subscribeAsync('kefu/v1/night-nurse/speech', { qos: 1 })
  expect(await callFrom(gateway, 'bed-1')).toContain('按床头的红色呼叫按钮')
})

/** A new device on its WebSocket. */
async function onSocket(gateway: TestGateway, deviceId: string, kind: string) {
  const token = await gateway.addDevice(deviceId, kind)
  const url = `${gateway.httpUrl.replace('http', 'ws')}/v1/ws`
  const client = createDeviceClient({ deviceId, token, url })
  await client.ask('你好')
  return { client, token }
}

it('a nurse who confirms while the call is still played is called again by the next press', async () => {
  const gateway = await startGateway()
  const { client: bed } = await onSocket(gateway, 'bed-1', 'bedside')
  const { client: nurse } = await onSocket(gateway, 'nurse-a', 'nurse')
  const { client: other } = await onSocket(gateway, 'nurse-b', 'nurse')
  const calls: string[] = []
  nurse.onSpeech(({ id }) => {
    calls.push(id)
    for (const state of ['playing', 'acknowledged', 'played'] as const) {
      void nurse.reportPlayed(id, state)
    }
  })
  other.onSpeech(({ id }) => void other.reportPlayed(id, 'played'))
  for (const presses of [1, 2]) {
    await bed.sendEvent({ kind: 'button', name: 'call-nurse' })
    await expect.poll(() => calls.length).toBe(presses)
    await nurse.flush()
  }
  for (const client of [bed, nurse, other]) await client.close()
})

it('a nurse whose WebSocket has closed does not hear by an MQTT connection that is subscribed to other things', async () => {
  const gateway = await startGateway()
  const { client, token } = await onSocket(gateway, 'nurse-a', 'nurse')
  const mqtt = await gateway.connectMqtt('nurse-a', token)
  await mqtt.subscribeAsync('kefu/v1/nurse-a/desired')
  expect(await callFrom(gateway, 'bed-1')).toBe('好的。')
  await client.close()
  expect(await callFrom(gateway, 'bed-2')).toContain('按床头的红色呼叫按钮')
})

it('what a WebSocket was sent and did not report is said over MQTT where the device listens there too', async () => {
  let aheadMs = 0
  const clock = {
    now: () => Date.now() + aheadMs,
    monotonic: () => performance.now() + aheadMs,
  }
  const gateway = await startGateway({ overrides: { clock } })
  const { client, token } = await onSocket(gateway, 'nurse-a', 'nurse')
  const heard: string[] = []
  const mqtt = await gateway.connectMqtt('nurse-a', token)
  mqtt.on('message', (topic) => heard.push(topic))
  await mqtt.subscribeAsync('kefu/v1/nurse-a/speech', { qos: 1 })
  const lost = new Promise((resolve) => client.onSpeech(resolve))
  await callFrom(gateway, 'bed-1')
  await lost
  await client.close()
  const heardLater = () => {
    aheadMs += 500
    return heard
  }
  await expect.poll(heardLater, { timeout: 5000 }).toEqual(['kefu/v1/nurse-a/speech'])
})

it('a nurse who comes back to an MQTT session that was kept is called, also after a restart of the box', async () => {
  const dataDir = tempFolder()
  const first = await startGateway({ dataDir })
  const token = await first.addDevice('nurse-a', 'nurse')
  const kept = { clean: false, protocolVersion: 4 }
  const before = await first.connectMqtt('nurse-a', token, kept)
  await before.subscribeAsync('kefu/v1/nurse-a/speech', { qos: 1 })
  await before.endAsync()
  expect(await callFrom(first, 'bed-1')).toContain('按床头的红色呼叫按钮')
  const back = await first.connectMqtt('nurse-a', token, kept)
  expect(await callFrom(first, 'bed-2')).toBe('好的。')
  await back.endAsync()
  await first.close()
  const second = await startGateway({ dataDir })
  const heard: string[] = []
  const again = await second.connectMqtt('nurse-a', token, kept)
  again.on('message', (_topic, payload) => heard.push(JSON.parse(payload.toString()).text))
  await callFrom(second, 'bed-3')
  await expect.poll(() => heard.join()).toContain('bed-3')
})
