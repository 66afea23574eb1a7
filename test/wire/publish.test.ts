import { expect } from 'vitest'
import { frame, text, u16 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

const QOS = [0, 1, 2] as const

wireSuite('PUBLISH', ({ v4, v5, both }) => {
  for (const published of QOS) {
    for (const granted of QOS) {
      const expected = Math.min(published, granted)
      both(
        ['3.8.4-6', '3.8.4-8'],
        `QoS ${published} to a subscription of QoS ${granted} arrives at QoS ${expected}`,
        async (w) => {
          const [from, to] = [await w.connect(), await w.connect()]
          expect((await to.subscribe(w.topic(), { qos: granted })).codes).toEqual([granted])
          await from.publish(w.topic(), '你好', { qos: published })
          const message = await to.receive()
          expect(message).toMatchObject({ topic: w.topic(), payload: '你好', qos: expected })
          expect(message).toMatchObject({ dup: false, retain: false })
        },
      )
    }
  }

  both(
    ['3.3.4-1', '4.3.2-4'],
    'QoS 1 is answered with a PUBACK of the same identifier',
    async (w) => {
      const client = await w.connect()
      client.send(packet.publish(w.version, w.topic(), 'x', { qos: 1, packetId: 0xbeef }))
      expect(await client.expect('puback')).toMatchObject({ packetId: 0xbeef })
    },
  )

  both(
    ['3.3.4-1', '4.3.3-8'],
    'QoS 2 is answered with a PUBREC of the same identifier',
    async (w) => {
      const client = await w.connect()
      client.send(packet.publish(w.version, w.topic(), 'x', { qos: 2, packetId: 0xcafe }))
      expect(await client.expect('pubrec')).toMatchObject({ packetId: 0xcafe })
    },
  )

  // The parser of these suites holds every packet to the codes of its table.
  v5(
    '[MQTT-3.4.2-1] [MQTT-3.5.2-1] what the box refuses has a code of PUBACK and PUBREC',
    async (w) => {
      const clientId = w.clientId()
      const client = await w.connect({ clientId })
      for (const qos of [1, 2] as const) {
        const answer = await client.publish(`kefu/v1/${clientId}/event`, 'x'.repeat(70_000), {
          qos,
        })
        expect(answer).toMatchObject({ code: code.PAYLOAD_FORMAT_INVALID })
      }
      await client.ping()
    },
  )

  both(['3.3.4-1', '4.3.1-1'], 'QoS 0 is not answered', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(w.version, w.topic(), 'x'), packet.pingreq())
    await client.expect('pingresp')
  })

  both('3.3.1-4', 'QoS 3 is malformed', async (w) => {
    const client = await w.connect()
    const five = w.version === 5 ? [properties()] : []
    client.send(frame(0x36, text(w.topic()), u16(1), ...five))
    await client.refused(code.MALFORMED_PACKET)
  })

  both('3.3.1-2', 'DUP at QoS 0 is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(w.version, w.topic(), 'x', { dup: true }))
    await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.3.1-3', 'DUP of the publisher is not handed on', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 2 })
    await from.publish(w.topic(), 'one', { qos: 1, dup: true })
    expect(await to.receive()).toMatchObject({ payload: 'one', dup: false })
    await from.publish(w.topic(), 'two', { qos: 2, dup: true })
    expect(await to.receive()).toMatchObject({ payload: 'two', dup: false })
  })

  for (const qos of [1, 2] as const) {
    both(['2.3.1-1', '2.2.1-3'], `packet identifier 0 at QoS ${qos} is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.publish(w.version, w.topic(), 'x', { qos, packetId: 0 }))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  for (const bad of ['#', '+', 'a/#', 'a/+/b', 'a+', 'a#b']) {
    both('3.3.2-2', `the topic name ${bad} has a wildcard and is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.publish(w.version, w.topic(bad), 'x'))
      await client.refused(code.TOPIC_NAME_INVALID, code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
    })
  }

  both('4.7.3-1', 'an empty topic name is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(w.version, '', 'x'))
    await client.refused(code.PROTOCOL_ERROR, code.TOPIC_NAME_INVALID, code.MALFORMED_PACKET)
  })

  both('3.3.2-1', 'a PUBLISH that ends inside its topic name is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0x30, u16(20), Buffer.from('short')))
    await client.refused(code.MALFORMED_PACKET)
  })

  both('3.3.2-1', 'a PUBLISH without a topic name is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0x30))
    await client.refused(code.MALFORMED_PACKET)
  })

  both(
    ['2.3.1-1', '2.2.1-3'],
    'a QoS 1 PUBLISH that ends before its identifier is malformed',
    async (w) => {
      const client = await w.connect()
      client.send(frame(0x32, text(w.topic())))
      await client.refused(code.MALFORMED_PACKET)
    },
  )

  both('payload', 'an empty payload is delivered', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), '', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: '', qos: 1 })
  })

  both('payload', 'a payload of all byte values is delivered unchanged', async (w) => {
    const client = await w.connect()
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index & 0xff))
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), bytes, { qos: 1 })
    expect((await client.receive()).bytes.equals(bytes)).toBe(true)
  })

  for (const size of [127, 128, 16_383, 16_384, 100_000]) {
    both('remaining-length', `a payload of ${size} bytes is delivered whole`, async (w) => {
      const client = await w.connect()
      const bytes = Buffer.alloc(size, 'keyu')
      await client.subscribe(w.topic(), { qos: 1 })
      await client.publish(w.topic(), bytes, { qos: 1 })
      expect((await client.receive()).bytes.equals(bytes)).toBe(true)
    })
  }

  both(
    ['4.6.0-6', '4.6.0-5'],
    'messages of one topic arrive in the order they were sent',
    async (w) => {
      const [from, to] = [await w.connect(), await w.connect()]
      await to.subscribe(w.topic(), { qos: 1 })
      const sent = Array.from({ length: 100 }, (_, index) => `${index}`)
      for (const [index, payload] of sent.entries()) {
        const options = { qos: 1, packetId: index + 1 } as const
        if (index % 10 === 0) await from.publish(w.topic(), payload, options)
        else {
          from.send(packet.publish(w.version, w.topic(), payload, options))
          await from.take('puback')
        }
      }
      const received: string[] = []
      while (received.length < sent.length) received.push((await to.receive()).payload)
      expect(received).toEqual(sent)
    },
  )

  both(['4.6.0-6', '4.6.0-5'], 'QoS 0 messages of one topic arrive in order', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic())
    const sent = Array.from({ length: 50 }, (_, index) => `${index}`)
    from.send(...sent.map((payload) => packet.publish(w.version, w.topic(), payload)))
    const received: string[] = []
    while (received.length < sent.length) received.push((await to.receive()).payload)
    expect(received).toEqual(sent)
  })

  both(['4.6.0-2', '4.6.0-2'], 'PUBACKs come in the order of the PUBLISH packets', async (w) => {
    const client = await w.connect()
    const ids = Array.from({ length: 15 }, (_, index) => 300 - index)
    client.send(
      ...ids.map((packetId) => packet.publish(w.version, w.topic(), 'x', { qos: 1, packetId })),
    )
    const acked: number[] = []
    while (acked.length < ids.length) acked.push((await client.expect('puback')).packetId)
    expect(acked).toEqual(ids)
  })

  both(
    ['4.3.2-2', '4.3.2-5'],
    'a packet identifier may be used again after its PUBACK',
    async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(), { qos: 1 })
      for (const payload of ['one', 'two', 'three']) {
        await client.publish(w.topic(), payload, { qos: 1, packetId: 9 })
        expect(await client.receive()).toMatchObject({ payload })
      }
    },
  )

  both(['4.3.2-2', '2.2.1-4'], 'unacknowledged messages have different identifiers', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 2 })
    for (let index = 0; index < 12; index++) {
      await from.publish(w.topic(), `${index}`, { qos: index % 2 === 0 ? 1 : 2 })
    }
    const ids: number[] = []
    while (ids.length < 12) ids.push((await to.take('publish')).packetId)
    expect(new Set(ids).size).toBe(12)
  })

  v5('[MQTT-3.4.2-1] QoS 1 with a subscriber is acknowledged with Success', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic())
    expect(await client.publish(w.topic(), 'x', { qos: 1 })).toMatchObject({ code: 0 })
  })

  v5('[MQTT-3.4.2-1] QoS 1 without a subscriber gets 0x00 or 0x10', async (w) => {
    const client = await w.connect()
    const answer = await client.publish(w.topic(), 'x', { qos: 1 })
    expect([0, code.NO_MATCHING_SUBSCRIBERS]).toContain(answer?.code)
  })

  v5('[MQTT-3.5.2-1] QoS 2 without a subscriber gets 0x00 or 0x10', async (w) => {
    const client = await w.connect()
    const answer = await client.publish(w.topic(), 'x', { qos: 2 })
    expect([0, code.NO_MATCHING_SUBSCRIBERS]).toContain(answer?.code)
  })

  v4('[MQTT-3.3.1-4] QoS 3 does not reach a subscriber', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 2 })
    from.send(frame(0x36, text(w.topic()), u16(1), Buffer.from('bad')))
    await from.closedSilently()
    await to.publish(w.topic(), 'good', { qos: 1 })
    expect(await to.receive()).toMatchObject({ payload: 'good' })
  })
})
