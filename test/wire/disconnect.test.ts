import { expect } from 'vitest'
import { frame, hex, u8 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { type Property, properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('DISCONNECT and AUTH', ({ v4, v5, both }) => {
  both(
    ['3.14.4-1', '3.14.4-2'],
    'the server closes after DISCONNECT and says nothing',
    async (w) => {
      const client = await w.connect()
      client.send(packet.disconnect())
      await client.closedSilently()
    },
  )

  both(['3.14.4-2', '3.14.4-1'], 'packets behind DISCONNECT are not processed', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect()
    client.send(packet.disconnect(), packet.publish(w.version, w.topic(), 'late'))
    await client.ended()
    await watcher.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await watcher.receive()).toMatchObject({ payload: 'sentinel' })
  })

  for (const first of [0xe1, 0xe2, 0xef]) {
    both(['3.14.1-1', '3.14.1-1'], `first byte 0x${first.toString(16)} is malformed`, async (w) => {
      const watcher = await w.connect()
      await watcher.subscribe(w.topic(), { qos: 1 })
      const client = await w.connect({ will: { topic: w.topic(), payload: 'will', qos: 1 } })
      client.send(frame(first))
      await client.refused(code.MALFORMED_PACKET)
      expect(await watcher.receive()).toMatchObject({ payload: 'will' })
    })
  }

  v4('[MQTT-3.14.1-1] DISCONNECT of 3.1.1 has no body', async (w) => {
    const client = await w.connect()
    client.send(frame(0xe0, u8(0)))
    await client.closedSilently()
  })

  const forms: readonly [string, Buffer][] = [
    ['no reason code', frame(0xe0)],
    ['a reason code only', frame(0xe0, u8(0))],
    ['a reason code and no properties', frame(0xe0, u8(0), properties())],
    ['a Reason String', packet.disconnect(0, [['reasonString', '下班']])],
    ['user properties', packet.disconnect(0, [['userProperty', ['a', 'b']]])],
  ]
  for (const [name, bytes] of forms) {
    v5(`[MQTT-3.14.4-3] DISCONNECT with ${name} is normal and deletes the will`, async (w) => {
      const watcher = await w.connect()
      await watcher.subscribe(w.topic(), { qos: 1 })
      const client = await w.connect({ will: { topic: w.topic(), payload: 'no', qos: 1 } })
      client.send(bytes)
      await client.closedSilently()
      await watcher.publish(w.topic(), 'sentinel', { qos: 1 })
      expect(await watcher.receive()).toMatchObject({ payload: 'sentinel' })
    })
  }

  v5('[MQTT-3.14.2-1] an unlisted reason code is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.disconnect(0x55))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  const strangers: readonly Property[] = [
    ['topicAlias', 1],
    ['serverKeepAlive', 1],
    ['receiveMaximum', 1],
  ]
  for (const entry of strangers) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} does not belong into DISCONNECT`, async (w) => {
      const client = await w.connect()
      client.send(packet.disconnect(0, [entry]))
      await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  v5('[MQTT-4.13.1-1] two Session Expiry Intervals in DISCONNECT are refused', async (w) => {
    const client = await w.connect({ props: [['sessionExpiryInterval', 9]] })
    const entry = ['sessionExpiryInterval', 5] as const
    client.send(packet.disconnect(0, [entry, entry]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  v5('[MQTT-4.13.1-1] DISCONNECT with bytes behind its properties is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0xe0, u8(0), properties(), hex('00')))
    await client.refused(code.MALFORMED_PACKET)
  })

  v5('[MQTT-4.12.0-1] an unknown Authentication Method gets CONNACK 0x8C', async (w) => {
    const props = [['authenticationMethod', 'KEFU-UNKNOWN']] as const
    const client = await w.dial({ props })
    await client.connectRefused(code.BAD_AUTHENTICATION_METHOD, code.NOT_AUTHORIZED)
  })

  v5('[MQTT-4.12.0-1] an unknown method with data gets CONNACK 0x8C', async (w) => {
    const method = ['authenticationMethod', '口令'] as const
    const client = await w.dial({ props: [method, ['authenticationData', 'abc']] })
    await client.connectRefused(code.BAD_AUTHENTICATION_METHOD, code.NOT_AUTHORIZED)
  })

  v5('[MQTT-4.12.0-7] AUTH without a method in CONNECT is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.auth(0x18, [['authenticationMethod', 'SCRAM-SHA-256']]))
    await client.refused(code.PROTOCOL_ERROR, code.BAD_AUTHENTICATION_METHOD)
  })

  v5('[MQTT-4.12.1-1] re-authentication without a method in CONNECT is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.auth(0x19, [['authenticationMethod', 'SCRAM-SHA-256']]))
    await client.refused(code.PROTOCOL_ERROR, code.BAD_AUTHENTICATION_METHOD)
  })

  v5('[MQTT-3.15.2-1] AUTH with an unlisted reason code is refused', async (w) => {
    const client = await w.connect()
    client.send(packet.auth(0x55))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  v5('[MQTT-3.15.1-1] AUTH with flags is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0xf1, u8(0x18), properties()))
    await client.refused(code.MALFORMED_PACKET)
  })

  v5('[MQTT-3.1.0-1] AUTH before CONNECT ends the connection', async (w) => {
    const client = await w.open()
    client.send(packet.auth(0x18, [['authenticationMethod', 'SCRAM-SHA-256']]))
    await client.closedSilently()
  })
})
