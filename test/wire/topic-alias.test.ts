import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

const alias = (value: number) => [['topicAlias', value]] as const

wireSuite('Topic Alias', ({ v5 }) => {
  v5('[MQTT-3.3.2-12] an alias stands for its topic', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 1 })
    await from.publish(w.topic(), 'named', { qos: 1, props: alias(1) })
    await from.publish('', 'by alias', { qos: 1, props: alias(1) })
    expect(await to.receive()).toMatchObject({ topic: w.topic(), payload: 'named' })
    expect(await to.receive()).toMatchObject({ topic: w.topic(), payload: 'by alias' })
  })

  v5('[MQTT-3.3.2-12] every alias up to the maximum is accepted', async (w) => {
    const client = await w.connect()
    const maximum = client.connack?.props.number('topicAliasMaximum') ?? 0
    expect(maximum).toBeGreaterThan(0)
    await client.subscribe(w.topic('+'), { qos: 1 })
    for (let value = 1; value <= maximum; value++) {
      await client.publish(w.topic(`${value}`), 'set', { qos: 1, props: alias(value) })
      await client.receive()
    }
    for (let value = maximum; value >= 1; value--) {
      await client.publish('', 'use', { qos: 1, props: alias(value) })
      expect(await client.receive()).toMatchObject({ topic: w.topic(`${value}`) })
    }
  })

  v5('[MQTT-3.3.2-12] an alias can be given another topic', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic('+'), { qos: 1 })
    for (const name of ['a', 'b']) {
      await client.publish(w.topic(name), 'set', { qos: 1, props: alias(2) })
      await client.receive()
      await client.publish('', 'use', { qos: 1, props: alias(2) })
      expect(await client.receive()).toMatchObject({ topic: w.topic(name) })
    }
  })

  v5('[MQTT-3.3.2-8] alias 0 is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(5, w.topic(), 'x', { props: alias(0) }))
    const codes = [code.TOPIC_ALIAS_INVALID, code.PROTOCOL_ERROR, code.MALFORMED_PACKET]
    await client.refused(...codes)
  })

  v5('[MQTT-3.3.2-9] an alias above the maximum is refused with 0x94', async (w) => {
    const client = await w.connect()
    const maximum = client.connack?.props.number('topicAliasMaximum') ?? 0
    client.send(packet.publish(5, w.topic(), 'x', { props: alias(maximum + 1) }))
    await client.refused(code.TOPIC_ALIAS_INVALID)
  })

  v5('[MQTT-3.3.2-9] alias 65535 is refused with 0x94', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(5, w.topic(), 'x', { qos: 1, props: alias(65_535) }))
    await client.refused(code.TOPIC_ALIAS_INVALID)
  })

  v5('[MQTT-4.13.1-1] an alias never set is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(5, '', 'x', { qos: 1, props: alias(3) }))
    await client.refused(code.PROTOCOL_ERROR, code.TOPIC_ALIAS_INVALID)
  })

  v5('[MQTT-3.3.2-7] aliases do not outlive the connection', async (w) => {
    const session = { clientId: w.clientId(), props: [['sessionExpiryInterval', 60]] as const }
    const first = await w.connect(session)
    await first.publish(w.topic(), 'set', { qos: 1, props: alias(1) })
    await first.disconnect()
    const again = await w.connect({ ...session, clean: false })
    again.send(packet.publish(5, '', 'x', { qos: 1, props: alias(1) }))
    await again.refused(code.PROTOCOL_ERROR, code.TOPIC_ALIAS_INVALID)
  })

  v5('[MQTT-3.3.2-7] each connection has aliases of its own', async (w) => {
    const [one, two] = [await w.connect(), await w.connect()]
    await two.subscribe(w.topic('+'), { qos: 1 })
    await one.publish(w.topic('one'), 'x', { qos: 1, props: alias(1) })
    await two.publish(w.topic('two'), 'x', { qos: 1, props: alias(1) })
    await one.publish('', 'x', { qos: 1, props: alias(1) })
    await two.receive()
    await two.receive()
    expect(await two.receive()).toMatchObject({ topic: w.topic('one') })
  })

  v5('[MQTT-3.1.2-30] the alias of the publisher is not handed on', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 1 })
    await from.publish(w.topic(), 'x', { qos: 1, props: alias(1) })
    expect((await to.receive()).props.get('topicAlias')).toBeUndefined()
  })

  v5('[MQTT-3.3.2-12] retained and queued messages keep the topic, not the alias', async (w) => {
    const from = await w.connect()
    await from.publish(w.topic(), 'set', { qos: 1, props: alias(1) })
    await from.publish('', 'kept', { qos: 1, retain: true, props: alias(1) })
    const late = await w.connect()
    await late.subscribe(w.topic(), { qos: 1 })
    const message = await late.receive()
    expect(message).toMatchObject({ topic: w.topic(), payload: 'kept', retain: true })
    expect(message.props.entries).toEqual([])
    await from.publish(w.topic(), '', { qos: 1, retain: true })
  })

  v5('[MQTT-3.1.2-30] without Topic Alias Maximum the server sends no alias', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    for (let index = 0; index < 3; index++) {
      await client.publish(w.topic(), 'x', { qos: 1 })
      const message = await client.receive()
      expect(message.topic).toBe(w.topic())
      expect(message.props.get('topicAlias')).toBeUndefined()
    }
  })

  v5('[MQTT-3.1.2-29] the server sends no alias above the client maximum', async (w) => {
    const client = await w.connect({ props: [['topicAliasMaximum', 2]] })
    await client.subscribe(w.topic('+'), { qos: 1 })
    const known = new Map<number, string>()
    for (let round = 0; round < 12; round++) {
      const topic = w.topic(`${round % 4}`)
      await client.publish(topic, 'x', { qos: 1 })
      const message = await client.receive()
      const value = message.props.number('topicAlias')
      if (value !== undefined) {
        expect(value).toBeGreaterThanOrEqual(1)
        expect(value).toBeLessThanOrEqual(2)
        if (message.topic !== '') known.set(value, message.topic)
        expect(known.get(value)).toBe(topic)
      } else expect(message.topic).toBe(topic)
    }
  })

  v5('[MQTT-3.3.2-11] the server uses an alias a client allows', async (w) => {
    const client = await w.connect({ props: [['topicAliasMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 2 })
    for (const qos of [0, 1, 2] as const) await client.publish(w.topic(), 'x', { qos })
    const messages = [await client.receive(), await client.receive(), await client.receive()]
    expect(messages.map((one) => one.props.get('topicAlias'))).toEqual([1, 1, 1])
    expect(messages.map((one) => one.topic)).toEqual([w.topic(), '', ''])
  })

  v5('[MQTT-3.3.2-7] the server forgets its aliases with the connection', async (w) => {
    const clientId = w.clientId()
    const props = [
      ['topicAliasMaximum', 5],
      ['sessionExpiryInterval', 60],
    ] as const
    const first = await w.connect({ clientId, props })
    await first.subscribe(w.topic(), { qos: 1 })
    await first.publish(w.topic(), 'x', { qos: 1 })
    await first.receive()
    await first.disconnect()
    const again = await w.connect({ clientId, clean: false, props })
    await again.publish(w.topic(), 'y', { qos: 1 })
    expect(await again.receive()).toMatchObject({ topic: w.topic(), payload: 'y' })
  })
})
