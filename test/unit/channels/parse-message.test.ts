import { MAX_MESSAGE_BYTES } from '@kefu-edge/device-sdk/protocol/schemas'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { parseMessage } from '../../../gateway/channels/parse-message.ts'
import { toProblem } from '../../../gateway/errors.ts'

const bytes = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const packr = new Packr({ useRecords: false })

function problemOf(name: string, data: Uint8Array, encoding: 'json' | 'msgpack' = 'json') {
  try {
    parseMessage(name, data, encoding)
  } catch (error) {
    return toProblem(error)
  }
  throw new Error('was taken')
}

describe('a message of a device', () => {
  it('is taken with unknown fields, in JSON and in MessagePack', () => {
    const ask = { id: 'a1', text: '在哪里挂号', mood: 'curious' }
    expect(parseMessage('ask', bytes(ask), 'json')).toEqual({ name: 'ask', message: ask })
    expect(parseMessage('ask', packr.pack(ask), 'msgpack')).toEqual({ name: 'ask', message: ask })
  })

  const deep = (open: string, close: string) => open.repeat(10_000) + close.repeat(10_000)
  it.each([
    ['not JSON', 'ask', bytes('{"id":'), { code: 'message.not-json' }],
    ['a list', 'ask', bytes('[1]'), { code: 'message.invalid' }],
    [
      'invalid UTF-8',
      'ask',
      Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      { code: 'message.not-utf8' },
    ],
    ['a 10,000-deep list', 'ask', bytes(deep('[', ']')), { code: 'message.too-deep' }],
    [
      'a 10,000-deep map',
      'ask',
      bytes(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
      { code: 'message.too-deep' },
    ],
    [
      '1 MB of text',
      'ask',
      bytes({ id: 'a', text: 'x'.repeat(1_048_576) }),
      { code: 'message.too-large', status: 413 },
    ],
    [
      'text of the wrong type',
      'ask',
      bytes({ id: 'a', text: 7 }),
      { code: 'message.invalid', field: '/text', inReplyTo: 'a' },
    ],
    ['no id', 'ask', bytes({ text: 'x' }), { code: 'message.invalid', field: '/id' }],
    ['an id with a space', 'ask', bytes({ id: 'a b', text: 'x' }), { field: '/id' }],
    ['an ask that asks nothing', 'ask', bytes({ id: 'a' }), { field: '/text', inReplyTo: 'a' }],
    [
      'a form, which nothing would read',
      'ask',
      bytes({ id: 'a', form: { name: 'pain', values: { score: 5 } } }),
      { code: 'message.not-served', status: 422, field: '/form', inReplyTo: 'a' },
    ],
    [
      'words with an attachment, which nothing would keep',
      'ask',
      bytes({
        id: 'a',
        text: '这是什么药',
        attachments: [{ id: 'p', contentType: 'image/jpeg', bytes: 9, sha256: '0'.repeat(64) }],
      }),
      { code: 'message.not-served', field: '/attachments', inReplyTo: 'a' },
    ],
    ['text over the limit', 'ask', bytes({ id: 'a', text: '问'.repeat(1001) }), { field: '/text' }],
    [
      'a time without offset',
      'ask',
      bytes({ id: 'a', text: 'x', at: '2026-05-01T10:00:00' }),
      { field: '/at' },
    ],
    [
      'an unknown state',
      'played',
      bytes({ id: 'a', speech: 's', state: 'sung', at: '2026-05-01T10:00:00Z' }),
      { field: '/state' },
    ],
    ['an unknown name', 'sing', bytes({}), { code: 'message.unknown-type' }],
    ['a name of Object', 'constructor', bytes({}), { code: 'message.unknown-type' }],
  ])('is refused by name of the fault: %s', (_, name, data, expected) => {
    expect(problemOf(name, data)).toMatchObject(expected)
  })

  it('is refused when MessagePack is cut short or nested without end', () => {
    const whole = packr.pack({ id: 'a1', text: '在哪里挂号' })
    expect(problemOf('ask', whole.subarray(0, 8), 'msgpack').code).toBe('message.not-msgpack')
    const nested = Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.from([0xc0])])
    expect(problemOf('ask', nested, 'msgpack').code).toBe('message.too-deep')
  })

  const large = 'x'.repeat(MAX_MESSAGE_BYTES)
  const mapOf16Bits = new Packr({ useRecords: false, variableMapSize: false })
  it.each([
    ['too large', 'json', bytes({ id: 'e-1', kind: 'sensor', values: { large } })],
    ['too large for a frame', 'json', bytes({ type: 'event', id: 'e-1', values: { large } })],
    ['no JSON', 'json', bytes('{ "id": "e-1", "kind": }')],
    ['too deep', 'json', bytes(`{"id":"e-1","values":${deep('[', ']')}}`)],
    ['too large', 'msgpack', packr.pack({ id: 'e-1', values: { large } })],
    ['too large in a large map', 'msgpack', mapOf16Bits.pack({ type: 'event', id: 'e-1', large })],
    ['cut short', 'msgpack', packr.pack({ id: 'e-1', kind: 'sensor' }).subarray(0, 12)],
  ] as const)('is named by the id at its front where it is %s: %s', (_, encoding, data) => {
    expect(problemOf('event', data, encoding).inReplyTo).toBe('e-1')
  })

  it.each([
    ['behind what is too large', bytes({ large, id: 'e-1' })],
    ['of another level', bytes(`{"values":{"id":"e-1","large":"${large}"}}`)],
    ['longer than one may be', bytes(`{"id":"${large}"}`)],
    ['with an escape', bytes(`{"id":"e\\u0031","large":"${large}"}`)],
  ])('is not named by an id %s', (_, data) => {
    expect(problemOf('event', data)).not.toHaveProperty('inReplyTo')
  })

  it('has integers of 64 bits as far as they are kept exactly, and names one that is not', () => {
    const exact = packr.pack({ version: 7n, state: { uptime: 2n ** 53n - 1n } })
    expect(parseMessage('reported', exact, 'msgpack').message).toEqual({
      version: 7,
      state: { uptime: 2 ** 53 - 1 },
    })
    const values = { clock: [1, 2n ** 60n] }
    const tooBig = packr.pack({ id: 'e1', kind: 'sensor', name: 'clock', values })
    expect(problemOf('event', tooBig, 'msgpack')).toMatchObject({
      code: 'message.invalid',
      field: '/values/clock/1',
      inReplyTo: 'e1',
    })
  })

  it('tells the sender which choices there are', () => {
    const data = bytes({ id: 'a', rating: 'so-so' })
    expect(problemOf('feedback', data).detail).toContain('/rating: "so-so" is none of up, down')
  })

  it.each([
    ['that is missing', undefined, '/rating: one of up, down is needed'],
    ['that is a map with a name of Object', { toString: 1 }, '/rating: a map is none of up, down'],
    ['of 64 KB', 'x'.repeat(60_000), `/rating: "${'x'.repeat(60)}" is none of up, down`],
  ])('tells it of a choice %s too', (_, rating, expected) => {
    const problem = problemOf('feedback', bytes({ id: 'a', inReplyTo: 'b', rating }))
    expect(problem).toMatchObject({ code: 'message.invalid', field: '/rating' })
    expect(problem.detail).toContain(expected)
  })

  it('says of a field of several types what is wrong with it', () => {
    const values = { level: [1] }
    const data = bytes({ id: 'e1', kind: 'sensor', name: 'tank', values })
    expect(problemOf('event', data).detail).toContain('/values/level: Expected union value')
  })

  it('is read up to its limit', () => {
    const head = '{"id":"a","text":"x","pad":"'
    const pad = 'x'.repeat(MAX_MESSAGE_BYTES - head.length - 2)
    expect(parseMessage('ask', bytes(`${head}${pad}"}`), 'json').name).toBe('ask')
    expect(problemOf('ask', bytes(`${head}${pad}x"}`)).code).toBe('message.too-large')
  })
})
