import { expect } from 'vitest'
import { hex } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

/** Largest Remaining Length four bytes can say. */
const LARGEST = hex('ff ff ff 7f')

wireSuite('Maximum Packet Size', ({ v4, v5, both }) => {
  v5('[MQTT-3.1.2-27] a message too large for the client is not sent to it', async (w) => {
    const [from, to] = [await w.connect(), await w.connect({ props: [['maximumPacketSize', 120]] })]
    await to.subscribe(w.topic(), { qos: 1 })
    await from.publish(w.topic(), 'x'.repeat(200), { qos: 1 })
    await from.publish(w.topic(), 'small', { qos: 1 })
    const message = await to.receive()
    expect(message).toMatchObject({ payload: 'small' })
    expect(message.size).toBeLessThanOrEqual(120)
  })

  v5('[MQTT-3.1.2-27] a message that just fits is sent, one byte more is not', async (w) => {
    const [from, to] = [await w.connect(), await w.connect({ props: [['maximumPacketSize', 100]] })]
    await to.subscribe(w.topic(), { qos: 1 })
    const overhead = 2 + 2 + w.topic().length + 2 + 1
    await from.publish(w.topic(), 'x'.repeat(100 - overhead + 1), { qos: 1 })
    await from.publish(w.topic(), 'y'.repeat(100 - overhead), { qos: 1 })
    const message = await to.receive()
    expect(message.payload.startsWith('y')).toBe(true)
    expect(message.size).toBe(100)
  })

  v5('[MQTT-3.1.2-28] what is too large does not take up the window', async (w) => {
    const props = [
      ['maximumPacketSize', 100],
      ['receiveMaximum', 1],
    ] as const
    const [from, to] = [await w.connect(), await w.connect({ props })]
    await to.subscribe(w.topic(), { qos: 2 })
    for (let index = 0; index < 3; index++) {
      await from.publish(w.topic(), 'x'.repeat(200), { qos: index === 0 ? 2 : 1 })
    }
    await from.publish(w.topic(), 'small', { qos: 2 })
    expect(await to.receive()).toMatchObject({ payload: 'small', qos: 2 })
  })

  v5('[MQTT-3.1.2-27] other subscribers get what is too large for one', async (w) => {
    const narrow = await w.connect({ props: [['maximumPacketSize', 100]] })
    const wide = await w.connect()
    for (const client of [narrow, wide]) await client.subscribe(w.topic(), { qos: 1 })
    await wide.publish(w.topic(), 'x'.repeat(500), { qos: 1 })
    expect((await wide.receive()).bytes).toHaveLength(500)
    await narrow.ping()
    expect(narrow.unread).toEqual([])
  })

  v5('[MQTT-3.1.2-27] retained messages too large are not sent on subscribing', async (w) => {
    const from = await w.connect()
    await from.publish(w.topic('a'), 'x'.repeat(500), { qos: 1, retain: true })
    await from.publish(w.topic('b'), 'small', { qos: 1, retain: true })
    const narrow = await w.connect({ props: [['maximumPacketSize', 100]] })
    await narrow.subscribe(w.topic('+'), { qos: 1 })
    expect(await narrow.receive()).toMatchObject({ payload: 'small' })
    for (const name of ['a', 'b']) await from.publish(w.topic(name), '', { qos: 1, retain: true })
  })

  v5('[MQTT-3.9.2-1] acknowledgements leave their extras out to fit', async (w) => {
    const client = await w.connect({ props: [['maximumPacketSize', 20]] })
    const forbidden = [{ filter: code.TOPIC_REFUSED_BY_PROFILE }]
    client.send(packet.subscribe(5, 1, forbidden))
    expect(await client.expect('suback')).toMatchObject({ codes: [0x80] })
    client.send(packet.publish(5, w.topic(), 'x', { qos: 1, packetId: 2 }))
    expect(await client.expect('puback')).toMatchObject({ packetId: 2 })
  })

  v5('[MQTT-3.1.2-24] an AUTH that is too large is not sent, and the login refused', async (w) => {
    const name = w.clientId()
    const dial = (maximumPacketSize: number) =>
      w.dial({
        props: [
          ['maximumPacketSize', maximumPacketSize],
          ['authenticationMethod', 'SCRAM-SHA-256'],
          ['authenticationData', Buffer.from(`n,,n=${name},r=fyko+d2lbbFgONRv9qkxdawL`)],
        ],
      })
    const roomy = await dial(512)
    const { props } = await roomy.expect('auth')
    expect(props.get('authenticationMethod')).toBe('SCRAM-SHA-256')
    const narrow = await dial(60)
    await narrow.connectRefused(code.PACKET_TOO_LARGE)
  })

  v5('[MQTT-3.2.2-15] a packet above the server limit is refused with 0x95', async (w) => {
    const client = await w.connect()
    const limit = client.connack?.props.number('maximumPacketSize')
    // No limit in CONNACK means the protocol's own, which the other cases cover.
    if (limit === undefined) return
    const header = Buffer.concat([hex('30'), LARGEST])
    client.send(header, Buffer.alloc(64))
    await client.refused(code.PACKET_TOO_LARGE)
  })

  v4(
    '[MQTT-4.8.0-1] a header that announces 256 MB ends or holds this connection only',
    async (w) => {
      const [big, other] = [await w.connect(), await w.connect()]
      big.send(hex('30'), LARGEST, Buffer.alloc(64))
      await other.ping()
      expect(other.closed).toBe(false)
    },
  )

  both('remaining-length', 'a Remaining Length of five bytes is malformed', async (w) => {
    const client = await w.connect()
    client.send(hex('30 ff ff ff ff 01'))
    await client.refused(code.MALFORMED_PACKET)
  })

  both(
    'remaining-length',
    'a Remaining Length of five bytes in CONNECT is malformed',
    async (w) => {
      const client = await w.open()
      client.send(hex('10 80 80 80 80 01'))
      await client.ended()
      expect(client.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
    },
  )
})
