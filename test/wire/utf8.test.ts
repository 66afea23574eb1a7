import { expect } from 'vitest'
import { hex } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { type WireCase, wireSuite } from '../support/wire/suite.ts'

/** Byte sequences no UTF-8 Encoded String may hold. */
const ILL_FORMED: readonly (readonly [string, string, Buffer])[] = [
  ['1.5.3-2', 'U+0000', hex('61 00 62')],
  ['1.5.3-1', 'a high surrogate (ED A0 80)', hex('ed a0 80')],
  ['1.5.3-1', 'a low surrogate (ED BF BF)', hex('ed bf bf')],
  ['1.5.3-1', 'a surrogate pair as CESU-8', hex('ed a0 bd ed b8 80')],
  ['1.5.3-1', 'an overlong slash (C0 AF)', hex('c0 af')],
  ['1.5.3-1', 'an overlong zero (C0 80)', hex('c0 80')],
  ['1.5.3-1', 'an overlong three-byte form (E0 80 AF)', hex('e0 80 af')],
  ['1.5.3-1', 'an overlong four-byte form (F0 80 80 AF)', hex('f0 80 80 af')],
  ['1.5.3-1', 'a lone continuation byte', hex('61 80')],
  ['1.5.3-1', 'a sequence cut short', hex('e4 bd')],
  ['1.5.3-1', 'a wrong continuation byte', hex('c3 28')],
  ['1.5.3-1', 'a code point above U+10FFFF', hex('f4 90 80 80')],
  ['1.5.3-1', 'byte FE', hex('fe')],
  ['1.5.3-1', 'byte FF', hex('ff')],
]

/** Each place where a client sends a string before or after CONNACK. */
const PLACES: Record<string, (w: WireCase, bad: Buffer) => Promise<void>> = {
  'a Client Identifier': async (w, bad) => {
    const client = await w.dial({ clientId: bad })
    await refusedBeforeConnack(w, client)
  },
  'a Will Topic': async (w, bad) => {
    const client = await w.dial({ will: { topic: bad, payload: 'x' } })
    await refusedBeforeConnack(w, client)
  },
  'a User Name': async (w, bad) => {
    const client = await w.dial({ username: bad })
    await refusedBeforeConnack(w, client)
  },
  'a topic name': async (w, bad) => {
    const client = await w.connect()
    client.send(packet.publish(w.version, bad, 'x'))
    await client.refused(code.MALFORMED_PACKET, code.TOPIC_NAME_INVALID)
  },
  'a topic filter': async (w, bad) => {
    const client = await w.connect()
    client.send(packet.subscribe(w.version, 1, [{ filter: bad }]))
    await client.refused(code.MALFORMED_PACKET, code.TOPIC_FILTER_INVALID)
  },
  'a filter to unsubscribe': async (w, bad) => {
    const client = await w.connect()
    client.send(packet.unsubscribe(w.version, 1, [bad]))
    await client.refused(code.MALFORMED_PACKET, code.TOPIC_FILTER_INVALID)
  },
}

async function refusedBeforeConnack(w: WireCase, client: Awaited<ReturnType<WireCase['dial']>>) {
  if (w.version === 5) {
    await client.connectRefused(code.MALFORMED_PACKET, code.CLIENT_IDENTIFIER_NOT_VALID, 0x86)
    return
  }
  await client.ended()
  expect(client.unread.some((one) => one.type === 'connack' && one.code === 0)).toBe(false)
}

wireSuite('UTF-8', ({ v5, both }) => {
  for (const [statement, name, bytes] of ILL_FORMED) {
    for (const [place, refuse] of Object.entries(PLACES)) {
      const five = statement.replace('1.5.3', '1.5.4')
      both([statement, five], `${place} with ${name} is refused`, (w) => refuse(w, bytes))
    }
  }

  for (const [statement, name, bytes] of ILL_FORMED.slice(1, 6)) {
    v5(
      `[MQTT-${statement.replace('1.5.3', '1.5.4')}] a user property with ${name} is refused`,
      async (w) => {
        const client = await w.connect()
        const props = [['userProperty', [bytes, 'value']]] as const
        client.send(packet.publish(5, w.topic(), 'x', { props }))
        await client.refused(code.MALFORMED_PACKET, code.PROTOCOL_ERROR)
      },
    )
  }

  both(['1.5.3-3', '1.5.4-3'], 'U+FEFF is kept wherever it stands', async (w) => {
    const client = await w.connect()
    const topic = `\ufeff${w.topic('\ufeffx')}`
    await client.subscribe(topic, { qos: 1 })
    await client.publish(w.topic('\ufeffx'), 'without', { qos: 1 })
    await client.publish(topic, 'with', { qos: 1 })
    expect(await client.receive()).toMatchObject({ topic, payload: 'with' })
  })

  const fine = ['é', '客服', '\u{1f600}', '\u{10fffd}', '\ud7ff\ue000', ' ', 'a\u{2028}b']
  for (const sample of fine) {
    const points = [...sample].map((one) => `U+${one.codePointAt(0)?.toString(16)}`).join(' ')
    both(['1.5.3-1', '1.5.4-1'], `${points} is well-formed and delivered`, async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic('+'), { qos: 1 })
      await client.publish(w.topic(sample), sample, { qos: 1 })
      expect(await client.receive()).toMatchObject({ topic: w.topic(sample), payload: sample })
    })
  }

  both('payload', 'a payload need not be UTF-8', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), hex('ff fe 00 c0 af'), { qos: 1 })
    expect((await client.receive()).bytes.toString('hex')).toBe('fffe00c0af')
  })

  v5('[MQTT-3.3.2-4] a payload said to be UTF-8 that is not: 0x99 or handed on', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    const props = [['payloadFormatIndicator', 1]] as const
    client.send(packet.publish(5, w.topic(), hex('ff fe'), { qos: 1, packetId: 9, props }))
    const answer = await client.next()
    const codes = [0, code.NO_MATCHING_SUBSCRIBERS, code.PAYLOAD_FORMAT_INVALID]
    if (answer.type === 'puback') expect(codes).toContain(answer.code)
    else expect(['publish', 'disconnect']).toContain(answer.type)
  })
})
