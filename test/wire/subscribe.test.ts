import { expect } from 'vitest'
import { frame, hex, text, u8, u16 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { type Property, properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('SUBSCRIBE', ({ v4, v5, both }) => {
  for (const qos of [0, 1, 2] as const) {
    both(['3.8.4-5', '3.8.4-7'], `QoS ${qos} is granted as asked`, async (w) => {
      const client = await w.connect()
      expect((await client.subscribe(w.topic(), { qos })).codes).toEqual([qos])
    })
  }

  both('3.8.4-2', 'SUBACK carries the identifier of the SUBSCRIBE', async (w) => {
    const client = await w.connect()
    client.send(packet.subscribe(w.version, 0xfffe, [{ filter: w.topic() }]))
    expect(await client.expect('suback')).toMatchObject({ packetId: 0xfffe })
  })

  both(
    ['3.9.3-1', '3.9.3-1'],
    'SUBACK lists one code for each filter, in their order',
    async (w) => {
      const client = await w.connect()
      const filters = ([2, 0, 1, 2, 1] as const).map((qos, index) => ({
        filter: w.topic(`${index}`),
        qos,
      }))
      expect((await client.subscribe(filters)).codes).toEqual([2, 0, 1, 2, 1])
    },
  )

  both(
    ['3.8.4-4', '3.8.4-5'],
    'several filters in one packet work as several packets',
    async (w) => {
      const client = await w.connect()
      await client.subscribe([
        { filter: w.topic('a'), qos: 1 },
        { filter: w.topic('b'), qos: 1 },
      ])
      await client.publish(w.topic('b'), 'to b', { qos: 1 })
      expect(await client.receive()).toMatchObject({ payload: 'to b' })
      await client.publish(w.topic('a'), 'to a', { qos: 1 })
      expect(await client.receive()).toMatchObject({ payload: 'to a' })
    },
  )

  both(['3.8.4-3', '3.8.4-3'], 'the same filter again replaces the subscription', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 0 })
    expect((await client.subscribe(w.topic(), { qos: 2 })).codes).toEqual([2])
    await client.publish(w.topic(), 'one copy', { qos: 2 })
    expect(await client.receive()).toMatchObject({ payload: 'one copy', qos: 2 })
    await client.publish(w.topic(), 'sentinel', { qos: 2 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['3.8.4-4', '3.8.4-5'],
    'the same filter twice in one packet: the last counts',
    async (w) => {
      const client = await w.connect()
      const filters = [
        { filter: w.topic(), qos: 2 },
        { filter: w.topic(), qos: 0 },
      ] as const
      expect((await client.subscribe(filters)).codes).toEqual([2, 0])
      await client.publish(w.topic(), 'x', { qos: 2 })
      expect(await client.receive()).toMatchObject({ qos: 0 })
    },
  )

  both(['3.3.5-1', '3.3.4-2'], 'overlapping filters: one copy at the highest QoS', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic('+'), { qos: 0 })
    await client.subscribe(w.topic('#'), { qos: 2 })
    await client.subscribe(w.topic('a'), { qos: 1 })
    await client.publish(w.topic('a'), 'x', { qos: 2 })
    expect(await client.receive()).toMatchObject({ payload: 'x', qos: 2 })
    await client.publish(w.topic('a'), 'sentinel', { qos: 2 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel', qos: 2 })
  })

  both(['3.9.3-2', '3.9.3-2'], 'a filter the profile forbids is refused with 0x80', async (w) => {
    const client = await w.connect()
    const filters = [
      { filter: w.topic(), qos: 1 },
      { filter: code.TOPIC_REFUSED_BY_PROFILE, qos: 2 },
      { filter: w.topic('z'), qos: 2 },
    ] as const
    expect((await client.subscribe(filters)).codes).toEqual([1, 0x80, 2])
  })

  both(['2.3.1-1', '2.2.1-3'], 'packet identifier 0 is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.subscribe(w.version, 0, [{ filter: w.topic() }]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  for (const first of [0x80, 0x81, 0x83, 0x8a, 0x8f]) {
    both('3.8.1-1', `first byte 0x${first.toString(16)} is malformed`, async (w) => {
      const client = await w.connect()
      const five = w.version === 5 ? [properties()] : []
      client.send(frame(first, u16(1), ...five, text(w.topic()), u8(0)))
      await client.refused(code.MALFORMED_PACKET)
    })
  }

  both(['3.8.3-3', '3.8.3-2'], 'a SUBSCRIBE without filters is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.subscribe(w.version, 1, []))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  both(['3.8.3-3', '3.8.3-2'], 'a filter without options is malformed', async (w) => {
    const client = await w.connect()
    const five = w.version === 5 ? [properties()] : []
    client.send(frame(0x82, u16(1), ...five, text(w.topic())))
    await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both(['4.8.0-1', '4.13.1-1'], 'a filter cut short is malformed', async (w) => {
    const client = await w.connect()
    const five = w.version === 5 ? [properties()] : []
    client.send(frame(0x82, u16(1), ...five, u16(9), Buffer.from('abc')))
    await client.refused(code.MALFORMED_PACKET)
  })

  both(['3.8.3-4', '3.8.3-5'], 'QoS 3 is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.subscribe(w.version, 1, [{ filter: w.topic(), options: 3 }]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  for (const options of [0x40, 0x80, 0xc1]) {
    both(
      ['3.8.3-4', '3.8.3-5'],
      `reserved bits 0x${options.toString(16)} are malformed`,
      async (w) => {
        const client = await w.connect()
        client.send(packet.subscribe(w.version, 1, [{ filter: w.topic(), options }]))
        await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
      },
    )
  }

  for (const options of [0x04, 0x08, 0x10, 0x20]) {
    v4(`[MQTT-3.8.3-4] options of MQTT 5 (0x${options.toString(16)}) are reserved`, async (w) => {
      const client = await w.connect()
      client.send(packet.subscribe(4, 1, [{ filter: w.topic(), options }]))
      await client.closedSilently()
    })
  }

  v5('[MQTT-3.8.3-5] Retain Handling 3 is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.subscribe(5, 1, [{ filter: w.topic(), options: 0x30 }]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  const filters = ['a/#/b', '#/a', 'a#', 'a/b#', '+a', 'a+', 'a/+b/c', 'a/b+/c', '##', '++', '']
  for (const bad of filters) {
    const wildcard = bad.includes('#')
      ? (['4.7.1-2', '4.7.1-1'] as const)
      : (['4.7.1-3', '4.7.1-2'] as const)
    const statements = bad === '' ? '4.7.3-1' : wildcard
    both(statements, `the filter "${bad}" is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.subscribe(w.version, 1, [{ filter: bad, qos: 1 }]))
      const answer = await client.next().catch(() => undefined)
      // A code for the filter or the end of the connection: both refuse it, never a grant.
      if (answer?.type === 'suback') expect([0x80, 0x8f]).toContain(answer.codes[0])
      else {
        if (answer) expect(answer).toMatchObject({ type: 'disconnect' })
        await client.ended()
      }
    })
  }

  const strangers: readonly Property[] = [
    ['payloadFormatIndicator', 1],
    ['topicAlias', 1],
    ['reasonString', 'x'],
    ['sessionExpiryInterval', 1],
    ['responseTopic', 'x'],
  ]
  for (const entry of strangers) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} does not belong into SUBSCRIBE`, async (w) => {
      const client = await w.connect()
      client.send(packet.subscribe(5, 1, [{ filter: w.topic() }], [entry]))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  v5('[MQTT-3.8.4-1] user properties are taken', async (w) => {
    const client = await w.connect()
    const props = [
      ['userProperty', ['a', 'b']],
      ['userProperty', ['a', 'c']],
    ] as const
    expect((await client.subscribe(w.topic(), { qos: 1, props })).codes).toEqual([1])
  })

  v5('[MQTT-4.13.1-1] a property section longer than the packet is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0x82, u16(1), hex('7f'), text(w.topic()), u8(0)))
    await client.refused(code.MALFORMED_PACKET)
  })

  both('3.8.4-1', 'a hundred filters in one packet are all answered', async (w) => {
    const client = await w.connect()
    const many = Array.from({ length: 100 }, (_, index) => ({ filter: w.topic(`${index}`) }))
    expect((await client.subscribe(many)).codes).toHaveLength(100)
    await client.publish(w.topic('99'), 'last')
    expect(await client.receive()).toMatchObject({ payload: 'last' })
  })
})
