import { once } from 'node:events'
import { expect, inject, test } from 'vitest'
import { WebSocket } from 'ws'
import { hex } from '../support/wire/bytes.ts'
import { WireClient } from '../support/wire/client.ts'
import { PACKET_TOO_LARGE } from '../support/wire/codes.ts'
import { openLink } from '../support/wire/link.ts'
import * as packet from '../support/wire/packets.ts'

/** Cases that only WebSocket has; everything else runs over both transports. */

function clientId(): string {
  return `ws${Math.random().toString(36).slice(2, 12)}`
}

function handshake(protocols: string[]): WebSocket {
  return new WebSocket(inject('broker').ws, protocols)
}

test.concurrent('MQTT 5 [MQTT-6.0.0-4] the server selects the subprotocol mqtt', async () => {
  const socket = handshake(['mqtt'])
  await once(socket, 'open')
  expect(socket.protocol).toBe('mqtt')
  socket.terminate()
})

test.concurrent('MQTT 5 [MQTT-6.0.0-3] mqtt is selected from several offers', async () => {
  const socket = handshake(['other', 'mqtt'])
  await once(socket, 'open')
  expect(socket.protocol).toBe('mqtt')
  socket.terminate()
})

test.concurrent('MQTT 5 [MQTT-6.0.0-1] a text frame ends the connection', async () => {
  const socket = handshake(['mqtt'])
  await once(socket, 'open')
  socket.send('text')
  await once(socket, 'close')
  expect(socket.readyState).toBe(WebSocket.CLOSED)
})

test.concurrent('MQTT 5 [MQTT-6.0.0-1] a text frame after CONNACK ends the connection', async () => {
  const socket = handshake(['mqtt'])
  await once(socket, 'open')
  socket.send(packet.connect({ version: 5, clientId: clientId() }))
  const [answer] = (await once(socket, 'message')) as [Buffer]
  expect(answer[0]).toBe(0x20)
  socket.send('{"type":"ask"}')
  await once(socket, 'close')
})

for (const version of [4, 5] as const) {
  const label = version === 5 ? 'MQTT 5 [MQTT-6.0.0-2]' : 'MQTT 3.1.1 [MQTT-6.0.0-2]'
  test.concurrent(`${label} a packet may be spread over frames`, async () => {
    const link = await openLink('ws', inject('broker'))
    const client = new WireClient(link, version, '')
    const bytes = packet.connect({ version, clientId: clientId() })
    for (let at = 0; at < bytes.length; at += 3) client.send(bytes.subarray(at, at + 3))
    expect(await client.expect('connack')).toMatchObject({ code: 0 })
    client.kill()
  })

  test.concurrent(`${label} a frame may hold several packets and a part`, async () => {
    const link = await openLink('ws', inject('broker'))
    const client = new WireClient(link, version, '')
    const topic = `ws/${clientId()}`
    const last = packet.publish(version, topic, 'in two parts', { qos: 1, packetId: 8 })
    client.send(
      packet.connect({ version, clientId: clientId() }),
      packet.subscribe(version, 7, [{ filter: topic, qos: 1 }]),
      last.subarray(0, 5),
    )
    client.send(last.subarray(5), packet.pingreq())
    await client.expect('connack')
    await client.take('suback')
    expect(await client.receive()).toMatchObject({ payload: 'in two parts' })
    await client.take('pingresp')
    client.kill()
  })

  test.concurrent(`${label} a frame may be larger than a packet may be`, async () => {
    const client = new WireClient(await openLink('ws', inject('broker')), version, '')
    client.send(packet.connect({ version, clientId: clientId() }))
    await client.expect('connack')
    const topic = `ws/${clientId()}`
    const one = (packetId: number) =>
      packet.publish(version, topic, Buffer.alloc(1_200_000), { qos: 1, packetId })
    client.send(one(1), one(2))
    expect(await client.take('puback')).toMatchObject({ packetId: 1 })
    expect(await client.take('puback')).toMatchObject({ packetId: 2 })
    client.kill()
  })

  test.concurrent(`${label} an empty frame does no harm`, async () => {
    const link = await openLink('ws', inject('broker'))
    const client = new WireClient(link, version, '')
    client.send(hex(''))
    client.send(packet.connect({ version, clientId: clientId() }))
    expect(await client.expect('connack')).toMatchObject({ code: 0 })
    client.send(hex(''))
    await client.ping()
    client.kill()
  })
}

test.concurrent('MQTT 5 [MQTT-3.1.2-24] what is too large is refused with its reason, not by its frame', async () => {
  const client = new WireClient(await openLink('ws', inject('broker')), 5, '')
  client.send(packet.connect({ version: 5, clientId: clientId() }))
  await client.expect('connack')
  client.send(packet.publish(5, `ws/${clientId()}`, Buffer.alloc(2_200_000)))
  await client.refused(PACKET_TOO_LARGE)
})

test.concurrent('MQTT 5 [MQTT-6.0.0-2] a WebSocket ping is answered beside MQTT', async () => {
  const socket = handshake(['mqtt'])
  await once(socket, 'open')
  socket.ping('echo')
  const [echo] = (await once(socket, 'pong')) as [Buffer]
  expect(echo.toString()).toBe('echo')
  socket.terminate()
})

test.concurrent('MQTT 5 [MQTT-3.1.2-8] closing the WebSocket without DISCONNECT publishes the will', async () => {
  const topic = `ws/${clientId()}`
  const watcher = new WireClient(await openLink('ws', inject('broker')), 5, '')
  watcher.send(packet.connect({ version: 5, clientId: clientId() }))
  await watcher.expect('connack')
  await watcher.subscribe(topic, { qos: 1 })
  const socket = handshake(['mqtt'])
  await once(socket, 'open')
  const will = { topic, payload: 'closed', qos: 1 } as const
  socket.send(packet.connect({ version: 5, clientId: clientId(), will }))
  await once(socket, 'message')
  socket.close()
  expect(await watcher.receive()).toMatchObject({ payload: 'closed' })
  watcher.kill()
})
