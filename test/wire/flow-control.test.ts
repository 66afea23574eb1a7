import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Receive Maximum', ({ v5 }) => {
  for (const qos of [1, 2] as const) {
    v5(
      `[MQTT-3.3.4-9] no more than Receive Maximum QoS ${qos} messages are under way`,
      async (w) => {
        const [from, to] = [await w.connect(), await w.connect({ props: [['receiveMaximum', 2]] })]
        await to.subscribe(w.topic(), { qos })
        for (const payload of ['1', '2', '3', '4']) await from.publish(w.topic(), payload, { qos })
        const first = await to.expect('publish')
        const second = await to.expect('publish')
        await to.ping()
        expect(to.unread).toEqual([])
        to.send(packet.ack(qos === 1 ? 'puback' : 'pubrec', first.packetId))
        if (qos === 2) {
          await to.take('pubrel')
          to.send(packet.ack('pubcomp', first.packetId))
        }
        expect(await to.take('publish')).toMatchObject({ payload: '3' })
        await to.ping()
        expect(to.unread).toEqual([])
        expect(second.payload).toBe('2')
      },
    )
  }

  v5('[MQTT-3.3.4-9] PUBREC alone does not free the window, PUBCOMP does', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), '1', { qos: 2 })
    await client.publish(w.topic(), '2', { qos: 2 })
    const { packetId } = await client.take('publish')
    client.send(packet.ack('pubrec', packetId))
    await client.take('pubrel')
    await client.ping()
    expect(client.unread).toEqual([])
    client.send(packet.ack('pubcomp', packetId))
    expect(await client.take('publish')).toMatchObject({ payload: '2' })
  })

  v5('[MQTT-4.9.0-2] QoS 0 messages pass a full window', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'held', { qos: 1 })
    await client.publish(w.topic(), 'waits', { qos: 1 })
    await client.publish(w.topic(), 'passes', { qos: 0 })
    expect(await client.take('publish')).toMatchObject({ payload: 'held' })
    expect(await client.take('publish')).toMatchObject({ payload: 'passes', qos: 0 })
  })

  v5('[MQTT-4.9.0-3] other packets are answered while the window is full', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'held', { qos: 1 })
    await client.publish(w.topic(), 'waits', { qos: 1 })
    await client.ping()
    expect((await client.subscribe(w.topic('more'), { qos: 2 })).codes).toEqual([2])
    expect((await client.unsubscribe(w.topic('more'))).codes).toEqual([0])
  })

  v5('[MQTT-3.3.4-9] a window of 1 still delivers everything in order', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 2 })
    const sent = Array.from({ length: 15 }, (_, index) => `${index}`)
    for (const payload of sent) await client.publish(w.topic(), payload, { qos: 1 })
    const received: string[] = []
    while (received.length < sent.length) received.push((await client.receive()).payload)
    expect(received).toEqual(sent)
  })

  v5('[MQTT-3.3.4-9] the window holds for what waited while the client was away', async (w) => {
    const lasting = ['sessionExpiryInterval', 60] as const
    const clientId = w.clientId('away')
    const first = await w.connect({ clientId, props: [lasting] })
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const from = await w.connect()
    for (const payload of ['1', '2', '3']) await from.publish(w.topic(), payload, { qos: 1 })
    const props = [lasting, ['receiveMaximum', 2]] as const
    const again = await w.connect({ clientId, clean: false, props })
    await again.expect('publish')
    await again.expect('publish')
    await again.ping()
    expect(again.unread).toEqual([])
  })

  v5('[MQTT-3.3.4-7] more open QoS 2 messages than the server allows: 0x93', async (w) => {
    const client = await w.connect()
    const maximum = client.connack?.props.number('receiveMaximum') ?? 0
    expect(maximum).toBeGreaterThan(0)
    for (let packetId = 1; packetId <= maximum; packetId++) {
      client.send(packet.publish(5, w.topic(), 'x', { qos: 2, packetId }))
      await client.expect('pubrec')
    }
    client.send(packet.publish(5, w.topic(), 'x', { qos: 2, packetId: maximum + 1 }))
    await client.refused(code.RECEIVE_MAXIMUM_EXCEEDED)
  })

  v5('[MQTT-3.3.4-7] a repeated PUBLISH does not count twice', async (w) => {
    const client = await w.connect()
    const maximum = client.connack?.props.number('receiveMaximum') ?? 0
    for (let packetId = 1; packetId <= maximum; packetId++) {
      client.send(packet.publish(5, w.topic(), 'x', { qos: 2, packetId }))
      await client.expect('pubrec')
    }
    client.send(packet.publish(5, w.topic(), 'x', { qos: 2, packetId: 1, dup: true }))
    expect(await client.expect('pubrec')).toMatchObject({ packetId: 1 })
  })

  v5('[MQTT-4.9.0-2] finished exchanges free the window of the server', async (w) => {
    const client = await w.connect()
    const maximum = client.connack?.props.number('receiveMaximum') ?? 0
    for (let round = 0; round < maximum * 2 + 5; round++) {
      await client.publish(w.topic(), 'x', { qos: round % 2 === 0 ? 2 : 1 })
    }
    await client.ping()
  })

  v5('[MQTT-3.3.4-9] without Receive Maximum a client gets many at once', async (w) => {
    const [from, to] = [await w.connect(), await w.connect()]
    await to.subscribe(w.topic(), { qos: 1 })
    for (let index = 0; index < 15; index++) await from.publish(w.topic(), `${index}`, { qos: 1 })
    for (let index = 0; index < 15; index++) {
      expect(await to.expect('publish')).toMatchObject({ payload: `${index}` })
    }
  })
})
