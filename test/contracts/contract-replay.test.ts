/** Replays the examples of CONTRACT.md against the real gateway, byte for byte. */
import {
  Answer,
  Credentials,
  DOWNSTREAM,
  Problem,
  Speech,
  Welcome,
} from '@kefu-edge/device-sdk/protocol/schemas'
import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { generate, type Packet, parser } from 'mqtt-packet'
import { unpack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import {
  dumpBytes,
  EXAMPLE_CLAIM,
  EXAMPLE_DEVICE,
  EXAMPLE_TOKEN,
  httpBytes,
  readWireBlocks,
  type WireBlock,
  withSecret,
} from './support/wire-blocks.ts'
import {
  framePayload,
  httpFraming,
  mqttFraming,
  remask,
  WirePeer,
  webSocketFraming,
} from './support/wire-peer.ts'

const blocks = readWireBlocks()
const MATCHES: Readonly<Record<string, TSchema>> = {
  answer: Answer,
  credentials: Credentials,
  problem: Problem,
  speech: Speech,
  welcome: Welcome,
}

/** The JSON of a receive block holds against what came: the schema, and what its info string names. */
function judge(block: WireBlock, value: unknown): void {
  const at = `CONTRACT.md line ${block.line}`
  const match = block.attributes.get('match') ?? ''
  const schema = MATCHES[match]
  if (schema !== undefined) expect([...Value.Errors(schema, value)], at).toEqual([])
  for (const key of ['inReplyTo', 'code']) {
    const expected = block.attributes.get(key)
    if (expected !== undefined) expect(value, at).toMatchObject({ [key]: expected })
  }
  if (match === 'answer') expect(value, at).toMatchObject({ status: 'answered' })
  if (match === 'problem-frame') expect(value, at).toMatchObject({ type: 'problem' })
  if (match === 'ack') expect(value, at).toMatchObject({ type: 'ack' })
}

function parsePacket(bytes: Buffer, version: 4 | 5): Packet {
  const packets: Packet[] = []
  const reader = parser({ protocolVersion: version })
  reader.on('packet', (packet) => packets.push(packet))
  reader.on('error', (error) => {
    throw error
  })
  reader.parse(bytes)
  const [packet] = packets
  if (packet === undefined || packets.length > 1)
    throw new Error(`not one packet: ${bytes.toString('hex')}`)
  return packet
}

async function receiveMqtt(peer: WirePeer, block: WireBlock, version: 4 | 5): Promise<void> {
  const what = `${block.packet} (CONTRACT.md line ${block.line})`
  if (block.packet === 'PUBLISH') {
    const bytes = await peer.take((m) => ((m[0] ?? 0) & 0xf0) === 0x30, what)
    const packet = parsePacket(bytes, version)
    if (packet.cmd !== 'publish') throw new Error('not a PUBLISH')
    expect(packet).toMatchObject({ topic: block.attributes.get('topic'), qos: 1 })
    const correlation = block.attributes.get('correlation')
    if (correlation !== undefined)
      expect(packet.properties?.correlationData?.toString()).toBe(correlation)
    judge(block, JSON.parse(packet.payload.toString()))
    peer.send(Buffer.from([0x40, 2, (packet.messageId ?? 0) >> 8, (packet.messageId ?? 0) & 255]))
    return
  }
  if (block.attributes.get('match') === 'accepted') {
    const type = { CONNACK: 0x20, SUBACK: 0x90 }[block.packet]
    const packet = parsePacket(await peer.take((m) => m[0] === type, what), version)
    if (packet.cmd === 'connack') expect(packet.reasonCode).toBe(0)
    else if (packet.cmd === 'suback') expect(new Set(packet.granted)).toEqual(new Set([1]))
    return
  }
  const expected = dumpBytes(block.text)
  await peer.take((m) => m.equals(expected), `${what} ${expected.toString('hex')}`)
}

async function receiveFrame(peer: WirePeer, block: WireBlock, isBinary: boolean): Promise<void> {
  const opcode = isBinary ? 0x82 : 0x81
  const type = block.attributes.get('match')?.replace('-frame', '')
  const read = (frame: Buffer): unknown => {
    const payload = framePayload(frame)
    return isBinary ? unpack(payload) : JSON.parse(payload.toString())
  }
  const isExpected = (m: Buffer) => m[0] === opcode && Object(read(m)).type === type
  judge(block, read(await peer.take(isExpected, `${type} (CONTRACT.md line ${block.line})`)))
}

async function receiveHttp(peer: WirePeer, block: WireBlock): Promise<void> {
  const reply = (await peer.take(() => true, `reply (line ${block.line})`)).toString()
  if (block.packet === 'UPGRADE') {
    expect(reply).toMatch(/^HTTP\/1\.1 101 /)
    expect(reply.toLowerCase()).toContain(
      `sec-websocket-accept: ${block.attributes.get('accept')?.toLowerCase()}`,
    )
    return
  }
  const [head = '', body = ''] = reply.split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${block.attributes.get('status')} `))
  const type = /content-type: (.*)/.exec(block.text)?.[1] ?? ''
  expect(head.toLowerCase()).toContain(`content-type: ${type}`)
  judge(block, JSON.parse(body))
}

/** `real`: puts the real secret in the place of the example's. */
async function replay(
  gateway: TestGateway,
  conversation: string,
  real: (bytes: Buffer) => Buffer,
): Promise<void> {
  const isMqtt = conversation.startsWith('mqtt')
  const isBinary = conversation.endsWith('msgpack')
  const version = conversation === 'mqtt5' ? 5 : 4
  const port = isMqtt ? gateway.ports.mqtt : gateway.ports.http
  const peer = await WirePeer.open(port, isMqtt ? mqttFraming : httpFraming)
  for (const block of blocks.filter((b) => b.conversation === conversation)) {
    if (block.direction === 'send') {
      if (block.packet === 'FRAME') peer.send(remask(dumpBytes(block.text), real))
      else if (isMqtt || block.packet === 'CLOSE') peer.send(real(dumpBytes(block.text)))
      else peer.send(real(httpBytes(block.text)))
      if (block.packet === 'DISCONNECT') await peer.untilClosed()
    } else if (isMqtt) await receiveMqtt(peer, block, version)
    else if (block.packet === 'FRAME') await receiveFrame(peer, block, isBinary)
    else await receiveHttp(peer, block)
    if (block.packet === 'UPGRADE' && block.direction === 'receive') peer.framing = webSocketFraming
  }
  if (conversation === 'mqtt-refused') await peer.untilClosed()
  peer.close()
}

const CONVERSATIONS = ['mqtt', 'mqtt-refused', 'mqtt5', 'websocket', 'websocket-msgpack', 'http']

describe('the examples of CONTRACT.md', () => {
  test('are there, for every transport', () => {
    expect(blocks.length).toBeGreaterThan(30)
    expect(new Set(blocks.map((block) => block.conversation))).toEqual(
      new Set([...CONVERSATIONS, 'none', 'enrolment']),
    )
  })

  test('of MQTT are what another encoder makes of them', () => {
    const sent = blocks.filter((b) => b.conversation.startsWith('mqtt') && b.direction === 'send')
    expect(sent.length).toBeGreaterThan(8)
    for (const block of sent) {
      const version = block.conversation === 'mqtt5' ? 5 : 4
      const bytes = dumpBytes(block.text)
      const packet = parsePacket(bytes, version)
      expect(packet.cmd.toUpperCase(), `line ${block.line}`).toBe(block.packet)
      expect(generate(packet, { protocolVersion: version }).toString('hex')).toBe(
        bytes.toString('hex'),
      )
    }
  })

  test('of SUBSCRIBE leave out nothing that a device has to hear', () => {
    const all = Object.keys(DOWNSTREAM).filter((name) => name !== 'presence')
    for (const block of blocks.filter((b) => b.packet === 'SUBSCRIBE')) {
      const version = block.conversation === 'mqtt5' ? 5 : 4
      const packet = parsePacket(dumpBytes(block.text), version)
      const topics = packet.cmd === 'subscribe' ? packet.subscriptions.map((s) => s.topic) : []
      const names = topics.map((topic) => topic.replace(`kefu/v1/${EXAMPLE_DEVICE}/`, ''))
      expect(names.sort(), `line ${block.line}`).toEqual(all.sort())
    }
  })

  test('of MessagePack can be read by another decoder', () => {
    const block = blocks.find((b) => b.packet === 'MSGPACK')
    expect(unpack(dumpBytes(block?.text ?? ''))).toEqual({
      type: 'hello',
      deviceId: EXAMPLE_DEVICE,
      token: EXAMPLE_TOKEN,
    })
  })

  test.each(CONVERSATIONS)(
    'of the conversation "%s" run against the gateway as they stand',
    async (conversation) => {
      const gateway = await startGateway()
      const token = await gateway.addDevice(EXAMPLE_DEVICE, 'bedside')
      await replay(gateway, conversation, (bytes) => withSecret(bytes, EXAMPLE_TOKEN, token))
    },
  )

  test('of enrolment make a device of a claim code', async () => {
    const gateway = await startGateway()
    const made = await runOperation('device.claim', { kind: 'bedside' }, gateway.box.operations)
    const { claim } = made as { claim: string }
    await replay(gateway, 'enrolment', (bytes) => withSecret(bytes, EXAMPLE_CLAIM, claim))
    expect(gateway.box.registry.get(EXAMPLE_DEVICE)).toMatchObject({ kind: 'bedside' })
  })
})
