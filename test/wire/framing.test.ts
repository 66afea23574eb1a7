import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { frame, hex, text, u8, u16 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Control packet format', ({ v4, v5, both }) => {
  both(['4.8.0-1', '4.13.1-1'], 'packet type 0 is malformed', async (w) => {
    const client = await w.connect()
    client.send(hex('00 00'))
    await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  v4('[MQTT-4.8.0-1] packet type 15 is reserved', async (w) => {
    const client = await w.connect()
    client.send(hex('f0 00'))
    await client.closedSilently()
  })

  const serverOnly: readonly [string, Buffer, Buffer][] = [
    ['CONNACK', hex('20 02 00 00'), hex('20 03 00 00 00')],
    ['SUBACK', hex('90 03 00 01 00'), hex('90 04 00 01 00 00')],
    ['UNSUBACK', hex('b0 02 00 01'), hex('b0 04 00 01 00 00')],
    ['PINGRESP', hex('d0 00'), hex('d0 00')],
  ]
  for (const [name, four, five] of serverOnly) {
    both(['4.8.0-1', '4.13.1-1'], `${name} from a client is a protocol error`, async (w) => {
      const client = await w.connect()
      client.send(w.version === 4 ? four : five)
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  for (const first of [0x11, 0x18, 0x1f]) {
    both(
      ['2.2.2-2', '2.1.3-1'],
      `CONNECT with first byte 0x${first.toString(16)} is malformed`,
      async (w) => {
        const client = await w.open()
        const bytes = packet.connect({ version: w.version, clientId: w.clientId() })
        bytes[0] = first
        client.send(bytes)
        await client.ended()
        expect(client.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
      },
    )
  }

  both(['4.8.0-1', '4.13.1-1'], 'bytes behind the payload of CONNECT are malformed', async (w) => {
    const client = await w.open()
    const whole = packet.connect({ version: w.version, clientId: w.clientId() })
    client.send(frame(0x10, whole.subarray(2), hex('00')))
    await client.ended()
    expect(client.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
  })

  for (const cut of [1, 6, 7, 8, 10, 12]) {
    both(
      ['3.1.4-1', '3.1.4-1'],
      `a CONNECT whose body ends after ${cut} bytes is malformed`,
      async (w) => {
        const client = await w.open()
        const whole = packet.connect({ version: w.version, clientId: w.clientId() })
        client.send(frame(0x10, whole.subarray(2, 2 + cut)))
        await client.ended()
        expect(client.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
      },
    )
  }

  both('7.1.1-1', 'a packet sent byte by byte is understood', async (w) => {
    const client = await w.open()
    const bytes = packet.connect({ version: w.version, clientId: w.clientId() })
    for (const byte of bytes) {
      client.send(u8(byte))
      await delay(1)
    }
    expect(await client.expect('connack')).toMatchObject({ code: 0 })
    for (const byte of packet.publish(w.version, w.topic(), '慢', { qos: 1, packetId: 3 })) {
      client.send(u8(byte))
      await delay(1)
    }
    expect(await client.expect('puback')).toMatchObject({ packetId: 3 })
  })

  both('7.1.1-1', 'many packets in one write are all understood', async (w) => {
    const client = await w.connect()
    const many = Array.from({ length: 200 }, (_, index) =>
      packet.publish(w.version, w.topic(), `${index}`),
    )
    await client.subscribe(w.topic())
    client.send(...many, packet.pingreq())
    for (let index = 0; index < 200; index++) {
      expect(await client.take('publish')).toMatchObject({ payload: `${index}` })
    }
    await client.take('pingresp')
  })

  both(
    ['remaining-length', '1.5.5-1'],
    'a Remaining Length in more bytes than needed',
    async (w) => {
      const client = await w.connect()
      client.send(hex('c0 80 00'))
      if (w.version === 5) {
        await client.refused(code.MALFORMED_PACKET)
        return
      }
      // 3.1.1 does not forbid the longer form: answered or closed, never left hanging.
      const answer = await client.next().catch(() => undefined)
      if (answer) expect(answer).toMatchObject({ type: 'pingresp' })
      else expect(client.closed).toBe(true)
    },
  )

  both(
    ['4.8.0-1', '4.13.1-1'],
    'bytes behind a valid packet that are garbage end it',
    async (w) => {
      const client = await w.connect()
      client.send(packet.publish(w.version, w.topic(), 'x', { qos: 1, packetId: 4 }), hex('0f 00'))
      expect(await client.take('puback')).toMatchObject({ packetId: 4 })
      await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
    },
  )

  both(['4.8.0-1', '4.13.1-1'], 'one bad client leaves the others alone', async (w) => {
    const [good, bad] = [await w.connect(), await w.connect()]
    await good.subscribe(w.topic(), { qos: 1 })
    bad.send(hex('ff ff ff ff ff ff ff ff'))
    await bad.ended()
    await good.publish(w.topic(), 'well', { qos: 1 })
    expect(await good.receive()).toMatchObject({ payload: 'well' })
  })

  both(['4.8.0-1', '4.13.1-1'], 'what a malformed packet asked for is not done', async (w) => {
    const [good, bad] = [await w.connect(), await w.connect()]
    await good.subscribe(w.topic(), { qos: 1 })
    const five = w.version === 5 ? [properties()] : []
    bad.send(frame(0x36, text(w.topic()), u16(1), ...five, Buffer.from('QoS 3')))
    await bad.ended()
    await good.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await good.receive()).toMatchObject({ payload: 'sentinel' })
  })

  v5('[MQTT-3.14.2-2] a refusal names its reason and no Session Expiry Interval', async (w) => {
    const client = await w.connect()
    client.send(hex('00 00'))
    const notice = await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
    expect(notice?.props.get('sessionExpiryInterval')).toBeUndefined()
  })
})
