/** What a client may say at length, and how much of it the operator is shown. */
import { expect, test } from 'vitest'
import { brokerOfTest, clientOfTest } from './broker-support.ts'

const LONG = 60_000
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}
/** A length of four bytes, of which two would often do: only for what is more than 16 KB. */
const varint = (value: number): Buffer =>
  Buffer.of((value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14)
const packet = (head: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(head), varint(body.length), body])
}
/** CONNECT of MQTT 5 up to its keep alive, clean start. */
const CONNECT = Buffer.concat([text('MQTT'), Buffer.of(5, 2, 0, 60)])

const CASES: readonly [what: string, packet: Buffer][] = [
  ['a client identifier', packet(0x10, CONNECT, Buffer.of(0), text('i'.repeat(LONG)))],
  [
    'an authentication method',
    packet(0x10, CONNECT, varint(LONG + 3), Buffer.of(0x15), text('m'.repeat(LONG)), text('a')),
  ],
  [
    'the reason of a DISCONNECT',
    packet(0xe0, Buffer.of(0x80), varint(LONG + 3), Buffer.of(0x1f), text('r'.repeat(LONG))),
  ],
  ['the topic of a refused message', packet(0x30, text('t'.repeat(LONG)), Buffer.of(0))],
]

test.each(CASES)('%s of 60,000 characters is shown cut', async (_what, bytes) => {
  const lines: string[] = []
  const note = (fields: object) => void lines.push(JSON.stringify(fields))
  const running = await brokerOfTest({
    logger: { debug: note, info: note, warn: note, error: note },
    authorize: () => ({ ok: false, reasonCode: 0x87, reason: 'not yours' }),
  })
  const client = await clientOfTest(running)
  if (bytes[0] !== 0x10) {
    client.send('100e 0004 4d515454 05 02 003c 00 0001 61')
    expect(await client.next()).toMatch(/^20..0000/)
  }
  lines.length = 0
  client.sendBytes(bytes)
  await expect.poll(() => lines.length).toBeGreaterThan(0)
  const ends = running.broker.recentEnds().map((end) => JSON.stringify(end))
  for (const shown of [...lines, ...ends]) expect(shown.length).toBeLessThan(600)
})
