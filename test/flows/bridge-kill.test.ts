import type { MqttClient } from 'mqtt'
import { describe, expect, it, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import {
  bridgeStatus,
  bridgeTo,
  connectTo,
  gatherFrom,
  kill,
  numbers,
  open,
  openCutWire,
  startGatewayProcess,
  until,
} from './bridge-support.ts'

vi.setConfig({ testTimeout: 60_000 })

/** As many at once as a gateway takes unacknowledged from a client; ends when the gateway does. */
async function publishInWindows(
  client: MqttClient,
  texts: readonly string[],
  acknowledged: string[],
): Promise<void> {
  for (let at = 0; at < texts.length; at += 50) {
    const window = texts.slice(at, at + 50).map(async (text) => {
      await client.publishAsync('site/n', text, { qos: 2 })
      acknowledged.push(text)
    })
    const settled = await Promise.allSettled(window)
    if (settled.some((one) => one.status === 'rejected')) return
  }
}

describe('a link that is cut again and again', () => {
  it('loses nothing, keeps the order, and carries QoS 2 exactly once both ways', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const wire = await openCutWire(remote.ports.mqtt, 6000)
    const local = await startGateway({
      config: { ...open, bridges: [bridgeTo(wire.port)] },
      packs: [],
    })
    await until(() => bridgeStatus(local).state === 'connected', 'an echo')
    const gotThere = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/n')
    const gotHere = await gatherFrom(local.mqttUrl, 'from-his/#', 'from-his/his/n')
    const here = await connectTo(local.mqttUrl, 'here')
    const there = await connectTo(remote.mqttUrl, 'there')
    const texts = numbers(150)
    for (const text of texts) {
      await here.publishAsync('site/n', text, { qos: 2 })
      await there.publishAsync('his/n', text, { qos: 2 })
    }
    await until(() => gotThere.length >= 150 && gotHere.length >= 150, 'all of both')
    await until(() => bridgeStatus(local).waiting === 0, 'the acknowledgements')
    expect(wire.cuts).toBeGreaterThan(2)
    expect(gotThere).toEqual(texts)
    expect(gotHere).toEqual(texts)
  })
})

describe('a gateway that is killed', () => {
  it('between commit and send has lost nothing, and sends in order', async () => {
    const port = await freePort()
    const dataDir = tempFolder()
    const first = await startGatewayProcess(dataDir, { bridges: [bridgeTo(port)] })
    const here = await connectTo(first.mqttUrl, 'here')
    const sent = numbers(60)
    await Promise.all(sent.map((text) => here.publishAsync('site/n', text, { qos: 1 })))
    await kill(first.child)

    const remote = await startGateway({
      config: { ...open, mqtt: { ...open.mqtt, port } },
      packs: [],
    })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/n')
    await startGatewayProcess(dataDir, { bridges: [bridgeTo(port)] })
    await until(() => new Set(got).size >= sent.length, 'what was kept')
    expect(got.filter((text, at) => got.indexOf(text) === at)).toEqual(sent)
  })

  it('while it sends has lost nothing; QoS 2 has arrived exactly once', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/n')
    const dataDir = tempFolder()
    const config = { bridges: [bridgeTo(remote.ports.mqtt)] }
    const acknowledged: string[] = []
    for (let round = 0; round < 2; round++) {
      const { child, mqttUrl } = await startGatewayProcess(dataDir, config)
      const before = got.length
      const here = await connectTo(mqttUrl, 'here')
      const publishing = publishInWindows(here, numbers(200, round * 200), acknowledged)
      await until(() => got.length > before + 20 + 30 * round, 'some to arrive')
      await kill(child)
      here.end(true)
      await publishing
    }
    await startGatewayProcess(dataDir, config)
    await until(() => acknowledged.every((text) => got.includes(text)), 'all that was acknowledged')
    expect(acknowledged.length).toBeGreaterThan(0)
    expect(new Set(got).size).toBe(got.length)
    const order = got.map((text) => Number(text.slice(1)))
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it('while it fetches has lost nothing, and QoS 2 has come in exactly once', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const dataDir = tempFolder()
    const config = { bridges: [bridgeTo(remote.ports.mqtt)] }
    const there = await connectTo(remote.mqttUrl, 'there')
    const keep = { clean: false, properties: { sessionExpiryInterval: 3600 } }
    const seen: string[] = []
    /** What the broker of the killed gateway sent for the first time. */
    const published: string[] = []
    for (let round = 0; round < 2; round++) {
      const { child, mqttUrl } = await startGatewayProcess(dataDir, config)
      const here = await connectTo(mqttUrl, 'here', keep, (_topic, payload, { dup }) => {
        seen.push(String(payload))
        if (!dup) published.push(String(payload))
      })
      await here.subscribeAsync('from-his/#', { qos: 1 })
      await until(
        () => remote.broker.connections().some((one) => isBridgeOf(one) && one.subscriptions > 1),
        'the bridge to subscribe',
      )
      const before = seen.length
      const publishing = Promise.all(
        numbers(60, round * 60).map((text) => there.publishAsync('his/n', text, { qos: 2 })),
      )
      if (round < 1) await until(() => seen.length > before + 5, 'some to arrive')
      else await until(() => new Set(seen).size >= 120, 'all')
      await publishing
      await kill(child)
      here.end(true)
    }
    expect([...new Set(seen)]).toEqual(numbers(120))
    expect(published.length).toBe(new Set(published).size)
  })
})

const isBridgeOf = ({ clientId, isConnected }: { clientId: string; isConnected: boolean }) =>
  isConnected && clientId.endsWith('-hospital')
