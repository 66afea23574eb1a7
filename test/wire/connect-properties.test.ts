import { expect } from 'vitest'
import { binary, frame, hex, text, u8, u16, varint } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { type Property, properties, property } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

/** CONNECT of MQTT 5 around a property section written byte by byte. */
function connectWith(clientId: string, section: Uint8Array): Buffer {
  return frame(0x10, text('MQTT'), u8(5), u8(2), u16(0), section, text(clientId))
}

function sized(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(body.length), body])
}

wireSuite('CONNECT properties', ({ v5 }) => {
  const once: readonly Property[] = [
    ['sessionExpiryInterval', 0],
    ['receiveMaximum', 10],
    ['maximumPacketSize', 1000],
    ['topicAliasMaximum', 5],
    ['requestResponseInformation', 0],
    ['requestProblemInformation', 1],
    ['authenticationMethod', 'X'],
  ]
  for (const entry of once) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} twice is a protocol error`, async (w) => {
      const client = await w.dial({ props: [entry, entry] })
      await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  const badValues: readonly [string, Property][] = [
    ['Receive Maximum 0', ['receiveMaximum', 0]],
    ['Maximum Packet Size 0', ['maximumPacketSize', 0]],
    ['Request Response Information 2', ['requestResponseInformation', 2]],
    ['Request Problem Information 2', ['requestProblemInformation', 2]],
    ['Authentication Data without a method', ['authenticationData', 'x']],
  ]
  for (const [name, entry] of badValues) {
    v5(`[MQTT-4.13.1-1] ${name} is a protocol error`, async (w) => {
      const client = await w.dial({ props: [entry] })
      await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  const strangers: readonly Property[] = [
    ['payloadFormatIndicator', 1],
    ['messageExpiryInterval', 1],
    ['contentType', 'x'],
    ['responseTopic', 'x'],
    ['correlationData', 'x'],
    ['subscriptionIdentifier', 1],
    ['assignedClientIdentifier', 'x'],
    ['serverKeepAlive', 1],
    ['willDelayInterval', 1],
    ['responseInformation', 'x'],
    ['serverReference', 'x'],
    ['reasonString', 'x'],
    ['topicAlias', 1],
    ['maximumQos', 1],
    ['retainAvailable', 1],
    ['wildcardSubscriptionAvailable', 1],
    ['subscriptionIdentifiersAvailable', 1],
    ['sharedSubscriptionAvailable', 1],
  ]
  for (const entry of strangers) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} does not belong into CONNECT`, async (w) => {
      const client = await w.dial({ props: [entry] })
      await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  const malformed: readonly [string, Buffer][] = [
    ['property identifier 0x00', sized(hex('00'))],
    ['property identifier 0x7f', sized(hex('7f 01'))],
    ['property identifier 0x80 0x01', sized(hex('80 01 01'))],
    ['a property cut short by the section', sized(hex('11 00 00'))],
    ['a property section longer than the packet', Buffer.concat([varint(120), hex('21 00 0a')])],
    ['a property length of five bytes', hex('80 80 80 80 01')],
    ['a user property with one string', sized(hex('26'), text('key'))],
    ['a user property key of ill-formed UTF-8', sized(hex('26'), text(hex('c0 80')), text('v'))],
    ['a user property value with U+0000', sized(hex('26'), text('k'), text('a\0b'))],
  ]
  for (const [name, section] of malformed) {
    v5(`[MQTT-3.1.4-1] ${name} is malformed`, async (w) => {
      const client = await w.open()
      client.send(connectWith(w.clientId(), section))
      await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
    })
  }

  v5('[MQTT-1.5.5-1] a property length in more bytes than needed is malformed', async (w) => {
    const client = await w.open()
    client.send(connectWith(w.clientId(), hex('80 00')))
    await client.connectRefused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
  })

  v5('[MQTT-3.1.4-5] all properties of CONNECT together are accepted', async (w) => {
    const client = await w.connect({
      props: [
        ['sessionExpiryInterval', 30],
        ['receiveMaximum', 10],
        ['maximumPacketSize', 10_000],
        ['topicAliasMaximum', 5],
        ['requestResponseInformation', 1],
        ['requestProblemInformation', 0],
        ['userProperty', ['a', '1']],
        ['userProperty', ['a', '2']],
      ],
    })
    await client.ping()
  })

  const willStrangers: readonly Property[] = [
    ['sessionExpiryInterval', 1],
    ['topicAlias', 1],
    ['subscriptionIdentifier', 1],
    ['receiveMaximum', 1],
    ['reasonString', 'x'],
  ]
  for (const entry of willStrangers) {
    v5(`[MQTT-4.13.1-1] ${entry[0]} does not belong to a will`, async (w) => {
      const client = await w.dial({ will: { topic: w.topic(), props: [entry] } })
      await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  const willOnce: readonly Property[] = [
    ['willDelayInterval', 1],
    ['payloadFormatIndicator', 0],
    ['messageExpiryInterval', 1],
    ['contentType', 'x'],
    ['responseTopic', 'x'],
    ['correlationData', 'x'],
  ]
  for (const entry of willOnce) {
    v5(`[MQTT-3.1.3-1] ${entry[0]} twice in a will is a protocol error`, async (w) => {
      const client = await w.dial({ will: { topic: w.topic(), props: [entry, entry] } })
      await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
    })
  }

  v5('[MQTT-3.1.3-1] Payload Format Indicator 2 in a will is refused', async (w) => {
    const will = { topic: w.topic(), props: [['payloadFormatIndicator', 2]] as const }
    const client = await w.dial({ will })
    await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  v5('[MQTT-3.3.2-14] a will Response Topic with a wildcard is a protocol error', async (w) => {
    const will = { topic: w.topic(), props: [['responseTopic', 'a/+']] as const }
    const client = await w.dial({ will })
    const accepted = [code.PROTOCOL_ERROR, code.MALFORMED_PACKET, code.TOPIC_NAME_INVALID]
    await client.connectRefused(...accepted)
  })

  v5('[MQTT-2.2.2-1] will properties must be there, if only with length 0', async (w) => {
    const client = await w.open()
    const head = [text('MQTT'), u8(5), u8(0x06), u16(0), properties()]
    client.send(frame(0x10, ...head, text(w.clientId()), text('topic'), binary(Buffer.from(''))))
    await client.connectRefused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  v5(
    '[MQTT-3.1.2-28] a client that takes no CONNACK of this size is refused or closed',
    async (w) => {
      const client = await w.dial({ props: [['maximumPacketSize', 2]] })
      await client.ended()
      expect(client.unread).toEqual([])
    },
  )

  v5('[MQTT-1.5.7-1] user properties may repeat and stay without effect', async (w) => {
    const client = await w.open()
    const entry = property('userProperty', ['k', '值'])
    client.send(connectWith(w.clientId(), sized(entry, entry, entry)))
    expect(await client.expect('connack')).toMatchObject({ code: 0 })
    client.send(packet.pingreq())
    await client.expect('pingresp')
  })
})
