import fc from 'fast-check'
import mqttPacket from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { decodeConnect } from '../../../../../gateway/channels/mqtt/codec/decode-connect.ts'
import {
  decodeAck,
  decodePublish,
  decodeSubscribe,
  decodeUnsubscribe,
} from '../../../../../gateway/channels/mqtt/codec/decoder.ts'
import {
  encodeAck,
  encodeConnack,
  encodeDisconnect,
  encodePublish,
  encodeSuback,
  stampPublish,
} from '../../../../../gateway/channels/mqtt/codec/encoder.ts'
import {
  PacketType,
  type Properties,
  ProtocolError,
  type Qos,
} from '../../../../../gateway/channels/mqtt/codec/packets.ts'
import {
  encodeProperties,
  readPropertyBytes,
} from '../../../../../gateway/channels/mqtt/codec/properties.ts'
import { decodeUtf8, isAllowedText } from '../../../../../gateway/channels/mqtt/codec/utf8.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter(isAllowedText)
const topic = text.filter((one) => one.length > 0 && !/[+#]/.test(one))
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one))
const qos = fc.constantFrom<Qos>(0, 1, 2)
const uint32 = fc.integer({ min: 0, max: 0xffffffff })

const publishProperties = fc
  .record(
    {
      payloadFormatIndicator: fc.constantFrom(0, 1),
      messageExpiryInterval: uint32,
      contentType: text,
      responseTopic: topic,
      correlationData: bytes,
      userProperties: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }),
    },
    { requiredKeys: [] },
  )
  .map((one) => one as Properties)

/** Where the body begins, after the fixed header. */
function bodyStart(packet: Buffer): number {
  let at = 1
  while (((packet[at] ?? 0) & 0x80) !== 0) at++
  return at + 1
}

/** Reads a packet of the gateway with mqtt-packet, an independent decoder. */
function readByOther(packet: Buffer, protocolVersion: 4 | 5): mqttPacket.Packet {
  const parser = mqttPacket.parser({ protocolVersion })
  let read: mqttPacket.Packet | undefined
  parser.on('packet', (one) => {
    read = one
  })
  parser.on('error', (error) => {
    throw error
  })
  parser.parse(packet)
  if (read === undefined) throw new Error('no packet')
  return read
}

describe('properties', () => {
  test('what is encoded is decoded again, user properties in their order', () => {
    fc.assert(
      fc.property(publishProperties, (properties) => {
        const encoded = encodeProperties(properties)
        expect(readPropertyBytes(encoded, PacketType.publish)).toEqual(properties)
      }),
    )
  })

  test('a property named __proto__ is data like any other', () => {
    const properties: Properties = {
      userProperties: [
        ['__proto__', 'x'],
        ['a', '1'],
        ['a', '2'],
      ],
    }
    const decoded = readPropertyBytes(encodeProperties(properties), PacketType.publish)
    expect(decoded.userProperties).toEqual(properties.userProperties)
  })

  test('a row that was written before its texts were looked at, or is damaged, gives what can be read', () => {
    const properties: Properties = {
      contentType: 'text/plain',
      userProperties: [
        ['note', 'line 1\nline 2'],
        ['last', 'cut'],
      ],
    }
    const row = encodeProperties(properties)
    expect(readPropertyBytes(row.subarray(0, -1), PacketType.publish)).toEqual({
      contentType: 'text/plain',
      userProperties: [['note', 'line 1 line 2']],
    })
  })
})

describe('PUBLISH', () => {
  test.each([4, 5] as const)('what is encoded for version %i is decoded again', (version) => {
    fc.assert(
      fc.property(
        topic,
        bytes,
        qos,
        fc.boolean(),
        publishProperties,
        (name, payload, q, retain, p) => {
          const properties = version === 5 ? p : {}
          const frame = encodePublish(
            version,
            name,
            payload,
            q,
            false,
            encodeProperties(properties),
          )
          const packet = stampPublish(frame, q, 513, false, retain)
          const decoded = decodePublish(
            packet[0] ?? 0,
            packet,
            bodyStart(packet),
            packet.length,
            version,
          )
          expect(decoded.topic).toBe(name)
          expect(decoded.payload.equals(payload)).toBe(true)
          expect(decoded.qos).toBe(q)
          expect(decoded.retain).toBe(retain)
          expect(decoded.packetId).toBe(q > 0 ? 513 : 0)
          expect(decoded.properties ?? {}).toEqual(properties)
        },
      ),
    )
  })

  test('mqtt-packet reads the same from our encoding', () => {
    fc.assert(
      fc.property(topic, bytes, qos, (name, payload, q) => {
        const frame = encodePublish(4, name, payload, q, false, undefined)
        const read = readByOther(stampPublish(frame, q, 7, false, true), 4)
        expect(read).toMatchObject({ cmd: 'publish', topic: name, qos: q, retain: true })
        expect((read as mqttPacket.IPublishPacket).payload).toEqual(payload)
      }),
    )
  })
})

test('CONNECT of mqtt-packet is read field by field', () => {
  fc.assert(
    fc.property(
      text,
      text,
      bytes,
      fc.boolean(),
      topic,
      qos,
      (clientId, username, password, clean, name, q) => {
        const packet = mqttPacket.generate(
          {
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 5,
            clientId: `c${clientId}`,
            clean,
            keepalive: 17,
            username,
            password,
            will: {
              topic: name,
              payload: Buffer.from('w'),
              qos: q,
              retain: true,
              properties: { willDelayInterval: 9 },
            },
            properties: { sessionExpiryInterval: 77, receiveMaximum: 5 },
          } as mqttPacket.IConnectPacket,
          { protocolVersion: 5 },
        )
        const decoded = decodeConnect(packet, bodyStart(packet), packet.length)
        expect(decoded).toMatchObject({
          version: 5,
          clientId: `c${clientId}`,
          cleanStart: clean,
          keepAliveSeconds: 17,
        })
        // mqtt-packet leaves an empty user name or password out.
        if (username !== '') expect(decoded.username).toBe(username)
        expect(decoded.properties).toEqual({ sessionExpiryInterval: 77, receiveMaximum: 5 })
        expect(decoded.will).toMatchObject({ topic: name, qos: q, retain: true })
        expect(decoded.will?.properties?.willDelayInterval).toBe(9)
      },
    ),
    { numRuns: 50 },
  )
})

test('SUBSCRIBE and UNSUBSCRIBE of mqtt-packet are read', () => {
  const subscribe = mqttPacket.generate(
    {
      cmd: 'subscribe',
      messageId: 42,
      subscriptions: [{ topic: 'a/+', qos: 1, nl: true, rap: true, rh: 2 }],
      properties: { subscriptionIdentifier: 268_435_455 },
    } as mqttPacket.ISubscribePacket,
    { protocolVersion: 5 },
  )
  expect(decodeSubscribe(subscribe, bodyStart(subscribe), subscribe.length, 5, 10)).toEqual({
    packetId: 42,
    subscriptions: [
      { filter: 'a/+', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
    ],
    properties: { subscriptionIdentifiers: [268_435_455] },
  })
  const unsubscribe = mqttPacket.generate({
    cmd: 'unsubscribe',
    messageId: 43,
    unsubscriptions: ['a/+', 'b'],
  } as mqttPacket.IUnsubscribePacket)
  expect(
    decodeUnsubscribe(unsubscribe, bodyStart(unsubscribe), unsubscribe.length, 4, 10).filters,
  ).toEqual(['a/+', 'b'])
})

test.each([
  ['a take-over during the login', 0x8e],
  ['the end of the gateway', 0x8b],
  ['an order of the operator', 0x98],
])('CONNACK has no code for %s, which is told as server unavailable', (_what, code) => {
  expect(encodeConnack(5, false, code).toString('hex')).toBe('2003008800')
  expect(encodeConnack(5, false, 0x87).toString('hex')).toBe('2003008700')
})

test.each<[string, (code: number) => Buffer]>([
  ['PUBACK', (code) => encodeAck(5, PacketType.puback, 1, code)],
  ['PUBREC', (code) => encodeAck(5, PacketType.pubrec, 1, code)],
  ['SUBACK', (code) => encodeSuback(5, 1, [code])],
  ['DISCONNECT', (code) => encodeDisconnect(code)],
])('%s has another code in the place of one that is not its own', (_name, encode) => {
  const read = Array.from({ length: 256 }, (_, code) => readByOther(encode(code), 5))
  expect(read).toHaveLength(256)
  expect(encode(0x92).includes(0x83)).toBe(true)
})

test('answers of the gateway are read by mqtt-packet', () => {
  const refused = encodeAck(5, PacketType.puback, 9, 0x97, { reasonString: 'full' })
  expect(readByOther(refused, 5)).toMatchObject({
    cmd: 'puback',
    messageId: 9,
    reasonCode: 0x97,
    properties: { reasonString: 'full' },
  })
  expect(readByOther(encodeConnack(5, true, 0, { receiveMaximum: 20 }), 5)).toMatchObject({
    cmd: 'connack',
    sessionPresent: true,
    properties: { receiveMaximum: 20 },
  })
  expect(readByOther(encodeSuback(4, 3, [1, 0x87]), 4)).toMatchObject({ granted: [1, 0x80] })
})

test('any bytes are either decoded or refused with a reason, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 0, max: 15 }), (raw, flags) => {
      const buffer = Buffer.from(raw)
      const decoders = [
        () => decodeConnect(buffer, 0, buffer.length),
        () => decodePublish(0x30 | flags, buffer, 0, buffer.length, 5),
        () => decodeAck(PacketType.pubrec, buffer, 0, buffer.length, 5),
        () => decodeSubscribe(buffer, 0, buffer.length, 5, 10),
        () => decodeUnsubscribe(buffer, 0, buffer.length, 5, 10),
      ]
      for (const decode of decoders) {
        try {
          decode()
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
          expect((error as ProtocolError).reasonCode).toBeGreaterThanOrEqual(0x80)
        }
      }
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['U+0000', '6100'],
  ['a control character', '6107'],
  ['an overlong slash', 'c0af'],
  ['half a surrogate pair', 'eda080'],
  ['a sequence cut short', 'e4b8'],
  ['a non-character', 'efbfbf'],
])('%s is not MQTT text', (_name, hex) => {
  const buffer = Buffer.from(hex, 'hex')
  expect(decodeUtf8(buffer, 0, buffer.length)).toBeUndefined()
})

test('a byte order mark is text like any other [MQTT-1.5.4-3]', () => {
  const buffer = Buffer.from('efbbbf61', 'hex')
  expect(decodeUtf8(buffer, 0, buffer.length)).toBe('\ufeffa')
})
