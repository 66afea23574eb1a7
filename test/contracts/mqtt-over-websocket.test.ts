/** MQTT over WebSocket on both adapters of the port: what frames may hold, and what becomes of who is too fast or too slow. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNodeServer } from '../../gateway/channels/http/node-server.ts'
import type { HttpServer, ServerOptions } from '../../gateway/channels/http/server.ts'
import { createUwsServer, loadUws } from '../../gateway/channels/http/uws-server.ts'
import type { MqttLimits } from '../../gateway/channels/mqtt/limits.ts'
import { mqttOverWebSocket } from '../../gateway/channels/websocket/mqtt-endpoint.ts'
import { WireClient } from '../support/wire/client.ts'
import { openLink, type Transport } from '../support/wire/link.ts'
import * as packet from '../support/wire/packets.ts'
import { brokerOfTest } from '../unit/channels/mqtt/broker-support.ts'

const loaded = await loadUws()
const adapters: [string, ((options: ServerOptions) => HttpServer) | undefined][] = [
  ['node', createNodeServer],
  ['uws', 'uws' in loaded ? (options) => createUwsServer(loaded.uws, options) : undefined],
]

const KB = 1024
const MB = 1024 * 1024

describe.each(adapters)('MQTT over WebSocket on %s', (name, create) => {
  const test = create ? it : it.skip

  async function listen(limits: Partial<MqttLimits> = {}) {
    if (!create) throw new Error('no adapter')
    const running = await brokerOfTest({ limits })
    const server = create({
      routes: {
        maxBodyBytes: 1,
        tooLarge: () => ({ status: 413 }),
        handle: () => ({ status: 404 }),
      },
      sockets: [
        mqttOverWebSocket({
          maxPacketBytes: limits.maxPacketBytes ?? 2 * MB,
          accept: (connection) => running.broker.accept(connection),
        }),
      ],
      onError: () => {},
    })
    onTestFinished(() => server.close())
    const ws = `ws://127.0.0.1:${await server.listen('127.0.0.1', 0)}/mqtt`
    return { ...running, address: { ws, tcp: { host: '127.0.0.1', port: running.port } } }
  }

  type Listening = Awaited<ReturnType<typeof listen>>

  async function connect(
    { address }: Listening,
    version: packet.Version,
    clientId: string,
    { transport = 'ws', will }: { transport?: Transport; will?: packet.Will } = {},
  ) {
    const client = new WireClient(await openLink(transport, address), version, clientId)
    onTestFinished(() => client.kill())
    client.send(packet.connect({ version, clientId, ...(will ? { will } : {}) }))
    await client.expect('connack')
    return client
  }

  const reasonOfLast = ({ broker }: Listening) => broker.recentEnds()[0]?.reason

  test('a frame holds packets that are together larger than one may be', async () => {
    const client = await connect(await listen({ maxPacketBytes: 100 * KB }), 4, 'bed-1')
    const one = (packetId: number) =>
      packet.publish(4, 'a/b', Buffer.alloc(60 * KB), { qos: 1, packetId })
    client.send(one(1), one(2))
    expect(await client.expect('puback')).toMatchObject({ packetId: 1 })
    expect(await client.expect('puback')).toMatchObject({ packetId: 2 })
  })

  test('a packet that is too large is refused with its size and the limit', async () => {
    const box = await listen({ maxPacketBytes: 100 * KB })
    const client = await connect(box, 5, 'bed-1')
    client.send(packet.publish(5, 'a/b', Buffer.alloc(150 * KB), { qos: 1, packetId: 1 }))
    await client.refused(0x95)
    expect(reasonOfLast(box)).toMatch(/a packet of 1536\d\d bytes; the limit is 102400/)
  })

  test('a frame that is too large is said to be the reason', async () => {
    const box = await listen({ maxPacketBytes: 100 * KB })
    const client = await connect(box, 5, 'bed-1')
    client.send(Buffer.alloc(300 * KB))
    await client.ended()
    await expect.poll(() => reasonOfLast(box)).toBe('a frame of more than 204800 bytes')
  })

  test('a text frame is said to be the reason', async () => {
    const box = await listen()
    const link = await openLink('ws', box.address)
    const client = new WireClient(link, 5, 'bed-1')
    client.send(packet.connect({ version: 5, clientId: 'bed-1' }))
    await client.expect('connack')
    link.write('{"type":"ask"}' as unknown as Uint8Array)
    await client.ended()
    await expect.poll(() => reasonOfLast(box)).toMatch(/binary frames only/)
  })

  /** One second of the rate goes at once, and the rest as the clock is moved. */
  const SLOW = { maxBytesPerSecond: MB, rateBurstSeconds: 1, floodShare: 1 }

  const burst = (client: WireClient, version: packet.Version, megabytes: number) => {
    const body = Buffer.alloc(MB - 100)
    for (let id = 1; id <= megabytes; id++) {
      client.send(packet.publish(version, 'a/b', body, { qos: 1, packetId: id }))
    }
  }

  test('a client that catches up with more than it may send at once loses nothing', async () => {
    const box = await listen(SLOW)
    const client = await connect(box, 4, 'bed-1')
    burst(client, 4, 8)
    for (let id = 1; id <= 8; id++) {
      await expect
        .poll(() => {
          box.advance(1000)
          return client.unread.length
        })
        .toBeGreaterThan(0)
      expect(await client.expect('puback')).toMatchObject({ packetId: id })
    }
  })

  test('what comes of a client faster than it may waits with it, or ends its link with the reason', async () => {
    const box = await listen(SLOW)
    const client = await connect(box, 5, 'bed-1')
    burst(client, 5, 40)
    if (name === 'uws') {
      await client.refused(0x97)
      expect(reasonOfLast(box)).toMatch(/faster than it may/)
    } else {
      // What the client's side has not got rid of has not come here.
      const other = await connect(box, 5, 'bed-2')
      await other.ping()
      expect(client.closed).toBe(false)
    }
  })

  test.each<Transport>(name === 'node' ? ['tcp', 'ws'] : ['ws'])(
    'a client over its rate that says goodbye and closes is heard to the end, and its will not sent (%s)',
    async (transport) => {
      const box = await listen(SLOW)
      const watch = await connect(box, 5, 'desk')
      await watch.subscribe('#')
      const will = { topic: 'a/will', payload: 'lost' }
      const client = await connect(box, 5, 'bed-1', { transport, will })
      const body = Buffer.alloc(MB / 2)
      for (let n = 0; n < 6; n++) client.send(packet.publish(5, `a/${n}`, body))
      const left = client.disconnect()
      // Where reading can be paused the end is read behind the rest.
      if (name === 'uws') await left
      else left.catch(() => {})
      const heard: string[] = []
      while (heard.length < 6) {
        box.advance(1000)
        await watch.ping()
        while (watch.unread.length > 0) heard.push((await watch.receive()).topic)
      }
      await expect
        .poll(() => {
          box.advance(1000)
          return box.broker.connections().map(({ clientId }) => clientId)
        })
        .toEqual(['desk'])
      await watch.publish('a/end', 'after it')
      expect((await watch.receive()).topic).toBe('a/end')
      expect(heard).toEqual(['a/0', 'a/1', 'a/2', 'a/3', 'a/4', 'a/5'])
    },
  )

  test('retained messages reach a client that reads slowly to the last, without a word of it', async () => {
    const box = await listen({ maxBytesPerSecond: 0 })
    const from = await connect(box, 5, 'bed-1')
    const body = Buffer.alloc(2 * MB - 100)
    for (let n = 0; n < 6; n++) await from.publish(`big/${n}`, body, { qos: 1, retain: true })
    const to = await connect(box, 5, 'bed-2')
    await to.subscribe('big/#')
    to.pause()
    // Until the box has nothing to do with it any more.
    for (let n = 0; n < 20; n++) await from.ping()
    to.resume()
    for (let n = 0; n < 6; n++) expect((await to.take('publish')).bytes).toHaveLength(body.length)
  })
})
