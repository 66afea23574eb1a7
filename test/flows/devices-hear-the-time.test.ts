/** The clock of the box is set while its devices are connected: they are told, and play what they should. */
import type { DeviceClient } from '@kefu-edge/device-sdk/client/api'
import { createDeviceClient, createSpeechPlayer } from '@kefu-edge/device-sdk/client/node'
import type { SpeechPlayer } from '@kefu-edge/device-sdk/client/speech-player'
import mqtt from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const HOUR_MS = 3_600_000
const open: (DeviceClient | SpeechPlayer)[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const urlOf = { MQTT: 'mqttUrl', WebSocket: 'httpUrl' } as const

describe.each(['MQTT', 'WebSocket'] as const)('over %s', (transport) => {
  /** A box whose clock is wrong by so much, and a speaker that was told so. */
  async function site(aheadMs: number) {
    let wrongMs = aheadMs
    const clock = { ...systemClock, now: () => Date.now() + wrongMs }
    const gateway = await startGateway({ overrides: { clock } })
    const token = await gateway.addDevice('s1', 'speaker')
    const address = gateway[urlOf[transport]].replace('http:', 'ws:')
    const url = transport === 'WebSocket' ? `${address}/v1/ws` : address
    const client = createDeviceClient({ deviceId: 's1', token, url })
    const played: string[] = []
    const player = createSpeechPlayer({
      gatewayTime: client.gatewayTime,
      play: async ({ text }) => void played.push(text),
      report: client.reportPlayed.bind(client),
    })
    open.push(client, player)
    client.onSpeech(player.say)
    await client.ask('几点开门')
    const setRight = () => {
      wrongMs = 0
    }
    const knowsTime = () => Math.abs((client.gatewayTime() ?? 0) - Date.now()) < 1000
    return { gateway, played, setRight, knowsTime }
  }
  const announce = (gateway: TestGateway, text: string, more: object) =>
    runOperation('announce', { devices: ['s1'], text, ...more }, gateway.box.operations)

  it('a speaker that came while the box was eight hours ahead hears emergencies and all else once it is told the time', async () => {
    const { gateway, played, setRight, knowsTime } = await site(8 * HOUR_MS)
    setRight()
    await announce(gateway, 'fire', { priority: 'critical', lang: 'en' })
    await expect.poll(() => played, { timeout: 4000 }).toEqual(['fire'])
    await expect.poll(knowsTime, { timeout: 3000 }).toBe(true)
    await announce(gateway, 'number 5', { lang: 'en' })
    await expect.poll(() => played).toEqual(['fire', 'number 5'])
  })

  it('a speaker that came while the box was half an hour behind says a reminder when it is due', async () => {
    const { gateway, played, setRight, knowsTime } = await site(-HOUR_MS / 2)
    setRight()
    await expect.poll(knowsTime, { timeout: 3000 }).toBe(true)
    const notBefore = new Date(Date.now() + 500).toISOString()
    await announce(gateway, 'your medicine', { priority: 'urgent', lang: 'en', notBefore })
    await expect.poll(() => played, { timeout: 4000 }).toEqual(['your medicine'])
  })
})

it('a speaker that lost its power with a call in flight does not play it the next morning', async () => {
  let laterMs = 0
  const clock = { ...systemClock, now: () => Date.now() + laterMs }
  const gateway = await startGateway({ overrides: { clock } })
  const token = await gateway.addDevice('s1', 'speaker')
  const before = await mqtt.connectAsync(gateway.mqttUrl, {
    clientId: 's1',
    username: 's1',
    password: token,
    clean: false,
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: { sessionExpiryInterval: 86_400 },
    // The power goes before the acknowledgement does.
    customHandleAcks: () => before.stream.destroy(),
  })
  await before.subscribeAsync('kefu/v1/s1/speech', { qos: 1 })
  const isOff = new Promise<void>((resolve) => before.once('close', resolve))
  const args = { devices: ['s1'], text: 'fire', lang: 'en', priority: 'critical' }
  await runOperation('announce', args, gateway.box.operations)
  await isOff
  before.end(true)
  laterMs = 9 * HOUR_MS
  const client = createDeviceClient({ deviceId: 's1', token, url: gateway.mqttUrl })
  const seen: string[] = []
  const player = createSpeechPlayer({
    gatewayTime: client.gatewayTime,
    play: async ({ text }) => void seen.push(text),
    report: async (_, state) => void seen.push(state),
  })
  open.push(client, player)
  client.onSpeech(player.say)
  await expect.poll(() => seen, { timeout: 6000 }).toEqual(['queued', 'skipped'])
})
