import { expect } from 'vitest'
import { frame, text, u8, u16 } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { properties } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('CONNECT', ({ v4, v5, both }) => {
  const firstPackets: readonly [string, Buffer][] = [
    ['PUBLISH', packet.publish(4, 'a', 'b')],
    ['SUBSCRIBE', packet.subscribe(4, 1, [{ filter: 'a' }])],
    ['PINGREQ', packet.pingreq()],
    ['DISCONNECT', packet.disconnect()],
    ['PUBACK', packet.ack('puback', 1)],
  ]
  for (const [name, bytes] of firstPackets) {
    both('3.1.0-1', `a first packet that is ${name} ends the connection`, async (w) => {
      const client = await w.open()
      client.send(bytes)
      await client.closedSilently()
    })
  }

  both('3.1.0-2', 'a second CONNECT is a protocol error', async (w) => {
    const client = await w.connect()
    client.send(packet.connect({ version: w.version, clientId: w.clientId('again') }))
    await client.refused(code.PROTOCOL_ERROR)
  })

  both('3.2.0-2', 'a second CONNECT is not answered with a second CONNACK', async (w) => {
    const client = await w.connect()
    client.send(packet.connect({ version: w.version, clientId: client.clientId }))
    await client.refused(code.PROTOCOL_ERROR)
    expect(client.unread.map((one) => one.type)).toEqual([])
  })

  for (const name of ['hj', 'mqtt', 'MQTTT', 'MQT', '']) {
    both('3.1.2-1', `the protocol name "${name}" is not MQTT`, async (w) => {
      const client = await w.dial({ protocolName: name })
      await client.ended()
      const accepted = client.unread.some((one) => one.type === 'connack' && one.code === 0)
      expect(accepted).toBe(false)
    })
  }

  for (const level of [0, 1, 2, 6, 127, 255]) {
    v4(`[MQTT-3.1.2-2] protocol level ${level} gets return code 1 or 0x84`, async (w) => {
      const client = await w.dial({ level })
      const answer = await client.next().catch(() => undefined)
      expect(answer).toMatchObject({ type: 'connack', code: 1, sessionPresent: false })
      await client.ended()
    })
  }

  v4('[MQTT-3.1.2-1] MQTT 3.1 (MQIsdp, level 3) is served', async (w) => {
    const client = await w.connect({ version: 3 })
    const granted = await client.subscribe(w.topic(), { qos: 1 })
    expect(granted.codes).toEqual([1])
    await client.publish(w.topic(), 'old', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'old', qos: 1 })
  })

  v4('[MQTT-3.1.2-1] MQIsdp with level 4 is not a protocol', async (w) => {
    const client = await w.dial({ protocolName: 'MQIsdp' })
    await client.ended()
    expect(client.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
  })

  both('3.1.2-3', 'the reserved connect flag must be 0', async (w) => {
    const client = await w.dial({ flags: 0x03 })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  const flagRules: readonly [string, string, number][] = [
    ['3.1.2-13', 'Will QoS without Will Flag', 0x0a],
    ['3.1.2-13', 'Will QoS 2 without Will Flag', 0x12],
    ['3.1.2-15', 'Will Retain without Will Flag', 0x22],
    ['3.1.2-11', 'Will QoS and Will Retain without Will Flag', 0x32],
  ]
  for (const [statement, sentence, flags] of flagRules) {
    both(statement, `${sentence} is malformed`, async (w) => {
      const client = await w.dial({ flags })
      if (w.version === 4) await client.closedSilently()
      else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
    })
  }

  both('3.1.2-14', 'Will QoS 3 is malformed', async (w) => {
    const client = await w.dial({ flags: 0x1e, will: { topic: w.topic(), payload: 'x' } })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  v4('[MQTT-3.1.2-22] a Password Flag without User Name Flag is refused', async (w) => {
    const client = await w.dial({ password: 'secret' })
    await client.closedSilently()
  })

  v5('[MQTT-3.1.2-21] a password without a user name is allowed', async (w) => {
    const client = await w.dial({ password: 'secret' })
    const connack = await client.expect('connack')
    expect([0x00, 0x86, 0x87]).toContain(connack.code)
  })

  both('3.1.2-19', 'a User Name Flag without a user name is malformed', async (w) => {
    const client = await w.dial({ flags: 0x82 })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.1.2-18', 'a user name without User Name Flag is malformed', async (w) => {
    const client = await w.dial({ flags: 0x02, username: 'someone' })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.1.2-21', 'a Password Flag without a password is malformed', async (w) => {
    const client = await w.dial({ flags: 0xc2, username: 'someone' })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.1.2-20', 'a password without Password Flag is malformed', async (w) => {
    const client = await w.dial({ flags: 0x82, username: 'someone', password: 'secret' })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.1.2-9', 'a Will Flag without Will Topic and Message is malformed', async (w) => {
    const client = await w.dial({ flags: 0x06 })
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.1.3-3', 'a CONNECT without Client Identifier is malformed', async (w) => {
    const client = await w.open()
    const five = w.version === 5 ? [properties()] : []
    client.send(frame(0x10, text('MQTT'), u8(w.version), u8(2), u16(0), ...five))
    if (w.version === 4) await client.closedSilently()
    else await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  both('3.1.3-5', 'a Client Identifier of 23 letters and digits is allowed', async (w) => {
    const clientId = `${w.unique}ABCXYZ0123456789abcdefg`.slice(0, 23)
    const client = await w.connect({ clientId })
    await client.ping()
  })

  both('3.1.3-5', 'a Client Identifier of one letter is allowed', async (w) => {
    const clientId = w.transport === 'tcp' ? `${w.version}` : `${w.version + 3}`
    const client = await w.connect({ clientId })
    await client.ping()
  })

  both('3.1.3-4', 'a Client Identifier in Chinese is UTF-8 and keeps its session', async (w) => {
    const clientId = `病区平板${w.unique}`
    const options = { clientId, clean: false }
    const props = [['sessionExpiryInterval', 60]] as const
    const first = await w.connect(w.version === 5 ? { ...options, props } : options)
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const second = await w.connect(options)
    expect(second.connack?.sessionPresent).toBe(true)
  })

  v4('[MQTT-3.1.3-6] an empty Client Identifier with clean session is served', async (w) => {
    const client = await w.connect({ clientId: '' })
    await client.ping()
  })

  v4('[MQTT-3.1.3-8] an empty Client Identifier without clean session gets 0x02', async (w) => {
    const client = await w.dial({ clientId: '', clean: false })
    await client.connectRefused(2)
  })

  both('3.1.3-6', 'two clients with empty identifiers do not take each other over', async (w) => {
    const first = await w.connect({ clientId: '' })
    const second = await w.connect({ clientId: '' })
    await first.ping()
    await second.ping()
  })

  both(['3.1.4-5', '3.1.4-6'], 'data after a refused CONNECT is not processed', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic('#'), { qos: 1 })
    const client = await w.open()
    client.send(
      packet.connect({ version: w.version, clientId: '', clean: false, flags: 0x01 }),
      packet.publish(w.version, w.topic('leak'), 'no'),
    )
    await client.ended()
    await watcher.publish(w.topic('sentinel'), 'yes', { qos: 1 })
    expect((await watcher.receive()).topic).toBe(w.topic('sentinel'))
  })

  both(['3.1.4-4', '3.1.4-5'], 'packets sent right behind CONNECT are served', async (w) => {
    const client = await w.open()
    client.send(
      packet.connect({ version: w.version, clientId: w.clientId() }),
      packet.subscribe(w.version, 7, [{ filter: w.topic(), qos: 1 }]),
      packet.publish(w.version, w.topic(), 'early', { qos: 1, packetId: 8 }),
    )
    expect(await client.expect('connack')).toMatchObject({ code: 0 })
    expect(await client.take('suback')).toMatchObject({ packetId: 7, codes: [1] })
    expect(await client.take('puback')).toMatchObject({ packetId: 8 })
    expect(await client.receive()).toMatchObject({ payload: 'early' })
  })
})
