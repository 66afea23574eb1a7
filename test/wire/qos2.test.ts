import { expect } from 'vitest'
import { frame, hex, u8, u16 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('PUBACK, PUBREC, PUBREL, PUBCOMP', ({ v4, v5, both }) => {
  both(['4.3.3-2', '4.3.3-10'], 'a PUBLISH repeated before PUBREL is delivered once', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 2 })
    const once = { qos: 2, packetId: 5 } as const
    from.send(packet.publish(w.version, w.topic(), 'once', once))
    expect(await from.expect('pubrec')).toMatchObject({ packetId: 5 })
    from.send(packet.publish(w.version, w.topic(), 'once', { ...once, dup: true }))
    expect(await from.expect('pubrec')).toMatchObject({ packetId: 5 })
    from.send(packet.ack('pubrel', 5))
    expect(await from.expect('pubcomp')).toMatchObject({ packetId: 5 })
    await from.publish(w.topic(), 'sentinel', { qos: 2, packetId: 6 })
    expect(await to.receive()).toMatchObject({ payload: 'once' })
    expect(await to.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(['4.3.3-2', '4.3.3-12'], 'after PUBCOMP the identifier is a new message', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 2 })
    for (const payload of ['one', 'two']) {
      await client.publish(w.topic(), payload, { qos: 2, packetId: 77 })
      expect(await client.receive()).toMatchObject({ payload })
    }
  })

  both(['4.3.3-2', '4.3.3-11'], 'a repeated PUBREL is answered with PUBCOMP again', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'x', { qos: 2, packetId: 3 })
    client.send(packet.ack('pubrel', 3))
    expect(await client.expect('pubcomp')).toMatchObject({ packetId: 3 })
  })

  v5('[MQTT-3.7.2-1] PUBREL of an unknown identifier gets PUBCOMP 0x92', async (w) => {
    const client = await w.connect()
    client.send(packet.ack('pubrel', 4242))
    const answer = await client.expect('pubcomp')
    expect(answer).toMatchObject({ packetId: 4242, code: code.PACKET_IDENTIFIER_NOT_FOUND })
  })

  v4('[MQTT-4.3.3-2] PUBREL of an unknown identifier gets PUBCOMP', async (w) => {
    const client = await w.connect()
    client.send(packet.ack('pubrel', 4242))
    expect(await client.expect('pubcomp')).toMatchObject({ packetId: 4242 })
  })

  both(
    ['4.3.3-1', '4.3.3-4'],
    'the server answers PUBREC with PUBREL of the same identifier',
    async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(), { qos: 2 })
      await client.publish(w.topic(), 'x', { qos: 2 })
      const message = await client.take('publish')
      client.send(packet.ack('pubrec', message.packetId))
      expect(await client.take('pubrel')).toMatchObject({ packetId: message.packetId })
      client.send(packet.ack('pubcomp', message.packetId))
      await client.ping()
    },
  )

  both(['4.3.3-1', '4.3.3-4'], 'a repeated PUBREC is answered with PUBREL again', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), 'x', { qos: 2 })
    const { packetId } = await client.take('publish')
    client.send(packet.ack('pubrec', packetId))
    await client.take('pubrel')
    client.send(packet.ack('pubrec', packetId))
    expect(await client.take('pubrel')).toMatchObject({ packetId })
  })

  for (const name of ['puback', 'pubcomp'] as const) {
    both(
      ['4.3.2-1', '3.4.2-1'],
      `${name.toUpperCase()} of an unknown identifier does no harm`,
      async (w) => {
        const client = await w.connect()
        client.send(packet.ack(name, 999), packet.pingreq())
        await client.expect('pingresp')
      },
    )
  }

  v5('[MQTT-3.6.2-1] PUBREC of an unknown identifier gets PUBREL 0x92', async (w) => {
    const client = await w.connect()
    client.send(packet.ack('pubrec', 999))
    const answer = await client.expect('pubrel')
    expect(answer).toMatchObject({ packetId: 999, code: code.PACKET_IDENTIFIER_NOT_FOUND })
  })

  v5('[MQTT-4.4.0-2] a PUBREC of 0x80 or more ends the exchange', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), 'refused', { qos: 2 })
    await client.publish(w.topic(), 'next', { qos: 2 })
    const message = await client.take('publish')
    expect(message).toMatchObject({ payload: 'refused' })
    client.send(packet.ack('pubrec', message.packetId, 0x80))
    expect(await client.receive()).toMatchObject({ payload: 'next' })
    expect(client.unread).toEqual([])
  })

  v5('[MQTT-4.4.0-2] a PUBACK of 0x80 or more ends the exchange for good', async (w) => {
    const session = { clientId: w.clientId(), props: [['sessionExpiryInterval', 60]] as const }
    const client = await w.connect(session)
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'refused', { qos: 1 })
    client.send(packet.ack('puback', (await client.take('publish')).packetId, 0x83))
    await client.ping()
    await client.disconnect()
    const again = await w.connect({ ...session, clean: false })
    await again.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await again.receive()).toMatchObject({ payload: 'sentinel' })
  })

  for (const name of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
    const title = name.toUpperCase()
    both(['2.3.1-1', '2.2.1-3'], `${title} with packet identifier 0 is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.ack(name, 0))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })

    const wrongFlags = name === 'pubrel' ? 0x60 : packet.FIRST[name] | 0x02
    const statements = name === 'pubrel' ? '3.6.1-1' : (['2.2.2-2', '2.1.3-1'] as const)
    both(statements, `${title} with wrong flags is malformed`, async (w) => {
      const client = await w.connect()
      client.send(frame(wrongFlags, u16(1)))
      await client.refused(code.MALFORMED_PACKET)
    })

    both(['4.8.0-1', '4.13.1-1'], `${title} of one byte is malformed`, async (w) => {
      const client = await w.connect()
      client.send(frame(packet.FIRST[name], hex('01')))
      await client.refused(code.MALFORMED_PACKET)
    })

    v4(`[MQTT-4.8.0-1] ${title} with a third byte is malformed`, async (w) => {
      const client = await w.connect()
      client.send(frame(packet.FIRST[name], u16(1), u8(0)))
      await client.closedSilently()
    })

    const codeStatement = {
      puback: '3.4.2-1',
      pubrec: '3.5.2-1',
      pubrel: '3.6.2-1',
      pubcomp: '3.7.2-1',
    }
    v5(
      `[MQTT-${codeStatement[name]}] ${title} with an unlisted reason code is refused`,
      async (w) => {
        const client = await w.connect()
        client.send(packet.ack(name, 1, 0x55))
        await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
      },
    )

    v5(`[MQTT-4.13.1-1] ${title} with bytes behind its properties is malformed`, async (w) => {
      const client = await w.connect()
      client.send(frame(packet.FIRST[name], u16(1), u8(0), properties(), hex('00')))
      await client.refused(code.MALFORMED_PACKET)
    })

    v5(`[MQTT-4.13.1-1] ${title} with a Topic Alias is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.ack(name, 1, 0, [['topicAlias', 1]]))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })

    v5(`[MQTT-4.13.1-1] ${title} with two Reason Strings is refused`, async (w) => {
      const client = await w.connect()
      const reason = ['reasonString', 'x'] as const
      client.send(packet.ack(name, 1, 0, [reason, reason]))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  v5(
    '[MQTT-3.4.2-1] acknowledgements with reason, string and user properties are taken',
    async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(), { qos: 2 })
      const props = [
        ['reasonString', '好'],
        ['userProperty', ['a', 'b']],
      ] as const
      await client.publish(w.topic(), 'x', { qos: 2 })
      const { packetId } = await client.take('publish')
      client.send(packet.ack('pubrec', packetId, 0, props))
      await client.take('pubrel')
      client.send(packet.ack('pubcomp', packetId, 0, props))
      await client.publish(w.topic(), 'y', { qos: 1 })
      client.send(packet.ack('puback', (await client.take('publish')).packetId, 0x10, props))
      await client.ping()
    },
  )

  v5('[MQTT-4.3.3-13] reason code with no property length is a full acknowledgement', async (w) => {
    const client = await w.connect()
    client.send(packet.publish(5, w.topic(), 'x', { qos: 2, packetId: 2 }))
    await client.expect('pubrec')
    client.send(frame(0x62, u16(2), u8(0)))
    expect(await client.expect('pubcomp')).toMatchObject({ packetId: 2 })
  })
})
