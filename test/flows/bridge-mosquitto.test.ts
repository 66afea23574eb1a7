import { describe, expect, it, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import { hasPeer } from '../support/peers.ts'
import { tempFolder } from '../support/temp-folder.ts'
import {
  bridgeStatus,
  connectTo,
  numbers,
  open,
  startMosquitto,
  stop,
  until,
} from './bridge-support.ts'

vi.setConfig({ testTimeout: 60_000 })

const bridgeTo = (port: number, more: object) => ({
  name: 'hospital',
  url: `mqtt://127.0.0.1:${port}`,
  out: [{ filter: 'site/#', remotePrefix: 'ward7/', qos: 2 }],
  in: [{ filter: 'his/#', localPrefix: 'from-his/', qos: 2 }],
  ...more,
})

describe.skipIf(!hasPeer('mosquitto'))('a bridge to Mosquitto', () => {
  it.each([5, 4] as const)('stands an outage in both directions, protocol %i', async (version) => {
    const port = await freePort()
    const dir = tempFolder()
    const first = await startMosquitto(port, dir)
    const local = await startGateway({
      config: {
        ...open,
        bridges: [bridgeTo(port, { protocolVersion: version, keepAliveSeconds: 5 })],
      },
      packs: [],
    })
    await until(() => bridgeStatus(local).state === 'connected', 'an echo')
    const here = await connectTo(local.mqttUrl, 'here')
    await here.subscribeAsync('from-his/#', { qos: 2 })
    const gotHere: string[] = []
    here.on('message', (_topic, payload) => gotHere.push(String(payload)))
    const url = `mqtt://127.0.0.1:${port}`
    const keep = { clean: false, properties: { sessionExpiryInterval: 600 } }
    const there = await connectTo(url, 'there', keep)
    await there.subscribeAsync('ward7/#', { qos: 2 })
    const gotThere: string[] = []
    const note = (_topic: string, payload: Buffer) => gotThere.push(String(payload))
    there.on('message', note)
    await here.publishAsync('site/n', 'm0', { qos: 2 })
    await there.publishAsync('his/n', 'm0', { qos: 2 })
    await until(() => gotThere.length === 1 && gotHere.length === 1, 'the first of both')

    await stop(first)
    await until(() => bridgeStatus(local).state === 'away', 'the outage')
    for (const text of numbers(80, 1)) await here.publishAsync('site/n', text, { qos: 2 })
    await startMosquitto(port, dir)
    const back = await connectTo(url, 'there', keep, note)
    await back.subscribeAsync('ward7/#', { qos: 2 })
    for (const text of numbers(20, 1)) await back.publishAsync('his/n', text, { qos: 1 })
    await until(() => gotThere.length >= 81 && gotHere.length >= 21, 'all of both')
    expect(gotThere).toEqual(numbers(81))
    expect(gotHere).toEqual(numbers(21))
  })
})
