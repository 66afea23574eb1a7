import { expect } from 'vitest'
import type { WireClient } from '../support/wire/client.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { type WireCase, wireSuite } from '../support/wire/suite.ts'

async function members(w: WireCase, count: number, filter: string): Promise<WireClient[]> {
  const clients: WireClient[] = []
  for (let index = 0; index < count; index++) {
    const client = await w.connect()
    await client.subscribe(filter, { qos: 1 })
    clients.push(client)
  }
  return clients
}

/** What each client got, after a message to all has shown that nothing more is on its way. */
async function collect(w: WireCase, from: WireClient, clients: readonly WireClient[]) {
  for (const client of clients) await client.subscribe(w.topic('end'), { qos: 1 })
  await from.publish(w.topic('end'), 'end', { qos: 1 })
  return Promise.all(
    clients.map(async (client) => {
      const payloads: string[] = []
      for (;;) {
        const message = await client.receive()
        if (message.topic === w.topic('end')) return payloads
        payloads.push(message.payload)
      }
    }),
  )
}

wireSuite('Shared subscriptions', ({ v5 }) => {
  v5('[MQTT-4.8.2-1] each message goes to one member of the group', async (w) => {
    const group = await members(w, 3, `$share/g/${w.topic()}`)
    const from = await w.connect()
    const sent = Array.from({ length: 30 }, (_, index) => `${index}`)
    for (const payload of sent) await from.publish(w.topic(), payload, { qos: 1 })
    const got = await collect(w, from, group)
    expect(got.flat().sort()).toEqual([...sent].sort())
  })

  v5('[MQTT-4.8.2-1] the work is spread over the members', async (w) => {
    const group = await members(w, 3, `$share/g/${w.topic()}`)
    const from = await w.connect()
    for (let index = 0; index < 30; index++) await from.publish(w.topic(), `${index}`, { qos: 1 })
    const got = await collect(w, from, group)
    for (const payloads of got) expect(payloads.length).toBeGreaterThanOrEqual(5)
  })

  v5('[MQTT-4.8.2-1] groups are independent of each other', async (w) => {
    const [one] = await members(w, 1, `$share/one/${w.topic()}`)
    const [two] = await members(w, 1, `$share/two/${w.topic()}`)
    const from = await w.connect()
    for (const payload of ['a', 'b', 'c']) await from.publish(w.topic(), payload, { qos: 1 })
    const got = await collect(
      w,
      from,
      [one, two].filter((each) => each !== undefined),
    )
    expect(got).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
  })

  v5('[MQTT-4.8.2-1] an ordinary subscription gets its own copy beside the group', async (w) => {
    const group = await members(w, 2, `$share/g/${w.topic()}`)
    const plain = await w.connect()
    await plain.subscribe(w.topic(), { qos: 1 })
    for (const payload of ['a', 'b', 'c', 'd']) await plain.publish(w.topic(), payload, { qos: 1 })
    const [first, second, own] = await collect(w, plain, [...group, plain])
    expect([...(first ?? []), ...(second ?? [])].sort()).toEqual(['a', 'b', 'c', 'd'])
    expect(own).toEqual(['a', 'b', 'c', 'd'])
  })

  v5('[MQTT-4.8.2-1] wildcards work inside a group', async (w) => {
    const group = await members(w, 2, `$share/g/${w.topic('+/x/#')}`)
    const from = await w.connect()
    for (const name of ['a/x', 'b/x/y', 'c/y']) await from.publish(w.topic(name), name, { qos: 1 })
    const got = await collect(w, from, group)
    expect(got.flat().sort()).toEqual(['a/x', 'b/x/y'])
  })

  v5('[MQTT-4.8.2-3] the granted QoS of the member holds', async (w) => {
    const client = await w.connect()
    const answer = await client.subscribe(`$share/g/${w.topic()}`, { qos: 1 })
    expect(answer.codes).toEqual([1])
    await client.publish(w.topic(), 'x', { qos: 2 })
    expect(await client.receive()).toMatchObject({ qos: 1 })
  })

  v5('[MQTT-3.3.1-9] retained messages are not sent for a shared subscription', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'kept', { qos: 1, retain: true })
    await client.subscribe(`$share/g/${w.topic()}`, { qos: 1 })
    await client.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  v5('[MQTT-3.3.4-3] the Subscription Identifier of the member comes along', async (w) => {
    const client = await w.connect()
    const props = [['subscriptionIdentifier', 77]] as const
    await client.subscribe(`$share/g/${w.topic()}`, { qos: 1, props })
    await client.publish(w.topic(), 'x', { qos: 1 })
    expect((await client.receive()).props.all('subscriptionIdentifier')).toEqual([77])
  })

  v5('[MQTT-3.10.4-1] a member that unsubscribes leaves the work to the others', async (w) => {
    const filter = `$share/g/${w.topic()}`
    const [stays, leaves] = await members(w, 2, filter)
    expect((await leaves?.unsubscribe(filter))?.codes).toEqual([0])
    const from = await w.connect()
    const sent = ['a', 'b', 'c', 'd']
    for (const payload of sent) await from.publish(w.topic(), payload, { qos: 1 })
    for (const payload of sent) expect(await stays?.receive()).toMatchObject({ payload })
  })

  v5('[MQTT-3.10.4-1] unsubscribing the plain filter leaves the shared one', async (w) => {
    const client = await w.connect()
    await client.subscribe(`$share/g/${w.topic()}`, { qos: 1 })
    const answer = await client.unsubscribe(w.topic())
    expect(answer.codes).toEqual([code.NO_SUBSCRIPTION_EXISTED])
    await client.publish(w.topic(), 'x', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'x' })
  })

  v5('[MQTT-4.8.2-1] a member that disconnects leaves the work to the others', async (w) => {
    const [stays, leaves] = await members(w, 2, `$share/g/${w.topic()}`)
    await leaves?.disconnect()
    const from = await w.connect()
    const sent = ['a', 'b', 'c', 'd']
    for (const payload of sent) await from.publish(w.topic(), payload, { qos: 1 })
    for (const payload of sent) expect(await stays?.receive()).toMatchObject({ payload })
  })

  v5('[MQTT-4.8.2-4] a QoS 2 message begun is finished with the same member', async (w) => {
    const session = { clientId: w.clientId('m'), props: [['sessionExpiryInterval', 60]] as const }
    const client = await w.connect(session)
    await client.subscribe(`$share/g/${w.topic()}`, { qos: 2 })
    await client.publish(w.topic(), 'begun', { qos: 2 })
    const { packetId } = await client.take('publish')
    client.send(packet.ack('pubrec', packetId))
    await client.take('pubrel')
    await client.disconnect()
    const again = await w.connect({ ...session, clean: false })
    expect(await again.expect('pubrel')).toMatchObject({ packetId })
  })

  v5('[MQTT-4.8.2-6] a message a member refuses is not given to another', async (w) => {
    const group = await members(w, 2, `$share/g/${w.topic()}`)
    const from = await w.connect()
    await from.publish(w.topic(), 'refused', { qos: 1 })
    const holder = await Promise.race(
      group.map(async (client) => ({ client, message: await client.take('publish') })),
    )
    holder.client.send(packet.ack('puback', holder.message.packetId, 0x80))
    await holder.client.ping()
    const other = group.find((client) => client !== holder.client)
    await other?.ping()
    expect(other?.unread).toEqual([])
  })

  v5('[MQTT-4.8.2-1] a message for a group that is away waits for a lasting member', async (w) => {
    const session = { clientId: w.clientId('m'), props: [['sessionExpiryInterval', 60]] as const }
    const client = await w.connect(session)
    await client.subscribe(`$share/g/${w.topic()}`, { qos: 1 })
    await client.disconnect()
    await (await w.connect()).publish(w.topic(), 'waits', { qos: 1 })
    const again = await w.connect({ ...session, clean: false })
    expect(await again.receive()).toMatchObject({ payload: 'waits' })
  })

  const invalid = [
    '$share/',
    '$share/g',
    '$share/g/',
    '$share//t',
    '$share/+/t',
    '$share/#/t',
    '$share/a+/t',
  ]
  for (const filter of invalid) {
    const statement = filter === '$share//t' ? '4.8.2-1' : '4.8.2-2'
    v5(`[MQTT-${statement}] the filter ${filter} is refused`, async (w) => {
      const client = await w.connect()
      client.send(packet.subscribe(5, 1, [{ filter, qos: 1 }]))
      const answer = await client.next()
      if (answer.type === 'suback') expect(answer.codes).toEqual([code.TOPIC_FILTER_INVALID])
      else expect(answer).toMatchObject({ type: 'disconnect' })
    })
  }
})
