import { expect } from 'vitest'
import { frame, hex, text, u16, varint } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import type { Property } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

const BAD_UTF8 = hex('c3 28')

wireSuite('PUBLISH properties', ({ v5 }) => {
  const carried: readonly [string, Property][] = [
    ['3.3.2-4', ['payloadFormatIndicator', 1]],
    ['3.3.2-4', ['payloadFormatIndicator', 0]],
    ['3.3.2-15', ['responseTopic', 'answers/here']],
    ['3.3.2-16', ['correlationData', Buffer.from([0, 255, 1, 254])]],
    ['3.3.2-16', ['correlationData', Buffer.alloc(0)]],
    ['3.3.2-20', ['contentType', 'application/json; charset=utf-8']],
    ['3.3.2-20', ['contentType', '文本']],
    ['3.3.2-17', ['userProperty', ['', '']]],
    ['3.3.2-17', ['userProperty', ['__proto__', 'constructor']]],
  ]
  for (const [statement, entry] of carried) {
    for (const qos of [0, 1, 2] as const) {
      const value = Buffer.isBuffer(entry[1]) ? entry[1].toString('hex') : entry[1]
      v5(`[MQTT-${statement}] ${entry[0]} "${value}" is handed on at QoS ${qos}`, async (w) => {
        const [from, to] = [await w.connect(), await w.connect()]
        await to.subscribe(w.topic(), { qos: 2 })
        await from.publish(w.topic(), 'text', { qos, props: [entry] })
        const message = await to.receive()
        const found = message.props.entries
        // Payload Format Indicator 0 says the same as its absence.
        if (entry[0] === 'payloadFormatIndicator' && entry[1] === 0) {
          expect([undefined, 0]).toContain(message.props.get(entry[0]))
        } else expect(found).toEqual([entry])
      })
    }
  }

  v5('[MQTT-3.3.2-18] user properties keep their order and their repetitions', async (w) => {
    const client = await w.connect()
    const pairs = ['b', 'a', 'b', 'c', 'a', 'a'].map((key, index) => [key, `${index}`] as const)
    await client.subscribe(w.topic(), { qos: 1 })
    const props = pairs.map((pair) => ['userProperty', pair] as const)
    await client.publish(w.topic(), 'x', { qos: 1, props })
    expect((await client.receive()).props.all('userProperty')).toEqual(pairs)
  })

  v5('[MQTT-3.3.2-18] interleaved properties keep the order of the user properties', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic())
    const props: Property[] = [
      ['userProperty', ['z', '1']],
      ['contentType', 'x'],
      ['userProperty', ['a', '2']],
      ['correlationData', Buffer.from('c')],
      ['userProperty', ['z', '3']],
    ]
    await client.publish(w.topic(), 'x', { props })
    const expected = [
      ['z', '1'],
      ['a', '2'],
      ['z', '3'],
    ]
    expect((await client.receive()).props.all('userProperty')).toEqual(expected)
  })

  v5('[MQTT-3.3.2-17] properties survive retention and the offline queue', async (w) => {
    const [from, clientId] = [await w.connect(), w.clientId('sleeper')]
    const session = { clientId, props: [['sessionExpiryInterval', 60]] as const }
    const sleeper = await w.connect(session)
    await sleeper.subscribe(w.topic(), { qos: 1 })
    await sleeper.disconnect()
    const props: Property[] = [
      ['payloadFormatIndicator', 1],
      ['contentType', 'text/plain'],
      ['responseTopic', 'r'],
      ['correlationData', Buffer.from('id')],
      ['userProperty', ['k', 'v']],
    ]
    await from.publish(w.topic(), 'x', { qos: 1, retain: true, props })
    const woken = await w.connect({ ...session, clean: false })
    expect(new Map((await woken.receive()).props.entries)).toEqual(new Map(props))
    const late = await w.connect()
    await late.subscribe(w.topic(), { qos: 1 })
    expect(new Map((await late.receive()).props.entries)).toEqual(new Map(props))
    await from.publish(w.topic(), '', { qos: 1, retain: true })
  })

  v5('[MQTT-3.3.2-17] an MQTT 3.1.1 subscriber gets the message without properties', async (w) => {
    const [from, old] = [await w.connect(), await w.connect({ version: 4 })]
    await old.subscribe(w.topic(), { qos: 1 })
    await from.publish(w.topic(), 'x', { qos: 1, props: [['contentType', 'text/plain']] })
    expect(await old.receive()).toMatchObject({ payload: 'x', qos: 1 })
  })

  v5('[MQTT-3.3.2-4] an MQTT 3.1.1 publisher is heard without properties', async (w) => {
    const [old, to] = [await w.connect({ version: 4 }), await w.connect()]
    await to.subscribe(w.topic(), { qos: 2 })
    await old.publish(w.topic(), 'x', { qos: 2 })
    const message = await to.receive()
    expect(message).toMatchObject({ payload: 'x', qos: 2 })
    expect(message.props.entries).toEqual([])
  })

  const once: readonly Property[] = [
    ['payloadFormatIndicator', 0],
    ['messageExpiryInterval', 9],
    ['contentType', 'x'],
    ['responseTopic', 'x'],
    ['correlationData', 'x'],
    ['topicAlias', 1],
  ]
  for (const entry of once) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} twice is a protocol error`, async (w) => {
      const client = await w.connect()
      client.send(packet.publish(5, w.topic(), 'x', { props: [entry, entry] }))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  const strangers: readonly Property[] = [
    ['sessionExpiryInterval', 1],
    ['assignedClientIdentifier', 'x'],
    ['serverKeepAlive', 1],
    ['authenticationMethod', 'x'],
    ['willDelayInterval', 1],
    ['reasonString', 'x'],
    ['receiveMaximum', 1],
    ['topicAliasMaximum', 1],
    ['maximumQos', 1],
    ['maximumPacketSize', 100],
  ]
  for (const entry of strangers) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} does not belong into PUBLISH`, async (w) => {
      const client = await w.connect()
      client.send(packet.publish(5, w.topic(), 'x', { props: [entry] }))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  v5('[MQTT-3.3.4-6] a Subscription Identifier from a client is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(5, w.topic(), 'x', { props: [['subscriptionIdentifier', 1]] }))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  const badValues: readonly [string, string, Property][] = [
    ['3.3.2-4', 'Payload Format Indicator 2', ['payloadFormatIndicator', 2]],
    ['3.3.2-13', 'a Response Topic of ill-formed UTF-8', ['responseTopic', BAD_UTF8]],
    ['3.3.2-19', 'a Content Type of ill-formed UTF-8', ['contentType', BAD_UTF8]],
    ['1.5.7-1', 'a user property of ill-formed UTF-8', ['userProperty', [BAD_UTF8, 'v']]],
    ['1.5.4-2', 'a Response Topic with U+0000', ['responseTopic', 'a\0b']],
    ['1.5.4-2', 'a Content Type with U+0000', ['contentType', 'a\0b']],
  ]
  for (const [statement, name, entry] of badValues) {
    v5(`[MQTT-${statement}] ${name} is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.publish(5, w.topic(), 'x', { props: [entry] }))
      await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
    })
  }

  for (const bad of ['a/#', '+/b', '#']) {
    v5(`[MQTT-3.3.2-14] the Response Topic ${bad} has a wildcard and is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.publish(5, w.topic(), 'x', { props: [['responseTopic', bad]] }))
      const codes = [code.PROTOCOL_ERROR, code.MALFORMED_PACKET, code.TOPIC_NAME_INVALID]
      await client.refused(...codes)
    })
  }

  const cutShort: readonly [string, Buffer][] = [
    ['an unknown property', hex('02 7e 00')],
    ['a Response Topic cut short', hex('04 08 00 05 61')],
    ['Correlation Data cut short', hex('04 09 00 09 61')],
    ['a Message Expiry Interval of three bytes', hex('04 02 00 00 01')],
    ['a property section longer than the packet', Buffer.concat([varint(200), hex('01')])],
    ['a property section that ends inside a user property', hex('05 26 00 01 61 00')],
  ]
  for (const [name, section] of cutShort) {
    v5(`[MQTT-4.13.1-1] ${name} is malformed and harms nobody else`, async (w) => {
      const [from, to] = [await w.connect(), await w.connect()]
      await to.subscribe(w.topic(), { qos: 1 })
      from.send(frame(0x32, text(w.topic()), u16(1), section))
      await from.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
      await to.publish(w.topic(), 'well', { qos: 1 })
      expect(await to.receive()).toMatchObject({ payload: 'well' })
    })
  }

  v5('[MQTT-3.3.2-15] a request is answered on its Response Topic with its data', async (w) => {
    const [asker, answerer] = [await w.connect(), await w.connect()]
    await asker.subscribe(w.topic('answers'), { qos: 1 })
    await answerer.subscribe(w.topic('asks'), { qos: 1 })
    const correlation = ['correlationData', Buffer.from('q-1')] as const
    const props: Property[] = [['responseTopic', w.topic('answers')], correlation]
    await asker.publish(w.topic('asks'), '几点关门?', { qos: 1, props })
    const ask = await answerer.receive()
    const to = String(ask.props.get('responseTopic'))
    const back = ask.props.entries.filter(([name]) => name === 'correlationData')
    await answerer.publish(to, '五点', { qos: 1, props: back })
    const answer = await asker.receive()
    expect(answer).toMatchObject({ topic: w.topic('answers'), payload: '五点' })
    expect(answer.props.entries).toEqual([correlation])
  })
})
