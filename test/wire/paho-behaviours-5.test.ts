import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

/**
 * The behaviours that the Eclipse Paho interoperability suites ask of a server of MQTT 5 alone; with
 * the ten in `paho-behaviours.test.ts` they are 27. Times are shortened.
 */

const BIG_EXPIRY_S = 99_999
const USER_PAIRS = [
  ['a', '2'],
  ['c', '3'],
] as const
const USER_PROPS = USER_PAIRS.map((pair) => ['userProperty', pair] as const)

wireSuite('Paho interoperability, MQTT 5', ({ v5 }) => {
  v5('[paho-will-message] the will with user properties comes after the keep alive', async (w) => {
    const watcher = await w.connect({ clean: false })
    await watcher.subscribe(w.topic(), { qos: 2 })
    const props = [['willDelayInterval', 0], ...USER_PROPS] as const
    await w.connect({ keepAlive: 1, will: { topic: w.topic(), payload: 'will', props } })
    const message = await watcher.receive()
    expect(message.payload).toBe('will')
    expect(message.props.all('userProperty')).toEqual(USER_PAIRS)
  })

  v5('[paho-session-expiry] 0 ends, a value lasts, DISCONNECT changes it', async (w) => {
    const clientId = w.clientId()
    const join = (seconds: number, clean: boolean) =>
      w.connect({ clientId, clean, props: [['sessionExpiryInterval', seconds]] })
    const present = async (seconds: number) => {
      const client = await join(seconds, false)
      return { client, present: client.connack?.sessionPresent }
    }
    await (await join(0, true)).disconnect()
    const ended = await present(0)
    expect(ended.present).toBe(false)
    await ended.client.disconnect()
    await (await join(3, true)).disconnect()
    await delay(1_000)
    const lasts = await present(1)
    expect(lasts.present).toBe(true)
    await lasts.client.disconnect()
    await delay(2_200)
    const expired = await present(1)
    expect(expired.present).toBe(false)
    await expired.client.disconnect(0, [['sessionExpiryInterval', 30]])
    await delay(2_200)
    const lengthened = await present(1)
    expect(lengthened.present).toBe(true)
    await lengthened.client.disconnect(0, [['sessionExpiryInterval', 0]])
    expect((await present(1)).present).toBe(false)
  })

  v5('[paho-user-properties] user properties arrive at each QoS', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 2 })
    for (const qos of [0, 1, 2] as const) {
      await client.publish(w.topic(), '', { qos, props: USER_PROPS })
    }
    for (const message of await client.receiveMany(3)) {
      expect(message.props.all('userProperty')).toEqual(USER_PAIRS)
    }
  })

  v5('[paho-payload-format] payload format and content type arrive at each QoS', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 2 })
    const props = [
      ['payloadFormatIndicator', 1],
      ['contentType', 'My name'],
    ] as const
    for (const qos of [0, 1, 2] as const) await client.publish(w.topic(), '', { qos, props })
    for (const message of await client.receiveMany(3)) {
      expect(message.props.get('payloadFormatIndicator')).toBe(1)
      expect(message.props.get('contentType')).toBe('My name')
    }
  })

  v5('[paho-publication-expiry] of four queued messages the two expired are gone', async (w) => {
    const first = await w.connect(w.lasting(BIG_EXPIRY_S, 'away'))
    await first.subscribe(w.topic(), { qos: 2 })
    await first.disconnect(0, [['sessionExpiryInterval', 999_999_999]])
    const from = await w.connect()
    for (const [payload, seconds] of [
      ['expire', 1],
      ['stay', 60],
    ] as const) {
      const props = [['messageExpiryInterval', seconds]] as const
      await from.publish(w.topic(), `1 ${payload}`, { qos: 1, props })
      await from.publish(w.topic(), `2 ${payload}`, { qos: 2, props })
    }
    await delay(2_200)
    const again = await w.connect(w.lasting(BIG_EXPIRY_S, 'away'))
    const messages = await again.receiveMany(2)
    expect(messages.map((one) => one.payload)).toEqual(['1 stay', '2 stay'])
    for (const one of messages) expect(one.props.number('messageExpiryInterval')).toBeLessThan(60)
  })

  v5('[paho-subscribe-options] no-local, retain as published, retain handling', async (w) => {
    const [one, two] = [await w.connect(), await w.connect()]
    for (const client of [one, two]) await client.subscribe(w.topic('n'), { qos: 2, noLocal: true })
    await one.publish(w.topic('n'), 'to two', { qos: 1 })
    expect(await two.receive()).toMatchObject({ payload: 'to two' })
    await two.publish(w.topic('n'), 'to one', { qos: 1 })
    expect(await one.receive()).toMatchObject({ payload: 'to one' })

    await one.subscribe(w.topic('p'), { qos: 2, retainAsPublished: true })
    await one.publish(w.topic('p'), 'false', { qos: 1 })
    await one.publish(w.topic('p'), 'true', { qos: 1, retain: true })
    const flags = (await one.receiveMany(2)).map((message) => message.retain)
    expect(flags).toEqual([false, true])

    for (const qos of [0, 1, 2] as const) {
      await one.publish(w.topic(`r/${qos}`), 'kept', { qos, retain: true })
    }
    for (const [retainHandling, first, second] of [
      [1, 3, 0],
      [2, 0, 0],
      [0, 3, 3],
    ] as const) {
      const reader = await w.connect()
      for (const expected of [first, second]) {
        await reader.subscribe(w.topic('r/+'), { qos: 2, retainHandling })
        await reader.publish(w.topic('r/end'), 'end', { qos: 2 })
        const messages = await reader.receiveMany(expected)
        expect(new Set(messages.map((message) => message.qos)).size).toBe(expected)
        expect(await reader.receive()).toMatchObject({ payload: 'end' })
      }
    }
  })

  v5('[paho-assigned-clientid] an empty client id is answered with one', async (w) => {
    const client = await w.connect({ clientId: '' })
    expect(client.connack?.props.get('assignedClientIdentifier')).toMatch(/.+/)
  })

  v5('[paho-subscribe-identifiers] each subscriber gets its own identifiers', async (w) => {
    const [one, two] = [await w.connect(), await w.connect()]
    const id = (value: number) => ({ qos: 2, props: [['subscriptionIdentifier', value]] }) as const
    await one.subscribe(w.topic('T'), id(456_789))
    await two.subscribe(w.topic('T'), id(2))
    await two.subscribe(w.topic('T/#'), id(3))
    await two.publish(w.topic('T'), 'x', { qos: 1 })
    expect((await one.receive()).props.all('subscriptionIdentifier')).toEqual([456_789])
    const ids = (await two.receive()).props.all('subscriptionIdentifier')
    expect(new Set(ids)).toEqual(new Set([2, 3]))
  })

  v5('[paho-request-response] response topic and correlation data make the round', async (w) => {
    const [asker, answerer] = [await w.connect(), await w.connect()]
    for (const client of [asker, answerer]) {
      await client.subscribe(w.topic(), { qos: 2, noLocal: true })
    }
    const props = [
      ['responseTopic', w.topic()],
      ['correlationData', Buffer.from('334')],
    ] as const
    await asker.publish(w.topic(), 'request', { qos: 1, props })
    const request = await answerer.receive()
    expect(request.props.entries).toEqual(expect.arrayContaining([...props]))
    const back = String(request.props.get('responseTopic'))
    await answerer.publish(back, 'response', { qos: 1, props: request.props.entries })
    expect(await asker.receive()).toMatchObject({ payload: 'response' })
  })

  v5('[paho-client-topic-alias] aliases work, alias 0 and forgotten ones do not', async (w) => {
    const alias = [['topicAlias', 1]] as const
    const zero = await w.connect()
    zero.send(packet.publish(5, w.topic(), 'x', { qos: 1, props: [['topicAlias', 0]] }))
    await zero.take('disconnect')
    const client = await w.connect(w.lasting(BIG_EXPIRY_S, 'alias'))
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), 'alias 1', { qos: 1, props: alias })
    await client.publish('', 'alias 2', { qos: 1, props: alias })
    const payloads = (await client.receiveMany(2)).map((one) => one.payload)
    expect(payloads).toEqual(['alias 1', 'alias 2'])
    await client.ping()
    await client.disconnect()
    const again = await w.connect(w.lasting(BIG_EXPIRY_S, 'alias'))
    await again.publish(w.topic(), 'alias 3', { qos: 1 })
    expect(await again.receive()).toMatchObject({ payload: 'alias 3' })
    again.send(packet.publish(5, '', 'alias 4', { qos: 1, props: alias }))
    await again.take('disconnect')
  })

  v5('[paho-server-topic-alias] the server uses one alias, none without leave', async (w) => {
    for (const maximum of [1, 0]) {
      const props = maximum > 0 ? ([['topicAliasMaximum', maximum]] as const) : []
      const client = await w.connect({ props })
      await client.subscribe(w.topic(), { qos: 2 })
      for (const qos of [0, 1, 2] as const) await client.publish(w.topic(), 'x', { qos })
      const messages = await client.receiveMany(3)
      const aliases = messages.map((one) => one.props.get('topicAlias'))
      expect(aliases).toEqual(maximum > 0 ? [1, 1, 1] : [undefined, undefined, undefined])
      const later = maximum > 0 ? '' : w.topic()
      expect(messages.map((one) => one.topic)).toEqual([w.topic(), later, later])
    }
  })

  v5('[paho-maximum-packet-size] a small message is sent, a large one is not', async (w) => {
    const client = await w.connect({ props: [['maximumPacketSize', 100]] })
    await client.subscribe(w.topic(), { qos: 2 })
    await client.publish(w.topic(), '.'.repeat(100), { qos: 1 })
    await client.publish(w.topic(), '.'.repeat(32), { qos: 0 })
    expect((await client.receive()).payload).toHaveLength(32)
    const limit = client.connack?.props.number('maximumPacketSize') ?? 2 ** 28
    if (limit >= 65_535) return
    client.send(packet.publish(5, w.topic(), '.'.repeat(limit)))
    await client.refused(code.PACKET_TOO_LARGE)
  })

  v5('[paho-server-keep-alive] 120 s asked for, 60 s said', async (w) => {
    const client = await w.connect({ keepAlive: 120 })
    expect(client.connack?.props.get('serverKeepAlive')).toBe(60)
  })

  v5('[paho-flow-control-1] a window of two holds the third until a PUBACK', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 2]] })
    await client.subscribe(w.topic(), { qos: 2 })
    for (const payload of ['1', '2', '3']) await client.publish(w.topic(), payload, { qos: 1 })
    const first = await client.take('publish')
    await client.take('publish')
    await client.ping()
    expect(client.unread).toEqual([])
    client.send(packet.ack('puback', first.packetId))
    expect(await client.take('publish')).toMatchObject({ payload: '3' })
  })

  v5('[paho-flow-control-2] more open QoS 2 messages than allowed: DISCONNECT 0x93', async (w) => {
    const client = await w.connect()
    const maximum = client.connack?.props.number('receiveMaximum') ?? 65_535
    for (let packetId = 1; packetId <= maximum + 1; packetId++) {
      client.send(packet.publish(5, w.topic(), 'x', { qos: 2, packetId }))
    }
    await client.refused(code.RECEIVE_MAXIMUM_EXCEEDED)
  })

  for (const [willDelay, sessionExpiry, after] of [
    [1, 3, 1],
    [3, 0, 0],
    [5, 1, 1],
  ] as const) {
    const name = `delay ${willDelay}, session ${sessionExpiry}: the will comes after ${after} s`
    v5(`[paho-will-delay] ${name}`, async (w) => {
      const watcher = await w.connect()
      await watcher.subscribe(w.topic(), { qos: 2 })
      const client = await w.connect({
        props: [['sessionExpiryInterval', sessionExpiry]],
        will: { topic: w.topic(), payload: 'will', props: [['willDelayInterval', willDelay]] },
      })
      const lostAt = performance.now()
      client.kill()
      expect(await watcher.receive()).toMatchObject({ payload: 'will' })
      const seconds = (performance.now() - lostAt) / 1_000
      expect(seconds).toBeGreaterThan(after - 0.1)
      expect(seconds).toBeLessThan(after + 1.8)
    })
  }

  v5('[paho-shared-subscriptions] plain topics to both, shared topics to one', async (w) => {
    const clients = [await w.connect(), await w.connect()]
    for (const client of clients) {
      await client.subscribe([
        { filter: `$share/sharename/${w.topic('x')}`, qos: 2 },
        { filter: w.topic('plain'), qos: 2 },
      ])
    }
    const from = await w.connect()
    await from.publish(w.topic('x'), 'shared', { qos: 1 })
    await from.publish(w.topic('plain'), 'plain', { qos: 1 })
    const got: string[] = []
    for (const client of clients) {
      let payload: string
      do {
        payload = (await client.receive()).payload
        got.push(payload)
      } while (payload !== 'plain')
    }
    expect(got.sort()).toEqual(['plain', 'plain', 'shared'])
  })
})
