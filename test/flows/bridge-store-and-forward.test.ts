import { describe, expect, it, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import {
  bridgeStatus,
  bridgeTo,
  connectTo,
  gatherFrom,
  numbers,
  open,
  until,
} from './bridge-support.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('a bridge to another gateway', () => {
  it('carries both ways under the prefixes, with properties, and is known by its echo', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const local = await startGateway({
      config: { ...open, bridges: [bridgeTo(remote.ports.mqtt)] },
      packs: [],
    })
    await until(() => bridgeStatus(local).state === 'connected', 'an echo')
    expect(bridgeStatus(local).roundTripMs).toBeGreaterThan(0)

    const there = await connectTo(remote.mqttUrl, 'there')
    await there.subscribeAsync('ward7/#', { qos: 1 })
    const arrived = new Promise<object>((resolve) =>
      there.on('message', (topic, payload, { properties, qos, retain }) =>
        resolve({ topic, payload: String(payload), properties, qos, retain }),
      ),
    )
    const here = await connectTo(local.mqttUrl, 'here')
    await here.publishAsync('site/temperature', '21.5', {
      qos: 1,
      properties: {
        contentType: 'text/plain',
        correlationData: Buffer.from('c1'),
        userProperties: { password: 'kept as it is' },
      },
    })
    expect(await arrived).toMatchObject({
      topic: 'ward7/site/temperature',
      payload: '21.5',
      qos: 1,
      properties: {
        contentType: 'text/plain',
        correlationData: Buffer.from('c1'),
        userProperties: { password: 'kept as it is' },
      },
    })
    await here.subscribeAsync('from-his/#', { qos: 2 })
    const back = new Promise<string>((resolve) => here.on('message', (topic) => resolve(topic)))
    await there.publishAsync('his/adt', 'A01', { qos: 2 })
    expect(await back).toBe('from-his/his/adt')
    await until(() => bridgeStatus(local).waiting === 0, 'the acknowledgement')
    expect(bridgeStatus(local)).toMatchObject({ sent: 1, received: 1, refused: 0, expired: 0 })
    const page = await (await fetch(`${local.httpUrl}/metrics`)).text()
    expect(page).toContain('kefu_bridge_connected{bridge="hospital"} 1')
    expect(page).toContain('kefu_bridge_messages{bridge="hospital",outcome="sent"} 1')
  })

  it('keeps what leaves while the other is away, in order, and says why it waits', async () => {
    const port = await freePort()
    const local = await startGateway({
      config: { ...open, bridges: [bridgeTo(port)] },
      packs: [],
    })
    const here = await connectTo(local.mqttUrl, 'here')
    const sent = numbers(120)
    const large = 'x'.repeat(200_000)
    for (const text of sent) await here.publishAsync('site/n', text, { qos: 1 })
    await here.publishAsync('site/n', large, { qos: 2 })
    await until(() => bridgeStatus(local).lastError, 'a reason')
    expect(bridgeStatus(local)).toMatchObject({
      state: 'away',
      waiting: 121,
      lastError: 'nothing listens at that address and port',
    })
    expect(local.box.ledger.balance().find((one) => one.lane === 'telemetry')?.accepted).toBe(121)

    const remote = await startGateway({
      config: { ...open, mqtt: { ...open.mqtt, port } },
      packs: [],
    })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/n')
    await until(() => got.length >= 121, 'what was kept')
    expect(got).toEqual([...sent, large])
    await until(() => bridgeStatus(local).waiting === 0, 'the acknowledgement')
  })

  it('carries user properties whatever they are called, and what comes after them', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const bridges = [bridgeTo(remote.ports.mqtt)]
    const local = await startGateway({ config: { ...open, bridges }, packs: [] })
    const there = await connectTo(remote.mqttUrl, 'there')
    await there.subscribeAsync('ward7/#', { qos: 1 })
    const got: [string, unknown][] = []
    there.on('message', (_topic, payload, { properties }) =>
      got.push([String(payload), properties?.userProperties]),
    )
    const here = await connectTo(local.mqttUrl, 'here')
    // As JSON.parse makes them: names that every JavaScript object has, and here are somebody's words.
    const named = JSON.parse('{"constructor":"Siemens","__proto__":"v2"}')
    const properties = { userProperties: named }
    await here.publishAsync('site/a', 'first', { qos: 1, properties })
    await here.publishAsync('site/a', 'second', { qos: 1 })
    await until(() => got.length >= 2, 'both messages')
    expect(got.map(([text]) => text)).toEqual(['first', 'second'])
    expect(Object.entries(got[0]?.[1] as object)).toEqual(
      expect.arrayContaining(Object.entries(named)),
    )
    await until(() => bridgeStatus(local).waiting === 0, 'the acknowledgement')
    expect(bridgeStatus(local)).toMatchObject({ sent: 2, refused: 0 })
  })

  it('carries a message with as many user properties as a client may send, and what comes after it', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const bridges = [bridgeTo(remote.ports.mqtt)]
    const local = await startGateway({ config: { ...open, bridges }, packs: [] })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/')
    const here = await connectTo(local.mqttUrl, 'here')
    const userProperties = Object.fromEntries(numbers(100).map((name) => [name, '']))
    await here.publishAsync('site/a', 'full', { qos: 1, properties: { userProperties } })
    await here.publishAsync('site/a', 'second', { qos: 1 })
    await until(() => got.length >= 2, 'both messages')
    expect(got).toEqual(['full', 'second'])
  })

  it('gives up the one message at which the other always closes the connection, and says so', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const bridge = bridgeTo(remote.ports.mqtt)
    // A gateway takes a control character in a topic for a malformed packet.
    const bad = { filter: 'bad/#', remotePrefix: '\u0001', qos: 2 }
    const bridges = [{ ...bridge, out: [bad, ...bridge.out] }]
    const local = await startGateway({ config: { ...open, bridges }, packs: [] })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/')
    const here = await connectTo(local.mqttUrl, 'here')
    await here.publishAsync('site/a', 'before', { qos: 2 })
    await here.publishAsync('bad/a', 'not taken', { qos: 2 })
    await here.publishAsync('site/a', 'after', { qos: 2 })
    await until(() => got.length >= 2, 'what is not at fault')
    await until(() => bridgeStatus(local).waiting === 0, 'the queue to be empty')
    expect(got).toEqual(['before', 'after'])
    expect(bridgeStatus(local)).toMatchObject({ sent: 2, refused: 1, expired: 0 })
  })

  it('carries a message with long Chinese properties beside its payload, and what comes after it', async () => {
    const remote = await startGateway({ config: open, packs: [] })
    const bridges = [bridgeTo(remote.ports.mqtt)]
    const local = await startGateway({ config: { ...open, bridges }, packs: [] })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/')
    const here = await connectTo(local.mqttUrl, 'here')
    const large = 'x'.repeat(32_000)
    const properties = { userProperties: { note: '病'.repeat(8000) } }
    await here.publishAsync('site/a', large, { qos: 1, properties })
    await here.publishAsync('site/a', 'second', { qos: 1 })
    await until(() => got.length >= 2, 'both messages')
    expect(got).toEqual([large, 'second'])
  })

  it('does not take what waits for expired when the clock is set, but by the time that has passed', async () => {
    const port = await freePort()
    let passedMs = 0
    let setMs = 0
    const monotonic = () => performance.now() + passedMs
    const local = await startGateway({
      config: { ...open, bridges: [bridgeTo(port)] },
      overrides: { clock: { now: () => setMs + monotonic(), monotonic } },
      packs: [],
    })
    const here = await connectTo(local.mqttUrl, 'here')
    const lasting = (messageExpiryInterval: number) => ({
      qos: 1 as const,
      properties: { messageExpiryInterval },
    })
    await here.publishAsync('site/a', 'kept', lasting(3600))
    await here.publishAsync('site/a', 'over', lasting(20))
    await until(() => bridgeStatus(local).waiting === 2, 'both to be kept')
    passedMs = 60_000
    setMs = Date.UTC(2026, 10, 28)
    const remote = await startGateway({
      config: { ...open, mqtt: { ...open.mqtt, port } },
      packs: [],
    })
    const got = await gatherFrom(remote.mqttUrl, 'ward7/#', 'ward7/site/')
    await until(() => bridgeStatus(local).waiting === 0, 'the queue to be empty')
    expect(got).toEqual(['kept'])
    expect(bridgeStatus(local)).toMatchObject({ sent: 1, expired: 1 })
  })

  it('lets nothing go round between two gateways that bridge to each other', async () => {
    const portOfB = await freePort()
    const both = (port: number, name: string) => [
      {
        name,
        url: `mqtt://127.0.0.1:${port}`,
        out: [{ filter: 'shared/#', qos: 1 }],
        in: [{ filter: 'shared/#', qos: 1 }],
      },
    ]
    const a = await startGateway({ config: { ...open, bridges: both(portOfB, 'to-b') }, packs: [] })
    const b = await startGateway({
      config: {
        ...open,
        mqtt: { ...open.mqtt, port: portOfB },
        bridges: both(a.ports.mqtt, 'to-a'),
      },
      packs: [],
    })
    await until(() => bridgeStatus(a).state === 'connected', 'a to b')
    await until(() => bridgeStatus(b).state === 'connected', 'b to a')
    const gotAtB = await gatherFrom(b.mqttUrl, 'shared/#', 'shared/')
    const here = await connectTo(a.mqttUrl, 'here')
    await here.publishAsync('shared/x', 'once round', { qos: 1 })
    await until(() => gotAtB.length > 0, 'the message')
    await until(() => bridgeStatus(a).looped + bridgeStatus(b).looped > 0, 'the loop to be cut')
    await until(() => bridgeStatus(a).waiting + bridgeStatus(b).waiting === 0, 'quiet')
    const counts = () => [bridgeStatus(a).sent, bridgeStatus(b).sent, gotAtB.length]
    const before = counts()
    // A message that went round would have done so many times by the next echo.
    await here.publishAsync('other', '', { qos: 1 })
    await until(() => bridgeStatus(a).lastEchoAt, 'time to pass')
    expect(counts()).toEqual(before)
    expect(gotAtB.length).toBeLessThanOrEqual(2)
  })
})
