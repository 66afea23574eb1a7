import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Framer } from '../../../../../gateway/channels/mqtt/codec/framer.ts'
import { ProtocolError } from '../../../../../gateway/channels/mqtt/codec/packets.ts'

const PINGREQ = Buffer.from([0xc0, 0])

function publish(payloadBytes: number): Buffer {
  const body = Buffer.concat([Buffer.from([0, 1, 0x61]), Buffer.alloc(payloadBytes, 7)])
  const length: number[] = []
  for (let rest = body.length; ; ) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
    if (rest === 0) break
  }
  return Buffer.concat([Buffer.from([0x30, ...length]), body])
}

function collect(limit = 1_000_000): { framer: Framer; bodies: string[]; heads: number[] } {
  const bodies: string[] = []
  const heads: number[] = []
  const framer = new Framer(limit, {
    onPacket: (head, buffer, _from, start, end) => {
      heads.push(head)
      bodies.push(buffer.toString('hex', start, end))
    },
  })
  return { framer, bodies, heads }
}

test('packets come out whole however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 20 }),
      (sizes, cuts) => {
        const stream = Buffer.concat([...sizes.map(publish), PINGREQ])
        const whole = collect()
        whole.framer.push(stream)
        const cut = collect()
        let at = 0
        for (let n = 0; at < stream.length; n++) {
          const size = cuts[n % cuts.length] ?? 1
          cut.framer.push(stream.subarray(at, at + size))
          at += size
        }
        expect(cut.bodies).toEqual(whole.bodies)
        expect(whole.heads).toEqual([...sizes.map(() => 0x30), 0xc0])
      },
    ),
  )
})

test('of a packet that comes byte by byte the bytes are kept, not the reads that they came in', () => {
  const { framer, bodies } = collect()
  const packet = publish(300_000)
  // One buffer for all reads: whoever kept views of it would see the last byte everywhere.
  const read = Buffer.alloc(1)
  for (const byte of packet) {
    read[0] = byte
    framer.push(read)
  }
  expect(bodies).toEqual([packet.toString('hex', 4)])
})

test('a packet that was begun while nothing is handed out is whole afterwards, and what follows it too', () => {
  const { framer, heads } = collect()
  const packet = publish(10_000)
  framer.push(packet.subarray(0, 5000))
  framer.hold()
  framer.push(Buffer.concat([packet.subarray(5000), PINGREQ]))
  framer.push(PINGREQ)
  expect(heads).toEqual([])
  framer.release()
  expect(heads).toEqual([0x30, 0xc0, 0xc0])
})

test('while held nothing comes out, and afterwards everything in order', () => {
  const { framer, heads } = collect()
  framer.hold()
  framer.push(publish(3))
  framer.push(PINGREQ)
  expect(heads).toEqual([])
  framer.release()
  expect(heads).toEqual([0x30, 0xc0])
})

test('a packet over the limit is refused from its header, before its body came', () => {
  const { framer } = collect(1000)
  expect(() => framer.push(Buffer.from([0x30, 0xff, 0xff, 0x7f]))).toThrow(
    expect.objectContaining({ reasonCode: 0x95 }),
  )
})

test.each([
  ['packet type 0', '0000'],
  ['a CONNACK from a client', '20020000'],
  ['SUBSCRIBE with flags 0', '8000'],
  ['a length of five bytes', '30ffffffff01'],
  ['a length with a needless byte', 'c08000'],
  ['PINGREQ with a body', 'c00100'],
])('%s is malformed', (_name, hex) => {
  const { framer } = collect()
  expect(() => framer.push(Buffer.from(hex, 'hex'))).toThrow(ProtocolError)
})
