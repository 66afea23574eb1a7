import { expect } from 'vitest'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Redelivery', ({ v5, both }) => {
  for (const qos of [1, 2] as const) {
    both('4.4.0-1', `an unacknowledged QoS ${qos} message comes again with DUP`, async (w) => {
      const client = await w.connect(w.lasting())
      await client.subscribe(w.topic(), { qos })
      await client.publish(w.topic(), 'again', { qos })
      const first = await client.take('publish')
      expect(first.dup).toBe(false)
      await client.disconnect()
      const back = await w.connect(w.lasting())
      const second = await back.receive()
      const { packetId, payload } = first
      expect(second).toMatchObject({ packetId, payload, qos, dup: true })
    })
  }

  both('4.4.0-1', 'a killed connection gets its unacknowledged messages again', async (w) => {
    const client = await w.connect(w.lasting())
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'again', { qos: 1 })
    const { packetId } = await client.take('publish')
    client.kill()
    const back = await w.connect(w.lasting())
    expect(await back.receive()).toMatchObject({ packetId, payload: 'again', dup: true })
  })

  both('4.4.0-1', 'an unfinished PUBREL is sent again, the PUBLISH is not', async (w) => {
    const client = await w.connect(w.lasting())
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), 'x', { qos: 2 })
    const { packetId } = await client.take('publish')
    client.send(packet.ack('pubrec', packetId))
    await client.take('pubrel')
    await client.disconnect()
    const back = await w.connect(w.lasting())
    expect(await back.expect('pubrel')).toMatchObject({ packetId })
    back.send(packet.ack('pubcomp', packetId))
    await back.publish(w.topic(), 'sentinel', { qos: 2 })
    expect(await back.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(['4.3.3-2', '4.3.3-10'], 'QoS 2 is exactly once across a break before PUBREL', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 2 })
    const once = { qos: 2, packetId: 21 } as const
    const client = await w.connect(w.lasting())
    client.send(packet.publish(w.version, w.topic(), 'once', once))
    await client.expect('pubrec')
    client.kill()
    const back = await w.connect(w.lasting())
    expect(back.connack?.sessionPresent).toBe(true)
    back.send(packet.publish(w.version, w.topic(), 'once', { ...once, dup: true }))
    expect(await back.expect('pubrec')).toMatchObject({ packetId: 21 })
    back.send(packet.ack('pubrel', 21))
    expect(await back.expect('pubcomp')).toMatchObject({ packetId: 21 })
    await back.publish(w.topic(), 'sentinel', { qos: 2, packetId: 22 })
    expect(await watcher.receive()).toMatchObject({ payload: 'once' })
    expect(await watcher.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(['4.3.3-2', '4.3.3-11'], 'PUBREL after a break completes the exchange', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 2 })
    const client = await w.connect(w.lasting())
    client.send(packet.publish(w.version, w.topic(), 'x', { qos: 2, packetId: 31 }))
    await client.expect('pubrec')
    await client.disconnect()
    const back = await w.connect(w.lasting())
    back.send(packet.ack('pubrel', 31))
    expect(await back.expect('pubcomp')).toMatchObject({ packetId: 31, code: 0 })
    expect(await watcher.receive()).toMatchObject({ payload: 'x' })
  })

  both(
    '4.6.0-1',
    'unacknowledged messages come again in their order, queued ones behind',
    async (w) => {
      const client = await w.connect(w.lasting())
      await client.subscribe(w.topic(), { qos: 2 })
      const qos = [1, 2, 1, 2, 1] as const
      for (const [index, one] of qos.entries()) {
        await client.publish(w.topic(), `${index}`, { qos: one })
      }
      for (let index = 0; index < qos.length; index++) await client.take('publish')
      await client.disconnect()
      await (await w.connect()).publish(w.topic(), 'queued', { qos: 1 })
      const back = await w.connect(w.lasting())
      const received: [string, boolean][] = []
      for (let index = 0; index <= qos.length; index++) {
        const message = await back.take('publish')
        received.push([message.payload, message.dup])
      }
      const expected = [...qos.keys()].map((index) => [`${index}`, true])
      expect(received).toEqual([...expected, ['queued', false]])
    },
  )

  both('4.4.0-1', 'nothing is sent again on an open connection', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'held', { qos: 1 })
    await client.take('publish')
    await client.publish(w.topic(), 'next', { qos: 1 })
    expect(await client.take('publish')).toMatchObject({ payload: 'next', dup: false })
    await client.ping()
    expect(client.unread).toEqual([])
  })

  both('4.4.0-1', 'a clean start forgets what was unacknowledged', async (w) => {
    const client = await w.connect(w.lasting())
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'lost', { qos: 1 })
    await client.take('publish')
    client.kill()
    const fresh = await w.connect({ ...w.lasting(), clean: true })
    await fresh.subscribe(w.topic(), { qos: 1 })
    await fresh.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await fresh.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['2.3.1-4', '2.2.1-4'],
    'a new message does not take an identifier still in use',
    async (w) => {
      const client = await w.connect(w.lasting())
      await client.subscribe(w.topic(), { qos: 1 })
      await client.publish(w.topic(), 'held', { qos: 1 })
      const held = await client.take('publish')
      await client.disconnect()
      const back = await w.connect(w.lasting())
      expect(await back.take('publish')).toMatchObject({ packetId: held.packetId, dup: true })
      await back.publish(w.topic(), 'new', { qos: 1 })
      expect((await back.take('publish')).packetId).not.toBe(held.packetId)
    },
  )

  v5('[MQTT-4.9.0-1] the window of the new connection holds for redelivery', async (w) => {
    const client = await w.connect(w.lasting())
    await client.subscribe(w.topic(), { qos: 1 })
    for (const payload of ['1', '2', '3']) {
      await client.publish(w.topic(), payload, { qos: 1 })
      await client.take('publish')
    }
    await client.disconnect()
    const narrow = [
      ['sessionExpiryInterval', 60],
      ['receiveMaximum', 1],
    ] as const
    const back = await w.connect({ ...w.lasting(), props: narrow })
    await back.take('publish')
    await back.ping()
    expect(back.unread).toEqual([])
  })
})
