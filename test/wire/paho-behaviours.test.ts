import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

/**
 * The behaviours that the Eclipse Paho interoperability suites ask of a server (10 of MQTT 3.1.1,
 * 27 of MQTT 5), each as one case: the first 10 hold for both versions. Times are shortened.
 */

const BIG_EXPIRY_S = 99_999
const USER_PAIRS = [
  ['a', '2'],
  ['c', '3'],
] as const
const USER_PROPS = USER_PAIRS.map((pair) => ['userProperty', pair] as const)

wireSuite('Paho interoperability, both versions', ({ both }) => {
  both('paho-basic', 'connect, reconnect, own messages at each QoS, wrong CONNECTs', async (w) => {
    const clientId = w.clientId()
    await (await w.connect({ clientId })).disconnect()
    const client = await w.connect({ clientId })
    expect(client.connack?.sessionPresent).toBe(false)
    await client.subscribe(w.topic(), { qos: 2 })
    for (const qos of [0, 1, 2] as const) await client.publish(w.topic(), `qos ${qos}`, { qos })
    const messages = await client.receiveMany(3)
    expect(messages.map((one) => one.qos)).toEqual([0, 1, 2])
    client.send(packet.connect({ version: w.version, clientId }))
    await client.ended()
    const wrongName = await w.dial({ protocolName: 'hj' })
    await wrongName.ended()
    expect(wrongName.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
  })

  both('paho-retained', 'retained at each QoS come on subscribing, then are cleared', async (w) => {
    const names = ['a', 'b', 'c'] as const
    const props = w.version === 5 ? USER_PROPS : []
    const client = await w.connect()
    for (const [qos, name] of names.entries()) {
      const options = { qos: qos as packet.Qos, retain: true, props }
      await client.publish(w.topic(name), `qos ${qos}`, options)
    }
    const reader = await w.connect()
    await reader.subscribe(w.topic('+'), { qos: 2 })
    const messages = await reader.receiveMany(3)
    expect(messages.map((one) => one.qos).sort()).toEqual([0, 1, 2])
    for (const one of messages) {
      expect(one.props.all('userProperty')).toEqual(w.version === 5 ? USER_PAIRS : [])
    }
    for (const [qos, name] of names.entries()) {
      await client.publish(w.topic(name), '', { qos: qos as packet.Qos, retain: true })
    }
    const late = await w.connect()
    await late.subscribe(w.topic('+'), { qos: 2 })
    await late.publish(w.topic('end'), 'end', { qos: 2 })
    expect(await late.receive()).toMatchObject({ payload: 'end' })
  })

  both('paho-zero-length-id', 'an empty client id: by version and clean start', async (w) => {
    const unclean = await w.dial({ clientId: '', clean: false })
    if (w.version === 4) await unclean.connectRefused(2)
    else expect(await unclean.expect('connack')).toMatchObject({ code: 0 })
    await (await w.connect({ clientId: '', clean: true })).disconnect()
  })

  both('paho-offline-queue', 'messages of QoS 1 and 2 wait, of QoS 0 may', async (w) => {
    const first = await w.connect(w.lasting(BIG_EXPIRY_S, 'away'))
    await first.subscribe(w.topic('+'), { qos: 2 })
    await first.disconnect()
    const from = await w.connect()
    for (const qos of [0, 1, 2] as const) {
      await from.publish(w.topic(`${qos}`), `qos ${qos}`, { qos })
    }
    const again = await w.connect(w.lasting(BIG_EXPIRY_S, 'away'))
    expect(again.connack?.sessionPresent).toBe(true)
    await from.publish(w.topic('end'), 'end', { qos: 2 })
    const payloads: string[] = []
    do payloads.push((await again.receive()).payload)
    while (payloads.at(-1) !== 'end')
    expect(payloads.filter((one) => one !== 'qos 0')).toEqual(['qos 1', 'qos 2', 'end'])
  })

  both('paho-overlapping', 'overlapping filters: once at QoS 2, or once for each', async (w) => {
    const client = await w.connect()
    await client.subscribe([
      { filter: w.topic('A/#'), qos: 2 },
      { filter: w.topic('A/+'), qos: 1 },
    ])
    await client.publish(w.topic('A/C'), 'overlapping', { qos: 2 })
    await client.publish(w.topic('A/C'), 'end', { qos: 2 })
    const qos: number[] = []
    for (;;) {
      const message = await client.receive()
      if (message.payload === 'end') break
      qos.push(message.qos)
    }
    expect([[2], [1, 2]]).toContainEqual(qos.sort())
  })

  both('paho-keepalive', 'a silent client is dropped and its will published', async (w) => {
    const watcher = await w.connect({ keepAlive: 0 })
    await watcher.subscribe(w.topic(), { qos: 2 })
    const will = { topic: w.topic(), payload: 'keepalive expiry' }
    const silent = await w.connect({ keepAlive: 1, will })
    expect(await watcher.receive()).toMatchObject({ payload: 'keepalive expiry' })
    await silent.ended()
  })

  both('paho-redelivery', 'what was not acknowledged comes again on reconnecting', async (w) => {
    const first = await w.connect(w.lasting(BIG_EXPIRY_S, 'paused'))
    await first.subscribe(w.topic('#'), { qos: 2 })
    await first.publish(w.topic('B'), '1', { qos: 1 })
    await first.publish(w.topic('C'), '2', { qos: 2 })
    await first.take('publish')
    await first.take('publish')
    await first.disconnect()
    const again = await w.connect(w.lasting(BIG_EXPIRY_S, 'paused'))
    const messages = await again.receiveMany(2)
    expect(messages.map((one) => one.payload)).toEqual(['1', '2'])
  })

  both('paho-subscribe-failure', 'a forbidden filter gets 0x80', async (w) => {
    const client = await w.connect()
    const answer = await client.subscribe(code.TOPIC_REFUSED_BY_PROFILE, { qos: 2 })
    expect(answer.codes).toEqual([0x80])
  })

  both('paho-dollar-topics', 'a filter with a leading wildcard passes $ topics over', async (w) => {
    const client = await w.connect()
    await client.subscribe(`+/${w.unique}`, { qos: 2 })
    await client.publish(`$wire/${w.unique}`, 'hidden', { qos: 1 })
    await client.publish(`wire/${w.unique}`, 'end', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'end' })
  })

  both('paho-unsubscribe', 'of three topics, the one unsubscribed is silent', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    for (const name of ['a', 'b', 'c']) await to.subscribe(w.topic(name), { qos: 2 })
    await to.unsubscribe(w.topic('a'))
    for (const name of ['a', 'b', 'c']) await from.publish(w.topic(name), name, { qos: 1 })
    const messages = await to.receiveMany(2)
    expect(messages.map((one) => one.payload)).toEqual(['b', 'c'])
  })
})
