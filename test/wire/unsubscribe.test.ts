import { expect } from 'vitest'
import { frame, text, u16 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('UNSUBSCRIBE', ({ v5, both }) => {
  both('3.10.4-2', 'no message comes after UNSUBACK', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic('gone'), { qos: 1 })
    await client.subscribe(w.topic('kept'), { qos: 1 })
    await client.unsubscribe(w.topic('gone'))
    await client.publish(w.topic('gone'), 'no', { qos: 1 })
    await client.publish(w.topic('kept'), 'yes', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'yes' })
  })

  both(['3.10.4-4', '3.10.4-5'], 'UNSUBACK carries the identifier', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic())
    client.send(packet.unsubscribe(w.version, 0x1234, [w.topic()]))
    expect(await client.expect('unsuback')).toMatchObject({ packetId: 0x1234 })
  })

  both('3.10.4-5', 'an unknown filter is answered all the same', async (w) => {
    const client = await w.connect()
    client.send(packet.unsubscribe(w.version, 2, [w.topic('never')]))
    expect(await client.expect('unsuback')).toMatchObject({ packetId: 2 })
  })

  both('3.10.4-1', 'filters are compared letter by letter', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic('+'), { qos: 1 })
    await client.unsubscribe(w.topic('a'), w.topic('#'), w.topic('A'))
    await client.publish(w.topic('a'), 'still', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'still' })
  })

  both('3.10.4-1', 'a filter with a wildcard is removed by the same filter', async (w) => {
    const client = await w.connect()
    await client.subscribe([
      { filter: w.topic('+/x'), qos: 1 },
      { filter: w.topic('s'), qos: 1 },
    ])
    await client.unsubscribe(w.topic('+/x'))
    await client.publish(w.topic('a/x'), 'no', { qos: 1 })
    await client.publish(w.topic('s'), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both('3.10.4-6', 'several filters in one packet get one UNSUBACK', async (w) => {
    const client = await w.connect()
    await client.subscribe([{ filter: w.topic('a') }, { filter: w.topic('b') }])
    await client.unsubscribe(w.topic('a'), w.topic('b'))
    await client.ping()
    expect(client.unread).toEqual([])
  })

  both('3.10.4-3', 'a QoS 2 message under way is finished', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), 'under way', { qos: 2 })
    const { packetId } = await client.take('publish')
    await client.unsubscribe(w.topic())
    client.send(packet.ack('pubrec', packetId))
    expect(await client.take('pubrel')).toMatchObject({ packetId })
    client.send(packet.ack('pubcomp', packetId))
  })

  both('3.10.4-3', 'a QoS 1 message under way is sent again on resuming', async (w) => {
    const keep = w.version === 5 ? { props: [['sessionExpiryInterval', 60]] as const } : {}
    const session = { clientId: w.clientId(), clean: false, ...keep }
    const client = await w.connect(session)
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'under way', { qos: 1 })
    await client.take('publish')
    await client.unsubscribe(w.topic())
    await client.disconnect()
    const again = await w.connect(session)
    expect(await again.receive()).toMatchObject({ payload: 'under way', dup: true })
  })

  both('3.10.3-2', 'an UNSUBSCRIBE without filters is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.unsubscribe(w.version, 1, []))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  both(['2.3.1-1', '2.2.1-3'], 'packet identifier 0 is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.unsubscribe(w.version, 0, [w.topic()]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  for (const first of [0xa0, 0xa1, 0xa3, 0xaf]) {
    both('3.10.1-1', `first byte 0x${first.toString(16)} is malformed`, async (w) => {
      const client = await w.connect()
      const five = w.version === 5 ? [properties()] : []
      client.send(frame(first, u16(1), ...five, text(w.topic())))
      await client.refused(code.MALFORMED_PACKET)
    })
  }

  both(['4.8.0-1', '4.13.1-1'], 'a filter cut short is malformed', async (w) => {
    const client = await w.connect()
    const five = w.version === 5 ? [properties()] : []
    client.send(frame(0xa2, u16(1), ...five, u16(9), Buffer.from('abc')))
    await client.refused(code.MALFORMED_PACKET)
  })

  v5('[MQTT-3.11.3-1] UNSUBACK lists one code for each filter, in their order', async (w) => {
    const client = await w.connect()
    await client.subscribe([{ filter: w.topic('a') }, { filter: w.topic('c') }])
    const answer = await client.unsubscribe(w.topic('a'), w.topic('b'), w.topic('c'))
    expect(answer.codes).toEqual([0, code.NO_SUBSCRIPTION_EXISTED, 0])
  })

  v5('[promise-2] a filter that is malformed is refused with its reason', async (w) => {
    const client = await w.connect()
    const { codes, props } = await client.unsubscribe('a/#/b', w.topic('never'))
    expect(codes).toEqual([code.TOPIC_FILTER_INVALID, code.NO_SUBSCRIPTION_EXISTED])
    expect(props.get('reasonString')).toBe('the topic filter is malformed')
  })

  v5(
    '[MQTT-3.11.2-2] [MQTT-3.1.2-29] no reason goes where it has no room, or none is wanted',
    async (w) => {
      for (const prop of [
        ['maximumPacketSize', 20] as const,
        ['requestProblemInformation', 0] as const,
      ]) {
        const client = await w.connect({ props: [prop] })
        const { codes, props } = await client.unsubscribe('a/#/b')
        expect(codes).toEqual([code.TOPIC_FILTER_INVALID])
        expect(props.get('reasonString')).toBeUndefined()
      }
    },
  )

  v5('[MQTT-4.13.1-1] a Subscription Identifier does not belong into UNSUBSCRIBE', async (w) => {
    const client = await w.connect()
    client.send(packet.unsubscribe(5, 1, [w.topic()], [['subscriptionIdentifier', 1]]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })
})
