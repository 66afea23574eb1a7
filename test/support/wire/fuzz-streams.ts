import fc from 'fast-check'
import { frame, text, varint } from './bytes.ts'
import * as packet from './packets.ts'
import { PROPERTIES, type Property, type PropertyName, type PropertyValue } from './properties.ts'

/**
 * Few enough names that sessions, retained messages and takeovers meet each other, and that what a
 * broker rightly keeps (a session for each id, a message for each topic) is soon full: growth after
 * that is a leak.
 */
const CLIENT_IDS: (string | Uint8Array)[] = [
  ...Array.from({ length: 40 }, (_, index) => `fuzz${index}`),
  ...[
    '',
    '客服',
    '__proto__',
    'a/b',
    '$x',
    'a\0b',
    Buffer.from([0xff]),
    Buffer.from([0xed, 0xa0, 0x80]),
  ],
]
const MAX_LEVELS = 3
const LEVELS = ['a', 'b', 'c', '', '+', '#', '$x', '客服', '\u{1f600}', '__proto__'] as const
/** Packets on one connection: enough for state to build up before the damage. */
const MAX_PACKETS_PER_STREAM = 30

/** What one connection sends. */
export interface FuzzStream {
  transport: 'tcp' | 'ws'
  packets: Buffer[]
  /** The bytes may arrive in pieces of this size; 0 is all at once. */
  pieceBytes: number
}

const smallBinary = fc.uint8Array({ maxLength: 24 })
const wildText: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  { weight: 2, arbitrary: smallBinary },
)
const topic: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .array(fc.constantFrom(...LEVELS), { minLength: 1, maxLength: MAX_LEVELS })
      .map((levels) => `fuzz/${levels.join('/')}`),
  },
  { weight: 1, arbitrary: wildText },
)
const qos = fc.constantFrom(0, 1, 2) as fc.Arbitrary<packet.Qos>
const packetId = fc.oneof(fc.integer({ min: 0, max: 25 }), fc.integer({ min: 0, max: 65_535 }))

function propertyValue(name: PropertyName): fc.Arbitrary<PropertyValue> {
  const type = PROPERTIES[name][1]
  if (type === 'text') return wildText
  if (type === 'binary') return smallBinary
  if (type === 'pair') return fc.tuple(wildText, fc.string({ maxLength: 12 }))
  if (type === 'u8') return fc.integer({ min: 0, max: 2 })
  if (type === 'u16') return fc.oneof(fc.integer({ min: 0, max: 12 }), fc.nat(65_535))
  if (type === 'u32') return fc.oneof(fc.nat(5), fc.nat(0xffffffff))
  return fc.oneof(fc.nat(200), fc.nat(268_435_455))
}

function propertyOf(names: readonly PropertyName[]): fc.Arbitrary<Property> {
  return fc
    .constantFrom(...names)
    .chain((name) => propertyValue(name).map((value): Property => [name, value]))
}

const ALL_NAMES = Object.keys(PROPERTIES) as PropertyName[]

/** Mostly properties that belong to the packet, now and then any of all. */
function propertyList(...fitting: PropertyName[]): fc.Arbitrary<Property[]> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.uniqueArray(propertyOf(fitting), { selector: ([name]) => name }) },
    { weight: 1, arbitrary: fc.array(propertyOf(ALL_NAMES), { maxLength: 4 }) },
    { weight: 5, arbitrary: fc.constant<Property[]>([]) },
  )
}

const publishProps = propertyList(
  ...(['payloadFormatIndicator', 'messageExpiryInterval', 'contentType', 'responseTopic'] as const),
  ...(['correlationData', 'topicAlias', 'userProperty'] as const),
)

const will = fc.record({
  topic: fc.oneof(
    { weight: 4, arbitrary: fc.constant('fuzz/will') },
    { weight: 1, arbitrary: topic },
  ),
  payload: smallBinary,
  qos,
  retain: fc.boolean(),
  props: propertyList('willDelayInterval', 'contentType', 'userProperty', 'messageExpiryInterval'),
})

/** Without credentials: a broker slows down those who guess, and the rest would be refused unread. */
function connectOf(version: packet.Version): fc.Arbitrary<Buffer> {
  return fc
    .record(
      {
        version: fc.constant(version),
        clientId: fc.constantFrom(...CLIENT_IDS),
        clean: fc.boolean(),
        keepAlive: fc.constantFrom(0, 1, 60, 65_535),
        will,
        props: propertyList(
          ...(['sessionExpiryInterval', 'receiveMaximum', 'maximumPacketSize'] as const),
          ...(['topicAliasMaximum', 'requestProblemInformation', 'userProperty'] as const),
        ),
      },
      { requiredKeys: ['version', 'clientId', 'clean', 'keepAlive'] },
    )
    .map((options) => packet.connect(options))
}

function publishOf(version: packet.Version): fc.Arbitrary<Buffer> {
  const options = fc.record({
    qos,
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId,
    props: publishProps,
  })
  const payload = fc.oneof(
    { weight: 9, arbitrary: smallBinary },
    { weight: 1, arbitrary: fc.nat(5_000).map((size) => Buffer.alloc(size, 'x')) },
  )
  return fc
    .tuple(topic, payload, options)
    .map(([name, bytes, chosen]) => packet.publish(version, name, bytes, chosen))
}

function subscribeOf(version: packet.Version): fc.Arbitrary<Buffer> {
  const filter = fc.oneof(
    topic,
    topic.map((name) => `$share/g/${String(name)}`),
  )
  const options = fc.integer({ min: 0, max: version === 5 ? 0x2f : 2 })
  return fc
    .tuple(
      packetId,
      fc.array(fc.record({ filter, options }), { maxLength: 4 }),
      propertyList('subscriptionIdentifier', 'userProperty'),
    )
    .map(([id, list, props]) => packet.subscribe(version, id, list, props))
}

function packetOf(version: packet.Version): fc.Arbitrary<Buffer> {
  const ackName = fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp')
  const ackProps = propertyList('reasonString', 'userProperty')
  const code = fc.constantFrom(0, 0x10, 0x80, 0x92, 0x55)
  const lists = fc.tuple(packetId, fc.array(topic, { maxLength: 3 }))
  return fc.oneof(
    { weight: 10, arbitrary: publishOf(version) },
    { weight: 4, arbitrary: subscribeOf(version) },
    { weight: 2, arbitrary: lists.map(([id, list]) => packet.unsubscribe(version, id, list)) },
    { weight: 4, arbitrary: fc.tuple(ackName, packetId).map(([name, id]) => packet.ack(name, id)) },
    {
      weight: 2,
      arbitrary: fc.tuple(ackName, packetId, code, ackProps).map((all) => packet.ack(...all)),
    },
    { weight: 2, arbitrary: fc.constant(packet.pingreq()) },
    {
      weight: 1,
      arbitrary: propertyList('authenticationMethod', 'authenticationData').map((props) =>
        packet.auth(0x18, props),
      ),
    },
    { weight: 1, arbitrary: fc.constant(packet.disconnect()) },
  )
}

type Damage = (bytes: Buffer) => Buffer

function at(bytes: Buffer, position: number): number {
  return bytes.length === 0 ? 0 : position % bytes.length
}

/** Remaining Length replaced by a lie; the rest stays. */
function withLength(bytes: Buffer, length: Uint8Array): Buffer {
  let end = 1
  while (end < bytes.length && ((bytes[end] ?? 0) & 0x80) !== 0) end += 1
  return Buffer.concat([bytes.subarray(0, 1), length, bytes.subarray(end + 1)])
}

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(7)).map(
    ([position, bit]): Damage =>
      (bytes) => {
        const copy = Buffer.from(bytes)
        const index = at(copy, position)
        copy[index] = (copy[index] ?? 0) ^ (1 << bit)
        return copy
      },
  ),
  fc.nat().map(
    (position): Damage =>
      (bytes) =>
        bytes.subarray(0, at(bytes, position)),
  ),
  fc.nat().map(
    (position): Damage =>
      (bytes) =>
        frame(bytes[0] ?? 0, bytes.subarray(2, 2 + at(bytes, position))),
  ),
  fc.tuple(fc.nat(), smallBinary).map(
    ([position, extra]): Damage =>
      (bytes) => {
        const index = at(bytes, position)
        return Buffer.concat([bytes.subarray(0, index), extra, bytes.subarray(index)])
      },
  ),
  fc.nat(268_435_455).map(
    (length): Damage =>
      (bytes) =>
        withLength(bytes, varint(length)),
  ),
  fc.nat(300).map(
    (length): Damage =>
      (bytes) =>
        withLength(bytes, varint(length)),
  ),
  fc.constant<Damage>((bytes) => withLength(bytes, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]))),
  fc.constant<Damage>((bytes) => Buffer.concat([bytes, bytes])),
  smallBinary.map(
    (garbage): Damage =>
      () =>
        Buffer.from(garbage),
  ),
  wildText.map(
    (name): Damage =>
      (bytes) =>
        frame(bytes[0] ?? 0, text(name), bytes.subarray(2)),
  ),
)

/** A connection that starts well and, nine times in ten, is damaged somewhere on the way. */
export const fuzzStream: fc.Arbitrary<FuzzStream> = fc
  .constantFrom<packet.Version>(3, 4, 5, 5)
  .chain((version) =>
    fc.record({
      transport: fc.constantFrom('tcp', 'tcp', 'tcp', 'tcp', 'tcp', 'ws'),
      head: connectOf(version),
      rest: fc.array(packetOf(version), { maxLength: MAX_PACKETS_PER_STREAM, size: 'max' }),
      damages: fc.array(fc.tuple(fc.nat(), damage), { maxLength: 3 }),
      pieceBytes: fc.constantFrom(0, 0, 0, 1, 7, 64),
    }),
  )
  .map(({ transport, head, rest, damages, pieceBytes }) => {
    const packets = [head, ...rest]
    for (const [position, apply] of damages) {
      // The head is spared two times in three, so that most streams get past CONNECT.
      const index =
        position % 3 === 0 ? position % packets.length : (position % rest.length || 0) + 1
      const target = packets[index]
      if (target) packets[index] = apply(target)
    }
    return { transport, packets, pieceBytes } as FuzzStream
  })
